/**
 * Recommendations for many users, as columns.
 */
import { invalid } from './errors.js';
import { type Condition } from './condition.js';
import { type Id, idText } from './ids.js';
import { milliseconds, snakeKeys, toJson } from './json.js';
import { type Model } from './model.js';
import { type NativeBatch } from './native.js';

/** Where a recommendation comes from: the item graph, or the popular items that top it up. */
export type Source = 'graph' | 'popular';

/** How to recommend for many users. */
export interface BatchOptions {
  /** Items a user: 20. */
  k?: number | undefined;
  /** Leaves out what the user has already had to do with: true. */
  excludeSeen?: boolean | undefined;
  /** Which items may appear. */
  filter?: Condition | null | undefined;
  /** The time that decay is reckoned to: the newest event of the user if it is not given. */
  now?: number | bigint | Date | undefined;
  /** The number of threads: 1. */
  threads?: number | undefined;
  /** Recommends the popular items to all: false. */
  baseline?: boolean | undefined;
}

/** One recommendation of a batch. */
export interface Row {
  /** The user. */
  userId: Id;
  /** The item. */
  itemId: Id;
  /** How strongly. */
  score: number;
  /** The place in the user's list, from 1. */
  rank: number;
  /** Where it comes from. */
  source: Source;
}

/**
 * The sources by their number.
 * @internal
 */
export const SOURCES: readonly Source[] = ['graph', 'popular'];

/** The columns of a batch; row by row, users in the order given, best items first. */
export class Recommendations {
  readonly #model: Model;
  readonly #users: readonly Id[];
  readonly #source: Uint8Array;
  #itemId: Id[] | undefined;

  /** Each row's position in the list of users. */
  readonly userRow: Uint32Array;
  /** Each row's item, by its index in the model. */
  readonly item: Uint32Array;
  /** Each row's score. */
  readonly score: Float64Array;
  /** Each row's place in the user's list, from 1. */
  readonly rank: Uint32Array;

  private constructor(model: Model, users: readonly Id[], batch: NativeBatch) {
    this.#model = model;
    this.#users = users;
    this.#source = batch.source;
    this.userRow = batch.userRow;
    this.item = batch.item;
    this.score = batch.score;
    this.rank = batch.rank;
  }

  /** @internal */
  static wrap(model: Model, users: readonly Id[], batch: NativeBatch): Recommendations {
    return new Recommendations(model, [...users], batch);
  }

  /** The number of rows. */
  get length(): number {
    return this.score.length;
  }

  /** Each row's user. */
  get userId(): Id[] {
    return Array.from(this.userRow, (row) => this.#users[row]!);
  }

  /** Each row's item. */
  get itemId(): Id[] {
    this.#itemId ??= this.#model.idsOf(this.item);
    return this.#itemId;
  }

  /** Where each row comes from. */
  get source(): Source[] {
    return Array.from(this.#source, (code) => SOURCES[code]!);
  }

  /** The rows as objects. */
  rows(): Row[] {
    const itemId = this.itemId;
    return itemId.map((id, row) => ({
      userId: this.#users[this.userRow[row]!]!,
      itemId: id,
      score: this.score[row]!,
      rank: this.rank[row]!,
      source: SOURCES[this.#source[row]!]!,
    }));
  }

  /** The rows as objects, one after the other. */
  [Symbol.iterator](): IterableIterator<Row> {
    return this.rows()[Symbol.iterator]();
  }
}

/**
 * What the native half takes for a batch.
 * @internal
 */
export function batchRequest(users: unknown, options: unknown): { texts: string[]; json: string } {
  if (!Array.isArray(users)) throw invalid('users must be an array of ids');
  const texts = users.map((user, row) => idText(user, `users[${row}]`));
  return { texts, json: requestJson(snakeKeys(options, 'options'), 'options') };
}

/**
 * The JSON of fields among which `now` and `filter` may be. What is not a time stays something
 * that the core refuses; what has no JSON can only be in the filter.
 * @internal
 */
export function requestJson(fields: Record<string, unknown>, what: string): string {
  const { now, filter } = fields;
  if (now !== undefined && now !== null) {
    const time = milliseconds(now);
    fields['now'] = Number.isFinite(time) ? time : String(now);
  }
  return toJson(fields, what, filter === undefined ? 'invalid_argument' : 'invalid_condition');
}
