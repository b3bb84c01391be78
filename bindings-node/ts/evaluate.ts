/**
 * Ranking metrics on held-out events, off the event loop.
 *
 * And how to hold events out: {@link split}.
 */
import { type Control, controlled } from './control.js';
import { invalid, native } from './errors.js';
import { type Events, type IdColumn, nativeEvents, nativeIds } from './events.js';
import { type Id, describe, idText, integerId } from './ids.js';
import { camelKeys, snakeCase, snakeKeys, toJson } from './json.js';
import { type Model, nativeModel } from './model.js';
import {
  type NativeTest,
  compare as nativeCompare,
  evaluate as nativeEvaluate,
  split as nativeSplit,
} from './native.js';

/** A label for each user: by user, or as columns. */
export type Segments =
  | Readonly<Record<string, string>>
  | ReadonlyMap<Id, string>
  | { userId: IdColumn; segment: readonly string[] };

/** What an evaluation and a comparison have in common. */
export interface MeasureSettings extends Control {
  /** One length of the lists, or several, of which the first is the main one: 20. */
  k?: number | readonly number[] | undefined;
  /** The number of threads: 1. */
  threads?: number | undefined;
  /** Leaves out of the lists what the history has: true. */
  excludeSeen?: boolean | undefined;
  /** Measures the AUC too, which needs the scores of all items: false. */
  auc?: boolean | undefined;
  /** Attributes (texts, tags, booleans) by which the diversity compares items: none. */
  diversity?: readonly string[] | undefined;
  /** Resamples of the users, for the intervals; 0 for none: 1,000. */
  resamples?: number | undefined;
  /** The part of the resamples that an interval holds: 0.95. */
  confidence?: number | undefined;
  /** The seed of everything that is drawn: 0. */
  seed?: number | bigint | undefined;
  /** Events to answer from: a user with rows here is answered from these alone. */
  history?: Events | undefined;
}

/** How to evaluate. */
export interface EvaluateSettings extends MeasureSettings {
  /** Keeps the values of every user: false. */
  perUser?: boolean | undefined;
  /** Lower bounds of the groups by length of history: 0, 1, 5, 10, 20, 50. */
  historyBuckets?: readonly number[] | undefined;
  /** A label for each user; the metrics are given for each label, too. */
  segments?: Segments | undefined;
}

/** How to compare. */
export interface CompareSettings extends MeasureSettings {
  /** Random patterns of signs behind the p-values; 0 for none: 10,000. */
  permutations?: number | undefined;
}

/** Metrics of ranked lists that are means over users. */
export interface UserMetrics {
  /** The part of a user's held-out items that the list has. */
  recall: number;
  /** The discounted gain, as a part of the best possible one. */
  ndcg: number;
  /** The part of users with at least one hit. */
  hitRate: number;
  /** The part of the list that hits. */
  precision: number;
  /** The mean average precision. */
  map: number;
  /** The mean reciprocal rank of the first hit. */
  mrr: number;
  /** The self-information of the shown items in bits: −log₂ of their share of all popularity. */
  novelty: number;
  /** The popularity of the shown items. */
  averagePopularity: number;
  /** How different the items of a list are, 0 to 1; with `diversity` only. */
  diversity?: number;
  /** The chance that a held-out item stands before another one; with `auc` only. */
  auc?: number;
}

/** Metrics with the ends of their intervals. */
export interface GroupMetrics extends UserMetrics {
  /** The lower ends; absent without resamples. */
  low?: UserMetrics;
  /** The upper ends. */
  high?: UserMetrics;
}

/** Metrics of all users together. */
export interface Metrics extends GroupMetrics {
  /** The part of the catalog that appears in any list. */
  coverage: number;
  /** How unequally the places went to the items, 0 to 1. */
  gini: number;
}

/** How intervals were made. */
export interface Bootstrap {
  /** Resamples of the users. */
  resamples: number;
  /** The part of the resamples that an interval holds. */
  confidence: number;
  /** The seed. */
  seed: number;
}

/** Some of the users. */
export interface UserGroup {
  /** The segment, or the lengths of history: `1-4`. */
  label: string;
  /** How many users. */
  users: number;
  /** The metrics at each cut-off, ascending. */
  cutoffs: { k: number; model: GroupMetrics; popularity: GroupMetrics }[];
}

/** The values of every user, as columns of one length. */
export interface PerUser {
  /** The users. */
  userId: Id[];
  /** Events of the history on items that the model knows. */
  history: number[];
  /** Held-out items. */
  tested: number[];
  /** The segment, or null; absent without segments. */
  segment?: (string | null)[];
  /** The metrics at each cut-off, ascending. */
  cutoffs: { k: number; model: MetricColumns; popularity: MetricColumns }[];
}

/** A column a metric. */
export type MetricColumns = { [Name in keyof UserMetrics]: number[] };

/** What an evaluation found. */
export interface Evaluation {
  /** The main cut-off. */
  k: number;
  /** The users that were counted. */
  users: number;
  /** Those of them without a history on items that the model knows. */
  coldUsers: number;
  /** Held-out pairs whose item the model does not have; they count as misses. */
  unknownItems: number;
  /** The model's metrics at the main cut-off. */
  model: Metrics;
  /** The metrics of the popular items, for comparison. */
  popularity: Metrics;
  /** How the intervals were made; null without any. */
  bootstrap: Bootstrap | null;
  /** The metrics at each cut-off, ascending. */
  cutoffs: { k: number; model: Metrics; popularity: Metrics }[];
  /** The users of each segment. */
  segments: UserGroup[];
  /** The users by the length of their history. */
  historyLengths: UserGroup[];
  /** The values of every user; with `perUser` only. */
  perUser?: PerUser;
}

/** One metric of two models. */
export interface Difference {
  /** The first model. */
  a: number;
  /** The second model. */
  b: number;
  /** b − a: above 0, the second model has more. */
  difference: number;
  /** The lower end of the difference's interval; absent for coverage and Gini coefficient. */
  low?: number;
  /** The upper end. */
  high?: number;
  /** How often chance alone gives a difference as large, in either direction. */
  pValue?: number;
  /** Users for whom the first model has more. */
  usersA?: number;
  /** Users for whom the second model has more. */
  usersB?: number;
}

/** The differences by metric. */
export type Differences = Record<'coverage' | 'gini', Difference> &
  { [Name in keyof UserMetrics]: Difference };

/** What a comparison found. */
export interface Comparison {
  /** The main cut-off. */
  k: number;
  /** The users that both models were measured on. */
  users: number;
  /** The differences at the main cut-off. */
  metrics: Differences;
  /** How the intervals were made; null without any. */
  bootstrap: Bootstrap | null;
  /** Patterns of signs behind the p-values. */
  permutations: number;
  /** The differences at each cut-off, ascending. */
  cutoffs: { k: number; metrics: Differences }[];
}

/** How to divide events. */
export type SplitOptions = {
  /** The seed of the draws: 0. */
  seed?: number | bigint | undefined;
} & (
  | {
      /** The `n` items that each user came to last are tested. */
      method: 'leaveLastOut';
      /** Items of each user: 1. */
      n?: number | undefined;
    }
  | {
      /** What comes at or after a time is tested. */
      method: 'time';
      /** The time; without it, the time that leaves a share after it. */
      at?: number | bigint | Date | undefined;
      /** The part of the events: 0.2. */
      share?: number | undefined;
    }
  | {
      /** A part of each user's items, or of all items, is tested. */
      method: 'random' | 'coldItem';
      /** The part: 0.2. */
      share?: number | undefined;
    }
  | {
      /** A part of the users is tested, with histories that training does not see. */
      method: 'coldUser';
      /** The part of the users: 0.2. */
      share?: number | undefined;
      /** The part of such a user's items, from the first on, that is given as history: 0.5. */
      historyShare?: number | undefined;
    }
);

/** Row numbers, each list ascending. */
export interface Split {
  /** Rows to train on. */
  train: Uint32Array;
  /** Rows to test on. */
  test: Uint32Array;
  /** Rows to answer from when testing: the histories of cold users. */
  history: Uint32Array;
  /** Rows that are for neither: events after the time on items that the user had before it. */
  leftOut: Uint32Array;
}

/**
 * Measures a model on held-out events; what a user had in training is left out of the lists.
 * Every metric is a mean over users with a bootstrap interval.
 */
export async function evaluate(
  model: Model,
  test: Events,
  settings: EvaluateSettings = {},
): Promise<Evaluation> {
  const { progress, signal, history, segments, ...options } = settings ?? {};
  const given = nativeTest(test, history, segments);
  const json = toJson(snakeKeys(options, 'settings'), 'settings');
  const inner = nativeModel(model);
  const text = await controlled({ progress, signal }, (cancel, report) =>
    nativeEvaluate(inner, given, json, cancel, report),
  );
  const result = camelKeys(JSON.parse(text)) as Evaluation;
  if (result.perUser !== undefined && given.userId.codes === undefined) {
    result.perUser.userId = result.perUser.userId.map((id) => integerId(id as string));
  }
  return result;
}

/**
 * Measures two models on the same users: each metric, the difference `modelB` − `modelA` with its
 * bootstrap interval, and the p-value of a paired randomisation test.
 */
export async function compare(
  modelA: Model,
  modelB: Model,
  test: Events,
  settings: CompareSettings = {},
): Promise<Comparison> {
  const { progress, signal, history, ...options } = settings ?? {};
  const given = nativeTest(test, history, undefined);
  const json = toJson(snakeKeys(options, 'settings'), 'settings');
  const [a, b] = [nativeModel(modelA), nativeModel(modelB)];
  const text = await controlled({ progress, signal }, (cancel, report) =>
    nativeCompare(a, b, given, json, cancel, report),
  );
  return camelKeys(JSON.parse(text)) as Comparison;
}

/**
 * Divides events into rows to train on and rows to test on. What is drawn or held out is always a
 * user's whole item, with all its events.
 */
export function split(events: Events, options: SplitOptions): Split {
  const given = snakeKeys(options, 'options');
  if (typeof given['method'] === 'string') given['method'] = snakeCase(given['method']);
  const json = toJson(given, 'options');
  const columns = nativeEvents(events);
  const flat = native(() => nativeSplit(columns, json));
  let at = 4;
  const [train, test, history, leftOut] = Array.from(flat.subarray(0, at), (length) => {
    const rows = flat.slice(at, at + length);
    at += length;
    return rows;
  }) as [Uint32Array, Uint32Array, Uint32Array, Uint32Array];
  return { train, test, history, leftOut };
}

function nativeTest(test: unknown, history: unknown, segments: unknown): NativeTest {
  const { userId, itemId } = nativeEvents(test);
  const result: NativeTest = { userId, itemId };
  if (history !== undefined && history !== null) result.history = nativeEvents(history);
  if (segments !== undefined && segments !== null) {
    const [users, labels] = segmentColumns(segments);
    result.segmentUserId = nativeIds(users, 'segments.userId');
    result.segment = nativeIds(labels, 'segments.segment');
  }
  return result;
}

/** Users and labels as columns. */
function segmentColumns(segments: unknown): [unknown, unknown] {
  if (typeof segments !== 'object' || segments === null || Array.isArray(segments)) {
    throw invalid(`segments must be an object or a map of user to label, not ${describe(segments)}`);
  }
  if (segments instanceof Map) {
    return [[...segments.keys()].map((id) => idText(id, 'segments')), [...segments.values()]];
  }
  const { userId, segment } = segments as Record<string, unknown>;
  if (typeof userId === 'object' && typeof segment === 'object') return [userId, segment];
  return [Object.keys(segments), Object.values(segments)];
}
