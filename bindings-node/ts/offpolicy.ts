/**
 * Off-policy evaluation: is the new policy better, before anybody sees it?
 *
 * {@link offpolicy.evaluate} estimates what a policy is worth from the log of another,
 * {@link offpolicy.compare} the difference of two, {@link offpolicy.evaluateSlates} values lists of
 * items. The same numbers, to the last bit, as in Rust and Python.
 */
import { type Control, controlled } from './control.js';
import { invalid } from './errors.js';
import { type IdColumn, nativeIds, nativeNumbers } from './events.js';
import { describe } from './ids.js';
import { camelKeys, snakeCase, snakeKeys, toJson } from './json.js';
import {
  type NativeLog,
  type NativeMatrix,
  type NativePolicy,
  type NativeSlates,
  evaluatePolicy,
  evaluateSlates as nativeSlates,
} from './native.js';

/** A column of numbers. */
export type NumberColumn = readonly number[] | Float64Array | Float32Array;

/** Numbers by row and action: lists of rows, or all values and how many a row has. */
export type NumberMatrix = readonly (readonly number[])[] | { values: NumberColumn; columns: number };

/** How a value is estimated. */
export type Estimator =
  | 'ips'
  | 'snips'
  | 'clippedIps'
  | 'clipped_ips'
  | 'dm'
  | 'dr'
  | 'sndr'
  | 'switchDr'
  | 'switch_dr'
  | 'mrdr'
  | 'replay';

/** How the value of slates is estimated. */
export type SlateEstimator =
  | 'standardIps'
  | 'standard_ips'
  | 'independentIps'
  | 'independent_ips'
  | 'cascadeIps'
  | 'cascade_ips'
  | 'pseudoInverse'
  | 'pseudo_inverse';

/**
 * Logged decisions as columns of one length, a row an action that was shown. Matrices have a row a
 * row of the log, one for all, or, with `cell`, the row that it names; `predictions` and
 * `features` may have a row a row of the log beside a policy that has a row a cell.
 */
export interface PolicyLog {
  /** What came of the action. */
  reward: NumberColumn;
  /** The probability with which the logging policy took it. */
  propensity: NumberColumn;
  /** The action, as a column of matrices: 0, 1, …. */
  action?: NumberColumn | undefined;
  /** The row of the matrices. */
  cell?: NumberColumn | undefined;
  /** Whose row it is. */
  unit?: IdColumn | undefined;
  /** Predicted rewards of the logged actions. */
  predicted?: NumberColumn | undefined;
  /** The logging policy's probabilities of all actions. */
  logging?: NumberMatrix | undefined;
  /** Predicted rewards of all actions. */
  predictions?: NumberMatrix | undefined;
  /** Numbers that describe the context, for a ridge regression. */
  features?: NumberMatrix | undefined;
}

/** A policy: its probabilities of the logged actions, or of all. */
export interface TargetPolicy {
  /** Its probability of each row's logged action. */
  probability?: NumberColumn | undefined;
  /** Its probabilities of all actions. */
  actions?: NumberMatrix | undefined;
  /** The mean of the predicted rewards over its actions. */
  predicted?: NumberColumn | undefined;
}

/** How policies are evaluated. */
export interface OffPolicySettings extends Control {
  /** The estimators: all that the columns allow, but replay. */
  estimators?: readonly Estimator[] | undefined;
  /** The level of intervals: 0.05. */
  alpha?: number | undefined;
  /** The threshold of `clippedIps`: `auto`. */
  clip?: number | 'auto' | undefined;
  /** The threshold of `switchDr`: `auto`. */
  switch?: number | 'auto' | undefined;
  /** How thresholds are chosen: `mseBound`. */
  thresholdRule?: 'slope' | 'mseBound' | 'mse_bound' | undefined;
  /** Replicates of the bootstrap: 0, none. */
  replicates?: number | undefined;
  /** The seed of the bootstrap: 0. */
  seed?: number | undefined;
  /** The model of rewards that is fitted: `ridge` where there are features, else `cells`. */
  rewardModel?: 'cells' | 'ridge' | undefined;
  /** Parts for cross-fitting: 5. */
  folds?: number | undefined;
  /** What cell means are drawn by, in rows: `auto`. */
  shrinkage?: number | 'auto' | undefined;
  /** The penalty of the ridge regression: 1. */
  regularization?: number | undefined;
  /** Rows without a propensity and actions that are never logged: an error (`refuse`). */
  unsupported?: 'refuse' | 'ignore' | undefined;
  /** The number of threads: 1. */
  threads?: number | undefined;
}

/** An estimate with its interval; what does not apply is `null`. */
export interface Estimated {
  /** Whether there is an estimate, and an interval. */
  status: 'ok' | 'too_few_units' | 'zero_variance' | 'no_overlap';
  /** The estimate. */
  value: number | null;
  /** Its standard error. */
  standardError: number | null;
  /** The lower end of the interval. */
  low: number | null;
  /** The upper end. */
  high: number | null;
  /** What the bootstrap says. */
  bootstrap: { standardError: number; low: number; high: number; replicates: number } | null;
}

/** A difference. */
export interface Gain extends Estimated {
  /** The chance of as large a difference if there is none. */
  pValue: number | null;
}

/** What one estimator found. */
export interface PolicyEstimate extends Estimated {
  /** Which. */
  estimator: string;
  /** The threshold of the weights. */
  threshold: number | null;
  /** The share of rows above it. */
  aboveThreshold: number | null;
  /** The value less that of the logging policy, from the same rows. */
  gain: Gain;
}

/** What an evaluation found. */
export interface OffPolicyReport {
  /** Rows of the log. */
  rows: number;
  /** Units, or rows. */
  units: number;
  /** The level. */
  alpha: number;
  /** What the logging policy got. */
  logged: Estimated;
  /** The estimators. */
  estimates: PolicyEstimate[];
  /** What the weights look like. */
  weights: {
    effectiveSampleSize: number;
    effectiveShare: number;
    mean: number;
    meanStandardError: number | null;
    max: number;
    largestShare: number;
    zeroShare: number;
  };
  /** What the log cannot say. */
  support: { rowsWithoutPropensity: number; rowsLost: number; unsupported: number | null };
  /** The model of rewards that was fitted. */
  model: { kind: 'cells' | 'ridge'; folds: number; squaredError: number; baseline: number } | null;
  /** What a reader must know before the numbers. */
  warnings: string[];
  /** All of it in a sentence or two. */
  verdict: string;
}

/** What a comparison found; differences are those of b less a. */
export interface PolicyComparison {
  /** The first policy. */
  a: OffPolicyReport;
  /** The second. */
  b: OffPolicyReport;
  /** Their difference, by estimator. */
  comparisons: (Gain & { estimator: string })[];
  /** All of it in a sentence. */
  verdict: string;
}

/** Logged slates as columns of one length, a row a slot. */
export interface SlateColumns {
  /** The slate of each row: a decision's id. */
  slate: IdColumn;
  /** The slot, from 0. */
  slot: NumberColumn;
  /** What came of the slot. */
  reward: NumberColumn;
  /** The logging policy's probability. */
  propensity: NumberColumn;
  /** The probability of the policy that is evaluated. */
  probability: NumberColumn;
  /** Whose slate it is. */
  unit?: IdColumn | undefined;
}

/** How slates are evaluated. */
export interface SlateSettings extends Control {
  /** The estimators: all. */
  estimators?: readonly SlateEstimator[] | undefined;
  /** Divide by the sum of the weights, slot by slot: false. */
  selfNormalized?: boolean | undefined;
  /** The level of intervals: 0.05. */
  alpha?: number | undefined;
  /** Replicates of the bootstrap: 0, none. */
  replicates?: number | undefined;
  /** The seed of the bootstrap: 0. */
  seed?: number | undefined;
  /** The number of threads: 1. */
  threads?: number | undefined;
}

/** What an evaluation of slates found. */
export interface SlateReport {
  /** Rows, which are slots. */
  rows: number;
  /** Slates. */
  slates: number;
  /** Units, or slates. */
  units: number;
  /** The most slots that a slate has. */
  slots: number;
  /** What the logging policy got: the mean reward of a slate. */
  logged: Estimated;
  /** The estimators. */
  estimates: (Estimated & {
    estimator: string;
    gain: Gain;
    effectiveSampleSize: number | null;
    maxWeight: number;
  })[];
  /** What a reader must know before the numbers. */
  warnings: string[];
}

const LOG_NUMBERS = ['action', 'cell', 'predicted'] as const;
const LOG_MATRICES = ['logging', 'predictions', 'features'] as const;

function fields(given: unknown, what: string, names: readonly string[]): Record<string, unknown> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw invalid(`${what} must be an object of columns, not ${describe(given)}`);
  }
  for (const name of Object.keys(given)) {
    if (!names.includes(name)) {
      throw invalid(`${what}.${name} is not a column; the columns are ${names.join(', ')}`);
    }
  }
  return given as Record<string, unknown>;
}

function matrix(given: unknown, name: string): NativeMatrix {
  if (!Array.isArray(given)) {
    const { values, columns } = fields(given, name, ['values', 'columns']);
    if (!Number.isInteger(columns) || (columns as number) < 0) {
      throw invalid(`${name}.columns must be a whole number, not ${describe(columns)}`);
    }
    return { values: nativeNumbers(values, `${name}.values`), columns: columns as number };
  }
  const columns = Array.isArray(given[0]) || ArrayBuffer.isView(given[0]) ? (given[0] as number[]).length : 0;
  const values = new Float64Array(given.length * columns);
  for (const [at, row] of given.entries()) {
    const own = nativeNumbers(row, `${name}[${at}]`);
    if (own.length !== columns) {
      throw invalid(`${name}[${at}] has ${own.length} values, and the first row ${columns}`, 'length_mismatch');
    }
    values.set(own, at * columns);
  }
  return { values, columns };
}

function nativeLog(given: unknown): NativeLog {
  const names = ['reward', 'propensity', 'unit', ...LOG_NUMBERS, ...LOG_MATRICES];
  const log = fields(given, 'log', names);
  const result: NativeLog = {
    reward: nativeNumbers(log['reward'], 'log.reward'),
    propensity: nativeNumbers(log['propensity'], 'log.propensity'),
  };
  for (const name of LOG_NUMBERS) {
    if (log[name] !== undefined) result[name] = nativeNumbers(log[name], `log.${name}`);
  }
  for (const name of LOG_MATRICES) {
    if (log[name] !== undefined) result[name] = matrix(log[name], `log.${name}`);
  }
  if (log['unit'] !== undefined) result.unit = nativeIds(log['unit'], 'log.unit');
  return result;
}

function nativePolicy(given: unknown, what: string): NativePolicy {
  const { probability, actions, predicted } = fields(given, what, ['probability', 'actions', 'predicted']);
  const result: NativePolicy = {};
  if (probability !== undefined) result.probability = nativeNumbers(probability, `${what}.probability`);
  if (predicted !== undefined) result.predicted = nativeNumbers(predicted, `${what}.predicted`);
  if (actions !== undefined) result.actions = matrix(actions, `${what}.actions`);
  return result;
}

/** Options under the core's names, and the names in lists of them. */
function optionsOf(options: object): string {
  const result = snakeKeys(options, 'settings');
  const list = result['estimators'];
  if (Array.isArray(list)) {
    result['estimators'] = list.map((name) => (typeof name === 'string' ? snakeCase(name) : name));
  }
  if (typeof result['threshold_rule'] === 'string') {
    result['threshold_rule'] = snakeCase(result['threshold_rule']);
  }
  return toJson(result, 'settings');
}

/**
 * What a policy is worth, from the log of another. The guide "off-policy" says what each number
 * means. Works off the event loop.
 */
async function evaluate(
  log: PolicyLog,
  policy: TargetPolicy,
  settings: OffPolicySettings = {},
): Promise<OffPolicyReport> {
  const { progress, signal, ...options } = settings;
  const [given, target, json] = [nativeLog(log), nativePolicy(policy, 'policy'), optionsOf(options)];
  const text = await controlled({ progress, signal }, (cancel, report) =>
    evaluatePolicy(given, target, undefined, json, cancel, report),
  );
  return camelKeys(JSON.parse(text)) as OffPolicyReport;
}

/** Two policies on one log: their values, and the difference of b and a from the same rows. */
async function compare(
  log: PolicyLog,
  a: TargetPolicy,
  b: TargetPolicy,
  settings: OffPolicySettings = {},
): Promise<PolicyComparison> {
  const { progress, signal, ...options } = settings;
  const [given, json] = [nativeLog(log), optionsOf(options)];
  const [one, two] = [nativePolicy(a, 'a'), nativePolicy(b, 'b')];
  const text = await controlled({ progress, signal }, (cancel, report) =>
    evaluatePolicy(given, one, two, json, cancel, report),
  );
  return camelKeys(JSON.parse(text)) as PolicyComparison;
}

/** What a policy is worth that fills several slots. */
async function evaluateSlates(log: SlateColumns, settings: SlateSettings = {}): Promise<SlateReport> {
  const { progress, signal, ...options } = settings;
  const names = ['slate', 'slot', 'reward', 'propensity', 'probability', 'unit'];
  const columns = fields(log, 'log', names);
  const numbers = (name: string): Float64Array => nativeNumbers(columns[name], `log.${name}`);
  const given: NativeSlates = {
    slate: nativeIds(columns['slate'], 'log.slate'),
    slot: numbers('slot'),
    reward: numbers('reward'),
    propensity: numbers('propensity'),
    probability: numbers('probability'),
  };
  if (columns['unit'] !== undefined) given.unit = nativeIds(columns['unit'], 'log.unit');
  const json = optionsOf(options);
  const text = await controlled({ progress, signal }, (cancel, report) =>
    nativeSlates(given, json, cancel, report),
  );
  return camelKeys(JSON.parse(text)) as SlateReport;
}

/** Off-policy evaluation. */
export const offpolicy = { evaluate, compare, evaluateSlates };
