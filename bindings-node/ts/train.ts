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

/** How to train. Ranges and defaults are the core's. */
export interface TrainOptions {
  /** The most neighbours of an item: 100. */
  neighbors?: number | undefined;
  /** The dimensions of the spectral subspace: 256. */
  rank?: number | undefined;
  /** How much the subspace counts beside the co-occurrences: 0.4. */
  alpha?: number | undefined;
  /** Rounds of the subspace iteration, at most 20: 6. */
  iterations?: number | undefined;
  /** Candidates of an item before the strongest are kept: 400. */
  candidates?: number | undefined;
  /** How strongly popularity counts: 0.5. */
  popularityExponent?: number | undefined;
  /** Seed of the start of the iteration: 0. */
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
