/**
 * Training, off the event loop.
 */
import { type Catalog, nativeCatalog } from './catalog.js';
import { type Control, controlled } from './control.js';
import { type Events, nativeEvents } from './events.js';
import { camelKeys, settingsOf, snakeKeys, toJson } from './json.js';
import { Model, nativeModel } from './model.js';
import {
  type NativeEvents,
  train as nativeTrain,
  tune as nativeTune,
  update as nativeUpdate,
} from './native.js';

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
  /** Most rounds of users, then items: 15. */
  iterations?: number | undefined;
  /**
   * The rounds end where one lowers the weighted error by no more than this share: 0.002, and 0
   * where the data is so small that all rounds take no time.
   */
  tolerance?: number | null | undefined;
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

/** How `'auto'` chooses trainers: see {@link tune}. */
export interface TuneOptions {
  /**
   * What is held out: the newest items of each user, some of them by hash, or the former where
   * there are timestamps, which is `'auto'`, the default.
   */
  validation?: 'auto' | 'time' | 'random' | undefined;
  /** The length of the lists that are judged: 50. */
  k?: number | undefined;
  /** Users to judge by, at most: 8000. */
  users?: number | undefined;
  /**
   * What tuning may cost in seconds of one core, by an estimate and not by a clock; 0 for no
   * tuning: 60.
   */
  budgetS?: number | undefined;
}

/** How to train. Ranges and defaults are the core's. */
export interface TrainOptions {
  /** The most neighbours of an item: 100. */
  neighbors?: number | undefined;
  /** What makes the graph: `'auto'`, a trainer, or a blend of several. */
  trainer?: 'auto' | TrainerName | Trainer | readonly (TrainerName | Trainer)[] | undefined;
  /** How `'auto'` chooses. */
  tune?: TuneOptions | undefined;
  /**
   * What popularity counts on top of what the trainers make of it, −2 to 2: each edge into an item
   * is multiplied by the item's degree to this power. Below 0 the long tail comes forward: 0.
   */
  popularityExponent?: number | undefined;
  /** Seed of random starts: 0. */
  seed?: number | undefined;
  /** The age at which an event counts half; without it, age does not matter. */
  halfLifeDays?: number | null | undefined;
  /** Kinds of events to add or to change. */
  kinds?: { readonly [kind: string]: KindRule } | undefined;
  /** Keeps the users' histories in the snapshot: true. */
  keepProfiles?: boolean | undefined;
  /**
   * Keeps in the snapshot what {@link update} needs to learn only what changed, a byte for each
   * number of the trainers' subspaces: false.
   */
  updatable?: boolean | undefined;
  /** Recommends items that have events but are not in the catalog: false. */
  recommendUnlisted?: boolean | undefined;
  /** Leaves out invalid rows instead of failing at the first: false. */
  skipInvalid?: boolean | undefined;
  /** The most items of one user that co-occurrences are counted over: 2048. */
  maxUserItems?: number | undefined;
  /**
   * The most items of a history that an answer adds up, from 1 to 2048: all. Those of the largest
   * weight count; of equal ones those with the newest event; of those an even draw. The others
   * stay seen. It bounds the time of an answer to people with long histories.
   */
  maxHistoryItems?: number | null | undefined;
  /**
   * What training may take of memory, in millions of bytes: no limit. It is compared with an
   * estimate; `'auto'` leaves out trainers that would not fit, and where nothing fits, training
   * fails with `limit_exceeded`.
   */
  memoryMb?: number | null | undefined;
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

/** How to update. Ranges and defaults are the core's. */
export interface UpdateOptions {
  /**
   * What share of an item's co-occurrences may have changed before the item is learnt again, 0 to
   * 1; with 0 everything is, as by training: 0.25.
   */
  tolerance?: number | undefined;
  /** Leaves out invalid rows instead of failing at the first: false. */
  skipInvalid?: boolean | undefined;
}

/** What to update with besides the events. */
export interface UpdateSettings extends Control {
  /** The items and their attributes, instead of those of the model. */
  catalog?: Catalog | undefined;
  /** How to update. */
  options?: UpdateOptions | undefined;
  /** The number of threads: 1. The model is the same at any number. */
  threads?: number | undefined;
}

/** What to choose trainers with besides the events. */
export interface TuneSettings extends TrainSettings {
  /**
   * Events to judge by instead of held-out ones; only the users and the items count. What the
   * events do not have is left out, and so are items that the user has among the events.
   */
  validation?: Events | undefined;
}

/** One trainer or blend that was tried. */
export interface Trial {
  /** What it was, as a text. */
  trainer: string;
  /** Recall at `options.k`. */
  recall: number;
  /** NDCG at `options.k`. */
  ndcg: number;
}

/** What was tried. Without a protocol nothing was, and only the reason is there. */
export interface TuningReport {
  /** The options that were used. */
  options: TuneOptions;
  /** What was judged by: the newest items, items by hash, or the given events. */
  protocol: 'time' | 'random' | 'given' | null;
  /** Why nothing was tried. */
  reason?: string;
  /** Users judged by. */
  users?: number;
  /** The part of the users whose events took part. */
  shareOfUsers?: number;
  /** Which trial was chosen. */
  chosen?: number;
  /** All trials, in their order. */
  trials?: Trial[];
}

/** What {@link tune} chose. */
export interface Tuning {
  /** The trainers with all their options: what `options.trainer` of {@link train} takes. */
  trainer: Trainer[];
  /** What was tried. */
  report: TuningReport;
}

/** The options of trainers, and of tuning, under the core's names. */
function spelled(given: unknown, what: string): unknown {
  if (Array.isArray(given)) return given.map((part) => spelled(part, what));
  return typeof given === 'object' && given !== null ? snakeKeys(given, what) : given;
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
  const items = catalog === undefined ? undefined : nativeCatalog(catalog);
  const json = optionsJson(columns, options, threads);
  const inner = await controlled(control, (cancel, report) =>
    nativeTrain(columns, items, json, cancel, report),
  );
  return Model.wrap(inner);
}

/**
 * A model of the events that `model` was trained on and of `events`, which came since; on another
 * thread.
 *
 * `model` must hold its histories, and does not change; trainers and options are its own. Events
 * that it has already count once. Without a catalog the attributes of before are kept, and new
 * items are recommended only if the model was trained without a catalog or with
 * `recommendUnlisted`.
 *
 * Histories, popularity and attributes are always up to date. If the model was trained with
 * `updatable`, only the items of which enough has changed are learnt again; otherwise, or with
 * the trainer `ials`, or if much has changed, all of them are.
 * `manifest.update` of the new model says what was done.
 */
export async function update(model: Model, events: Events, settings: UpdateSettings = {}): Promise<Model> {
  const { catalog, options, threads, ...control } = settingsOf(settings, 'settings', SETTINGS);
  const columns = nativeEvents(events);
  const items = catalog === undefined ? undefined : nativeCatalog(catalog);
  const fields = snakeKeys(options, 'options');
  if (threads !== undefined) fields['threads'] = threads;
  const json = toJson(fields, 'options');
  const inner = await controlled(control, (cancel, report) =>
    nativeUpdate(nativeModel(model), columns, items, json, cancel, report),
  );
  return Model.wrap(inner);
}

const TUNE_SETTINGS: readonly (keyof TuneSettings)[] = [...SETTINGS, 'validation'];

/**
 * Chooses trainers for some events, without training a model.
 *
 * It is what {@link train} does first where `trainer` is `'auto'`: some events are held out,
 * trainers learn from the rest, and the best is blended with others as long as that helps. The
 * option `tune` says how. The choice depends on the events and the options alone, and not on the
 * machine.
 */
export async function tune(events: Events, settings: TuneSettings = {}): Promise<Tuning> {
  const { catalog, options, validation, threads, ...control } = settingsOf(settings, 'settings', TUNE_SETTINGS);
  const columns = nativeEvents(events);
  const given = validation === undefined || validation === null ? undefined : nativeEvents(validation);
  const pairs = given && { userId: given.userId, itemId: given.itemId };
  const items = catalog === undefined ? undefined : nativeCatalog(catalog);
  const json = optionsJson(columns, options, threads);
  const text = await controlled(control, (cancel, report) =>
    nativeTune(columns, pairs, items, json, cancel, report),
  );
  return camelKeys(JSON.parse(text)) as Tuning;
}

/** The options for the core, as JSON. */
function optionsJson(columns: NativeEvents, options: unknown, threads: number | undefined): string {
  const fields = snakeKeys(options, 'options');
  for (const name of ['trainer', 'tune']) fields[name] = spelled(fields[name], `options.${name}`);
  if (threads !== undefined) fields['threads'] = threads;
  // The model gives ids back in the type that they had in these columns.
  fields['item_id_type'] ??= columns.itemId.values ? 'string' : 'integer';
  fields['user_id_type'] ??= columns.userId.values ? 'string' : 'integer';
  return toJson(fields, 'options');
}
