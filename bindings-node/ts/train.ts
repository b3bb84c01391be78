/**
 * Training, off the event loop.
 */
import { type Catalog, nativeCatalog } from './catalog.js';
import { type Control, controlled } from './control.js';
import { type Events, nativeEvents } from './events.js';
import { settingsOf, snakeKeys, toJson } from './json.js';
import { Model } from './model.js';
import { train as nativeTrain } from './native.js';

/** What one event of a kind counts, and for ratings, which value is neutral and what one step is. */
export type KindRule = number | { weight?: number; neutral?: number; scale?: number };

/** The trainers by name. */
export type TrainerName = Trainer['name'];

/** One trainer with its options; `weight` is what it counts in a blend: 1. */
export type Trainer =
  | SpectralTrainer
  | RidgeTrainer
  | CooccurrenceTrainer
  | IalsTrainer
  | SequenceTrainer;

interface Weighted {
  /** What this trainer counts in a blend: 1. */
  weight?: number | undefined;
}

/** Graph filter: co-occurrence and the leading subspace. */
export interface SpectralTrainer extends Weighted {
  name: 'spectral';
  /** The dimensions of the subspace: 256. */
  rank?: number | undefined;
  /** How much the subspace counts beside the co-occurrences: 0.4. */
  alpha?: number | undefined;
  /** Rounds of the subspace iteration, at most 20: 6. */
  iterations?: number | undefined;
  /** Candidates of an item before the strongest are kept: 400. */
  candidates?: number | undefined;
  /** How strongly popularity counts: 0.5. */
  popularityExponent?: number | undefined;
}

/** Regression of each item on its strongest candidates. */
export interface RidgeTrainer extends Weighted {
  name: 'ridge';
  /** Strength of the ridge, in events of average weight: 20. */
  lambda?: number | undefined;
  /** Items that each item is regressed on: 100. */
  support?: number | undefined;
  /** How much a long history counts less: 0.5. */
  userExponent?: number | undefined;
  /** How much a popular item is scaled down in the regression: 0.25. */
  itemExponent?: number | undefined;
  /** How much the popularity of an item counts in the edges to it: 0.25. */
  popularityExponent?: number | undefined;
  /** The dimensions of the subspace that helps to choose the support: 256. */
  rank?: number | undefined;
  /** What the subspace counts in that choice: 0.4. */
  alpha?: number | undefined;
  /** Rounds of the subspace iteration, at most 20: 6. */
  iterations?: number | undefined;
  /** Candidates for the support: 400. */
  candidates?: number | undefined;
}

/**
 * Counts of items that meet: the cosine of their columns, BM25, or a random walk of two steps
 * (P3α), whose popular ends may count less (RP3β).
 */
export type CooccurrenceTrainer = Weighted & { name: 'cooccurrence' } & (
    | { weighting: 'cosine' }
    | {
        weighting: 'bm25';
        /** How late a repeated event stops to count more: 1.2. */
        k1?: number | undefined;
        /** How much a popular item counts less: 0.75. */
        b?: number | undefined;
      }
    | {
        weighting: 'p3alpha';
        /** Exponent of the probabilities of a step: 1. */
        alpha?: number | undefined;
      }
    | {
        weighting?: 'rp3beta' | undefined;
        /** Exponent of the probabilities of a step: 1. */
        alpha?: number | undefined;
        /** Exponent of the popularity of the end: 0.5. */
        beta?: number | undefined;
      }
  );

/** Factors of users and items by alternating least squares, distilled into the graph. */
export interface IalsTrainer extends Weighted {
  name: 'ials';
  /** The dimensions of the factors: 64. */
  factors?: number | undefined;
  /** Rounds of users, then items: 15. */
  iterations?: number | undefined;
  /** What an event of weight 1 adds to the confidence of 1: 40. */
  alpha?: number | undefined;
  /** Strength of the regularization: 10. */
  regularization?: number | undefined;
  /** How much more the factors of those with much evidence are regularized: 0. */
  regularizationExponent?: number | undefined;
  /** Candidates of an item before the strongest are kept: 400. */
  candidates?: number | undefined;
  /** How strongly popularity counts: 0. */
  popularityExponent?: number | undefined;
}

/** What comes after what, by the times of the events. */
export interface SequenceTrainer extends Weighted {
  name: 'sequence';
  /** How many moments later an item may come: 10. */
  window?: number | undefined;
  /** What each moment further on counts, relative to the one before: 0.8. */
  decay?: number | undefined;
  /** After how many days between the two a pair counts half; without it, the time does not matter. */
  gapHalfLifeDays?: number | null | undefined;
  /** How much a later item's popularity counts against the earlier one's: 0.25. */
  popularityExponent?: number | undefined;
}

/** How to train. Ranges and defaults are the core's. */
export interface TrainOptions {
  /** The most neighbours of an item: 100. */
  neighbors?: number | undefined;
  /** What makes the graph: `'auto'`, a trainer, or a blend of several. */
  trainer?: 'auto' | TrainerName | Trainer | readonly (TrainerName | Trainer)[] | undefined;
  /** Seed of random starts: 0. */
  seed?: number | undefined;
  /** The age at which an event counts half; without it, age does not matter. */
  halfLifeDays?: number | null | undefined;
  /** Kinds of events to add or to change. */
  kinds?: { readonly [kind: string]: KindRule } | undefined;
  /** Keeps the users' histories in the snapshot: true. */
  keepProfiles?: boolean | undefined;
  /** Recommends items that have events but are not in the catalog: false. */
  recommendUnlisted?: boolean | undefined;
  /** Leaves out invalid rows instead of failing at the first: false. */
  skipInvalid?: boolean | undefined;
  /** The most items of one user that co-occurrences are counted over: 2048. */
  maxUserItems?: number | undefined;
}

/** What to train with besides the events. */
export interface TrainSettings extends Control {
  /** The items and their attributes. */
  catalog?: Catalog | undefined;
  /** How to train. */
  options?: TrainOptions | undefined;
  /** The number of threads: 1. The model is the same at any number. */
  threads?: number | undefined;
}

/** The options of trainers under the core's names. */
function spelled(trainer: unknown): unknown {
  if (Array.isArray(trainer)) return trainer.map(spelled);
  return typeof trainer === 'object' && trainer !== null ? snakeKeys(trainer, 'options.trainer') : trainer;
}

const SETTINGS: readonly (keyof TrainSettings)[] = ['catalog', 'options', 'threads', 'progress', 'signal'];

/**
 * Trains a model on another thread, and settles when it is done.
 *
 * The events are copied before the call returns. The same events, catalog and options give the
 * same model, byte by byte.
 */
export async function train(events: Events, settings: TrainSettings = {}): Promise<Model> {
  const { catalog, options, threads, ...control } = settingsOf(settings, 'settings', SETTINGS);
  const columns = nativeEvents(events);
  const fields = snakeKeys(options, 'options');
  fields['trainer'] = spelled(fields['trainer']);
  if (threads !== undefined) fields['threads'] = threads;
  // The model gives ids back in the type that they had in these columns.
  fields['item_id_type'] ??= columns.itemId.values ? 'string' : 'integer';
  fields['user_id_type'] ??= columns.userId.values ? 'string' : 'integer';
  const items = catalog === undefined ? undefined : nativeCatalog(catalog);
  const json = toJson(fields, 'options');
  const inner = await controlled(control, (cancel, report) =>
    nativeTrain(columns, items, json, cancel, report),
  );
  return Model.wrap(inner);
}
