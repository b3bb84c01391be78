/**
 * Ranking metrics on held-out events, off the event loop.
 */
import { type Control, controlled } from './control.js';
import { type Events, nativeEvents } from './events.js';
import { camelKeys, snakeKeys, toJson } from './json.js';
import { type Model, nativeModel } from './model.js';
import { evaluate as nativeEvaluate } from './native.js';

/** How to evaluate. */
export interface EvaluateSettings extends Control {
  /** The length of the lists: 20. */
  k?: number | undefined;
  /** The number of threads: 1. */
  threads?: number | undefined;
}

/** Metrics of ranked lists, each the mean over users except coverage. */
export interface Metrics {
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
  /** The part of the catalog that appears in any list. */
  coverage: number;
}

/** What an evaluation found. */
export interface Evaluation {
  /** The length of the lists. */
  k: number;
  /** The users that were counted. */
  users: number;
  /** Those of them without a stored history. */
  coldUsers: number;
  /** Held-out pairs whose item the model does not have; they count as misses. */
  unknownItems: number;
  /** The model's metrics. */
  model: Metrics;
  /** The metrics of the popular items, for comparison. */
  popularity: Metrics;
}

/** Measures a model on held-out events; what a user had in training is left out of the lists. */
export async function evaluate(
  model: Model,
  test: Events,
  settings: EvaluateSettings = {},
): Promise<Evaluation> {
  const { progress, signal, ...options } = settings ?? {};
  const { userId, itemId } = nativeEvents(test);
  const json = toJson(snakeKeys(options, 'settings'), 'settings');
  const inner = nativeModel(model);
  const result = await controlled({ progress, signal }, (cancel, report) =>
    nativeEvaluate(inner, userId, itemId, json, cancel, report),
  );
  return camelKeys(JSON.parse(result)) as Evaluation;
}
