/**
 * Statistics of experiments: did it work?
 *
 * {@link stats.summarize} adds rows up to arms, {@link stats.analyze} compares arms with a control,
 * {@link stats.sampleRatio} checks the split, {@link stats.adjust} corrects several p-values, and
 * {@link stats.plan} says how many units are needed. The same numbers, to the last bit, as in Rust
 * and Python.
 */
import { type Control, controlled } from './control.js';
import { invalid, native } from './errors.js';
import { type IdColumn, nativeIds, nativeNumbers } from './events.js';
import { describe } from './ids.js';
import { camelKeys, snakeCase, snakeKeys, toJson } from './json.js';
import { type NativeRows, statsAsk, summarize as nativeSummarize } from './native.js';

/** What is measured: a share of units that convert, a mean of units, or a sum over a sum. */
export type Metric = 'proportion' | 'mean' | 'ratio';

/** The direction of a test. */
export type Alternative = 'twoSided' | 'two_sided' | 'greater' | 'less';

/** How several p-values are corrected. */
export type Correction = 'holm' | 'benjaminiHochberg' | 'benjamini_hochberg' | 'none';

/** One arm: counts and moments of its units. `stats.summarize` makes it from rows. */
export interface Arm {
  /** The variant. */
  name: string;
  /** Units, not rows. */
  n: number;
  /** What a unit is; arms of different units are refused. */
  unit?: string | undefined;
  /** Units that converted, of a proportion. */
  successes?: number | undefined;
  /** The sum of the values; with `sumSquares`, in the place of `mean` and `variance`. */
  sum?: number | undefined;
  /** The sum of their squares. */
  sumSquares?: number | undefined;
  /** The mean of the values. */
  mean?: number | undefined;
  /** Their variance, by n − 1. */
  variance?: number | undefined;
  /** Of a ratio's denominator. */
  denominatorSum?: number | undefined;
  /** Of a ratio's denominator. */
  denominatorSumSquares?: number | undefined;
  /** Of a ratio's denominator. */
  denominatorMean?: number | undefined;
  /** Of a ratio's denominator. */
  denominatorVariance?: number | undefined;
  /** The sum of value times denominator. */
  sumProducts?: number | undefined;
  /** The covariance of value and denominator. */
  covariance?: number | undefined;
  /** Of the covariate: what is known of a unit from before; it makes CUPED possible. */
  covariateSum?: number | undefined;
  /** Of the covariate. */
  covariateSumSquares?: number | undefined;
  /** Of the covariate. */
  covariateMean?: number | undefined;
  /** Of the covariate. */
  covariateVariance?: number | undefined;
  /** The sum of value times covariate. */
  covariateSumProducts?: number | undefined;
  /** The covariance of value and covariate. */
  covariateCovariance?: number | undefined;
  /** The sum of denominator times covariate. */
  covariateDenominatorSumProducts?: number | undefined;
  /** The covariance of denominator and covariate. */
  covariateDenominatorCovariance?: number | undefined;
}

/** A part of the units, with all arms. */
export interface ArmGroup {
  /** The stratum or segment. */
  name: string;
  /** Its arms. */
  arms: readonly Arm[];
  /** A stratum's weight; without weights its share of all units. */
  weight?: number | undefined;
}

/** What to analyze. */
export interface AnalyzeRequest {
  /** What is measured. */
  metric: Metric;
  /** The arms; or `strata`. */
  arms?: readonly Arm[] | undefined;
  /** Parts of the units, for post-stratification. */
  strata?: readonly ArmGroup[] | undefined;
  /** Parts of the units to be looked at one by one. */
  segments?: readonly ArmGroup[] | undefined;
  /** The arm that the others are compared with: the first. */
  control?: string | undefined;
  /** One look (`frequentist`, the default), any number (`sequential`), or `bayesian`. */
  method?: 'frequentist' | 'sequential' | 'bayesian' | undefined;
  /** The direction: `twoSided`. */
  alternative?: Alternative | undefined;
  /** The level: 0.05. */
  alpha?: number | undefined;
  /** Of several arms' p-values: `holm`. */
  correction?: Correction | undefined;
  /** The interval of the relative difference: `fieller`. */
  relative?: 'fieller' | 'delta' | undefined;
  /** Whether to use the covariate: true. */
  cuped?: boolean | undefined;
  /** `alpha` and `beta` of shares (1, 1), or `mean` and `variance` (none). */
  prior?:
    | {
        alpha?: number | undefined;
        beta?: number | undefined;
        mean?: number | undefined;
        variance?: number | undefined;
      }
    | undefined;
  /** Where confidence sequences are tightest, in units of both arms: 5,000. */
  tuningUnits?: number | undefined;
  /** Units of an arm before a sequential test says anything: 100. */
  minUnits?: number | undefined;
  /** What the split should be; without it there is no check of it. */
  shares?: readonly number[] | undefined;
  /** What is better: `increase`. */
  goal?: 'increase' | 'decrease' | undefined;
  /** What one of the metric is worth, for how many units, and what the change costs. */
  roi?: { valuePerUnit: number; units: number; cost?: number | undefined } | undefined;
  /** What was counted. */
  unit?: string | undefined;
  /** What was assigned; another unit is refused, unless the metric is a ratio. */
  randomizationUnit?: string | undefined;
}

/** One arm of a report. */
export interface ArmReport {
  /** The variant. */
  name: string;
  /** Its units. */
  n: number;
  /** Share, mean or ratio. */
  estimate: number;
  /** Its standard error. */
  standardError: number | null;
  /** What the posterior says, of a Bayesian analysis. */
  posterior: {
    mean: number;
    low: number;
    high: number;
    chanceToBeBest: number;
    expectedLoss: number;
  } | null;
}

/** One arm beside the control; what does not apply is `null`. */
export interface ArmComparison {
  /** The variant. */
  arm: string;
  /** Whether there is a result, or why there is none. */
  status: 'ok' | 'too_few_units' | 'zero_variance' | 'too_early';
  /** The arm's estimate less the control's. */
  difference: number;
  /** The standard error that the test uses. */
  standardError: number | null;
  /** The lower end of the difference's interval. */
  low: number | null;
  /** The upper end. */
  high: number | null;
  /** The difference by the control's estimate. */
  relative: number | null;
  /** The lower end of its interval. */
  relativeLow: number | null;
  /** The upper end. */
  relativeHigh: number | null;
  /** The p-value; always valid if the method is sequential. */
  pValue: number | null;
  /** Corrected for the number of arms. */
  pValueAdjusted: number | null;
  /** Whether that is at most alpha. */
  significant: boolean;
  /** The chance that the arm is better than the control. */
  chanceToWin: number | null;
  /** What is lost on average by choosing the arm if the control is better. */
  expectedLoss: number | null;
  /** What the change is worth. */
  roi: { gain: number; low: number | null; high: number | null; ratio: number | null } | null;
  /** What may be said. */
  verdict: string;
}

/** Whether the effect of an arm differs between the segments. */
export interface Heterogeneity {
  /** The variant. */
  arm: string;
  /** Cochran's Q. */
  q: number;
  /** Segments less one. */
  freedom: number;
  /** The chance of as large a Q if the effect is the same everywhere. */
  pValue: number;
  /** Corrected for the number of arms. */
  pValueAdjusted: number;
  /** What may be said. */
  verdict: string;
}

/** A check of the split. */
export interface SampleRatio {
  /** Pearson's chi-square. */
  chiSquare: number;
  /** Its p-value, for one look. */
  pValue: number;
  /** A p-value that may be looked at after every unit. */
  pValueAnyTime: number;
  /** Whether the split is wrong. */
  mismatch: boolean;
  /** The units that each arm should have. */
  expected: number[];
  /** What may be said. */
  verdict: string;
}

/** What an analysis found. */
export interface AnalysisReport {
  /** What was measured. */
  metric: Metric;
  /** How it was looked at. */
  method: 'frequentist' | 'sequential' | 'bayesian';
  /** The level. */
  alpha: number;
  /** The arm that the others are compared with. */
  control: string;
  /** All arms. */
  arms: ArmReport[];
  /** All arms but the control. */
  comparisons: ArmComparison[];
  /** What CUPED did. */
  cuped: { theta: number; varianceReduction: number } | null;
  /** The check of the split, where `shares` were given. */
  srm: SampleRatio | null;
  /** The segments, arm by arm, corrected together. */
  segments: (ArmComparison & { segment: string })[];
  /** Whether segments differ. */
  heterogeneity: Heterogeneity[];
  /** What a reader must know before the numbers. */
  warnings: string[];
  /** All of it in a sentence or two. */
  verdict: string;
}

/** What is known of a metric, and `effect`, `units` or both. */
export interface PlanRequest {
  /** What is measured. */
  metric: Metric;
  /** The control's share, mean or ratio; or `arms`. */
  baseline?: number | undefined;
  /** The variance of one unit, of a mean or ratio. */
  variance?: number | undefined;
  /** What CUPED takes off, 0 to below 1. */
  varianceReduction?: number | undefined;
  /** In the middle of an experiment; the difference between them is not looked at. */
  arms?: readonly Arm[] | undefined;
  /** The difference to find. */
  effect?: number | undefined;
  /** Whether it is by the baseline: `relative`. */
  effectKind?: 'relative' | 'absolute' | undefined;
  /** Units of all arms. */
  units?: number | undefined;
  /** The chance to find the effect: 0.8. */
  power?: number | undefined;
  /** The level: 0.05. */
  alpha?: number | undefined;
  /** The direction of the test: `twoSided`. */
  alternative?: Alternative | undefined;
  /** Of the arms, the control first: equal. */
  shares?: readonly number[] | undefined;
  /** `frequentist`; or `sequential`: what one look at the end would find. */
  method?: 'frequentist' | 'sequential' | undefined;
  /** As in an analysis. */
  tuningUnits?: number | undefined;
  /** The direction of the smallest effect: `increase`. */
  goal?: 'increase' | 'decrease' | undefined;
}

/** What a plan comes to; what does not apply is `null`. */
export interface Plan {
  /** Units of all arms that find the effect with the power. */
  units: number | null;
  /** The same by arm. */
  unitsByArm: number[] | null;
  /** Units still missing, where arms were given. */
  unitsToGo: number | null;
  /** The chance to find the effect with the units given. */
  power: number | null;
  /** The smallest effect that the units given find, absolute. */
  minimumEffect: number | null;
  /** The same by the baseline. */
  minimumEffectRelative: number | null;
  /** The standard errors that a difference must exceed. */
  threshold: number | null;
}

/** The rows of an experiment, as columns of equal length. */
export interface ExperimentRows {
  /** The variant. */
  arm: IdColumn;
  /** The value; 0 or 1 for a proportion, the numerator for a ratio. */
  value: readonly number[] | Float64Array | Float32Array;
  /** Who was assigned; rows of one unit are added up. Without it each row is a unit. */
  unit?: IdColumn | undefined;
  /** A ratio's denominator. */
  denominator?: readonly number[] | Float64Array | Float32Array | undefined;
  /** What is known of the unit from before: the same on all of its rows. */
  covariate?: readonly number[] | Float64Array | Float32Array | undefined;
}

/** How rows are added up. */
export interface SummarizeSettings extends Control {
  /** What is measured. */
  metric: Metric;
  /** The arm that comes first. */
  control?: string | undefined;
  /** Two quantiles of all units that values are kept within, of a mean. */
  winsorize?: readonly [number, number] | undefined;
  /** Units in several arms are an error (`refuse`), or are left out. */
  crossovers?: 'refuse' | 'drop' | undefined;
  /** The number of threads: 1. */
  threads?: number | undefined;
}

/** Arms from rows; its `metric` and `arms` are what `stats.analyze` takes. */
export interface ExperimentSummary {
  /** What is measured. */
  metric: Metric;
  /** The arms. */
  arms: Arm[];
  /** Rows in all. */
  rows: number;
  /** Units that were left out because they were in several arms. */
  crossovers: number;
  /** The bounds that values were kept within, and how many units were beyond them. */
  winsorized: { low: number; high: number; units: number } | null;
}

/** Options whose values are words of two parts. */
const WORDS = ['alternative', 'correction', 'method'];

/** Names at every depth; the words of options, too. */
function deep(value: unknown, what: string): unknown {
  if (Array.isArray(value)) return value.map((inner) => deep(inner, what));
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  const result = snakeKeys(value, what);
  for (const name of Object.keys(result)) {
    const inner = result[name];
    if (typeof inner === 'string') {
      if (WORDS.includes(name)) result[name] = snakeCase(inner);
    } else {
      result[name] = deep(ArrayBuffer.isView(inner) ? Array.from(inner as never) : inner, what);
    }
  }
  return result;
}

function ask(question: string, request: unknown): unknown {
  if (typeof request !== 'object' || request === null) {
    throw invalid(`request must be an object, not ${describe(request)}`);
  }
  const json = toJson(deep(request, 'request'), 'request', 'invalid_argument', 'finite');
  return camelKeys(JSON.parse(native(() => statsAsk(question, json))));
}

/** Compares arms with a control. The guide "statistics" says what each number means. */
function analyze(request: AnalyzeRequest): AnalysisReport {
  return ask('analyze', request) as AnalysisReport;
}

/**
 * Checks counts of units against the shares (equal ones) that they should have; `alpha` is 0.001,
 * because a broken assignment is soon far below.
 */
function sampleRatio(request: {
  counts: readonly number[];
  shares?: readonly number[] | undefined;
  alpha?: number | undefined;
}): SampleRatio {
  return ask('sample_ratio', request) as SampleRatio;
}

/** Corrects p-values for their number, by Holm's method or that of Benjamini and Hochberg. */
function adjust(pValues: readonly number[], method?: Correction): number[] {
  return (ask('adjust', { pValues, method }) as { pValues: number[] }).pValues;
}

/** How many units find an effect, with what chance, and how small an effect is found. */
function plan(request: PlanRequest): Plan {
  return ask('plan', request) as Plan;
}

const COLUMNS = ['arm', 'value', 'unit', 'denominator', 'covariate'];

/**
 * Adds rows up to arms, exactly: the order of the rows and the threads change no bit. Works off
 * the event loop.
 */
async function summarize(
  rows: ExperimentRows,
  settings: SummarizeSettings,
): Promise<ExperimentSummary> {
  const { progress, signal, ...options } = settings ?? {};
  if (typeof rows !== 'object' || rows === null) {
    throw invalid(`rows must be an object of columns, not ${describe(rows)}`);
  }
  for (const name of Object.keys(rows)) {
    if (!COLUMNS.includes(name)) {
      throw invalid(`rows.${name} is not a column; the columns are ${COLUMNS.join(', ')}`);
    }
  }
  const given: NativeRows = {
    arm: nativeIds(rows.arm, 'rows.arm'),
    value: nativeNumbers(rows.value, 'rows.value'),
  };
  if (rows.unit !== undefined) given.unit = nativeIds(rows.unit, 'rows.unit');
  for (const name of ['denominator', 'covariate'] as const) {
    const column = rows[name];
    if (column !== undefined) given[name] = nativeNumbers(column, `rows.${name}`);
  }
  const json = toJson(snakeKeys(options, 'settings'), 'settings');
  const text = await controlled({ progress, signal }, (cancel, report) =>
    nativeSummarize(given, json, cancel, report),
  );
  return camelKeys(JSON.parse(text)) as ExperimentSummary;
}

/** Statistics of experiments. */
export const stats = { analyze, sampleRatio, adjust, plan, summarize };
