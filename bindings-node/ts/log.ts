/**
 * Decision logs: what was shown, and what came of it.
 */
import { invalid, native } from './errors.js';
import { type Id, describe, idText } from './ids.js';
import { milliseconds, settingsOf, snakeKeys, toJson } from './json.js';
import { NativeDecisionLog, contextHash as nativeHash, type NativeColumn } from './native.js';
import { asBytes } from './profile.js';

/** How a log keeps users. */
export interface LogOptions {
  /** The secret of the pseudonyms, at least 16 bytes; it is never written. */
  key?: string | undefined;
  /** `raw` keeps ids as they are: `pseudonyms`. */
  users?: 'pseudonyms' | 'raw' | undefined;
}

/** An item that was shown. */
export interface ShownItem {
  /** The item, or the arm. */
  item: Id;
  /** The slot, from 0: the place in the list. */
  slot?: number | undefined;
  /** The probability with which it was put there: 1. */
  propensity?: number | undefined;
}

/** What was shown to somebody, and how it was chosen. */
export interface Decision {
  /** The id that outcomes name. */
  id: Id;
  /** When: a date or Unix milliseconds. */
  time: number | bigint | Date;
  /** Whose. */
  user?: Id | null | undefined;
  /** The hash of the model that answered. */
  model?: string | null | undefined;
  /** A hash of what was known of the moment; what is not a text is hashed. */
  context?: unknown;
  /** The variant of each experiment. */
  assignments?: { readonly [experiment: string]: string } | undefined;
  /** What was shown. */
  shown?: readonly ShownItem[] | undefined;
}

/** A decision as the log keeps it. */
export interface StoredDecision {
  /** The id that outcomes name. */
  id: string;
  /** When, in Unix milliseconds. */
  time: number;
  /** Whose: a pseudonym, unless ids are kept as they are. */
  user: string | null;
  /** The hash of the model that answered. */
  model: string | null;
  /** The hash of the context. */
  context: string | null;
  /** The variant of each experiment. */
  assignments: Record<string, string>;
  /** What was shown, by slot. */
  shown: { item: string; slot: number; propensity: number }[];
}

/** What came of a decision. */
export interface Outcome {
  /** The id of the decision. */
  decision: Id;
  /** When: a date or Unix milliseconds. */
  time: number | bigint | Date;
  /** Which reward: `reward`. */
  name?: string | undefined;
  /** How much: 1. */
  value?: number | undefined;
  /** The slot that it came of. */
  slot?: number | null | undefined;
  /** The item that it came of. */
  item?: Id | null | undefined;
}

/** An outcome as the log keeps it. */
export interface StoredOutcome {
  /** The id of the decision. */
  decision: string;
  /** When, in Unix milliseconds. */
  time: number;
  /** Which reward. */
  name: string;
  /** How much. */
  value: number;
  /** The slot that it came of. */
  slot: number | null;
  /** The item that it came of. */
  item: string | null;
}

/** What a merge did. */
export interface Merged {
  /** Decisions that were not there before. */
  decisions: number;
  /** Outcomes that were not there before. */
  outcomes: number;
  /** Ids of decisions that both logs have, and that differ. */
  conflicts: string[];
}

/** What was taken out of a log. */
export interface Removed {
  /** Decisions. */
  decisions: number;
  /** Outcomes. */
  outcomes: number;
}

/** How outcomes are joined to decisions. */
export interface JoinOptions {
  /** The name of the outcomes that count: `reward`. */
  reward?: string | undefined;
  /** Milliseconds after the decision in which an outcome counts; any time without it. */
  window?: number | undefined;
  /** What several outcomes come to: their `sum`, the `first`, or the largest (`max`). */
  aggregate?: 'sum' | 'first' | 'max' | undefined;
  /** A row a `slot`, or a `decision`. */
  level?: 'slot' | 'decision' | undefined;
  /** The reward of a row without outcomes: 0. */
  default?: number | undefined;
  /** Only decisions with this experiment, and its variant as a column. */
  experiment?: string | undefined;
}

/** What became of the outcomes of a join: each is in one of these. */
export interface JoinCounts {
  /** They went into a row. */
  matched: number;
  /** An earlier or larger one counts. */
  superseded: number;
  /** Before their decision. */
  early: number;
  /** After the window. */
  late: number;
  /** They name no slot or item that was shown, and several were. */
  unplaced: number;
  /** Their decision is not in the log. */
  orphans: number;
  /** Their decision is not in the experiment. */
  outside: number;
}

/** A column: numbers and times as an array of numbers, texts as a list with `null` for none. */
export type LogColumn = Float64Array | (number | null)[] | (string | null)[];

/** Columns of one length, by name. */
export type LogTable = Record<string, LogColumn>;

const MISSING = 0xffff_ffff;

function table(columns: readonly NativeColumn[]): LogTable {
  const result: LogTable = {};
  for (const { name, codes, texts, numbers, whole } of columns) {
    if (codes) result[name] = Array.from(codes, (code) => texts?.[code] ?? null);
    else if (whole) result[name] = Array.from(whole, (value) => (value === MISSING ? null : value));
    else if (numbers) result[name] = numbers;
  }
  return result;
}

/** An object with the ids of these names as texts. */
function withTexts(given: unknown, what: string, names: readonly string[]): Record<string, unknown> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw invalid(`${what} must be an object, not ${describe(given)}`);
  }
  const result = { ...(given as Record<string, unknown>) };
  for (const name of names) {
    const value = result[name];
    if (value !== undefined && value !== null) result[name] = idText(value as Id, `${what}.${name}`);
  }
  return result;
}

/**
 * Decisions and their outcomes, in memory.
 *
 * Users are kept as pseudonyms, HMAC-SHA-256 under the key; without one, a decision that names a
 * user is refused.
 */
export class DecisionLog {
  readonly #native: NativeDecisionLog;

  /** An empty log. */
  constructor(options?: LogOptions);
  /** @internal */
  constructor(options: LogOptions | undefined, bytes: Uint8Array);
  constructor(options?: LogOptions, bytes?: Uint8Array) {
    const json = toJson(settingsOf(options, 'options', ['key', 'users']), 'options');
    this.#native = native(() =>
      bytes === undefined ? NativeDecisionLog.create(json) : NativeDecisionLog.fromBytes(bytes, json),
    );
  }

  /**
   * Reads what {@link DecisionLog.toBytes} wrote, in whichever language. Without the key the log
   * can be read, joined and merged; users can be neither added nor erased.
   */
  static fromBytes(bytes: Uint8Array | ArrayBuffer, options?: LogOptions): DecisionLog {
    return new DecisionLog(options, asBytes(bytes));
  }

  /** The log as bytes; equal logs give equal bytes. The key is not in them. */
  toBytes(): Uint8Array {
    return native(() => this.#native.toBytes());
  }

  /** Adds a decision; false if it is there already. Another one with the same id is an error. */
  record(decision: Decision): boolean {
    const given = withTexts(decision, 'decision', ['id', 'user']);
    if (Array.isArray(given['shown'])) {
      given['shown'] = given['shown'].map((shown, at) => withTexts(shown, `shown[${at}]`, ['item']));
    }
    const json = toJson(given, 'decision');
    return native(() => this.#native.record(json));
  }

  /** Adds an outcome; false if it is there already. Its decision may come later. */
  recordOutcome(outcome: Outcome): boolean {
    const json = toJson(withTexts(outcome, 'outcome', ['decision', 'item']), 'outcome');
    return native(() => this.#native.recordOutcome(json));
  }

  /** Takes over all of another log; neither order nor repeats matter. */
  merge(other: DecisionLog): Merged {
    if (!(other instanceof DecisionLog)) throw invalid(`other must be a DecisionLog, not ${describe(other)}`);
    const bytes = other.toBytes();
    return JSON.parse(native(() => this.#native.merge(bytes))) as Merged;
  }

  /** What the log keeps of a user's id. */
  pseudonym(user: Id): string {
    const text = idText(user, 'user');
    return native(() => this.#native.pseudonym(text));
  }

  /** Removes all decisions of a user, and what came of them. Copies of the log must do so, too. */
  erase(user: Id): Removed {
    const text = idText(user, 'user');
    return JSON.parse(native(() => this.#native.erase(text))) as Removed;
  }

  /** Removes decisions before a time with what came of them, and older outcomes without one. */
  expire(before: number | bigint | Date): Removed {
    const time = milliseconds(before);
    return JSON.parse(native(() => this.#native.expire(time))) as Removed;
  }

  /** The decision with an id. */
  decision(id: Id): StoredDecision | null {
    const text = idText(id, 'id');
    const found = native(() => this.#native.decision(text));
    return found === null || found === undefined ? null : (JSON.parse(found) as StoredDecision);
  }

  /** The outcomes whose decision is not in the log. */
  orphans(): StoredOutcome[] {
    return JSON.parse(native(() => this.#native.orphans())) as StoredOutcome[];
  }

  /** How many decisions there are. */
  get length(): number {
    return native(() => this.#native.counts())[0] ?? 0;
  }

  /** How many outcomes there are. */
  get outcomeCount(): number {
    return native(() => this.#native.counts())[1] ?? 0;
  }

  /** A table of the log, in the order of the decisions' times. */
  table(name: 'decisions' | 'shown' | 'assignments' | 'outcomes'): LogTable {
    return table(native(() => this.#native.table(String(name))));
  }

  /** Outcomes joined to decisions: the columns that `stats` and `offpolicy` take. */
  join(options?: JoinOptions): { columns: LogTable; counts: JoinCounts } {
    const json = toJson(snakeKeys(options, 'options'), 'options');
    const { columns, counts } = native(() => this.#native.join(json));
    return { columns: table(columns), counts: JSON.parse(counts) as JoinCounts };
  }
}

/** A hash of a context that does not depend on the order of names; it tells contexts, and hides none. */
export function contextHash(context: unknown): string {
  const json = toJson(context, 'context', 'invalid_argument', 'finite');
  return native(() => nativeHash(json));
}
