/**
 * A user's history as a value that travels, merges and can be deleted.
 */
import { invalid, native } from './errors.js';
import { type Id, describe, idText } from './ids.js';
import { milliseconds, settingsOf } from './json.js';
import {
  profileEmpty,
  profileEvents,
  profileForgetItem,
  profileLength,
  profileMerge,
  profileRecord,
} from './native.js';

/** What may be said of an event besides its item and its kind. */
export interface EventDetails {
  /** How much: 1 if it is not given. For `rate` it is the rating. */
  weight?: number | undefined;
  /** When: a date or Unix milliseconds; 0 if it is not given. */
  timestamp?: number | bigint | Date | undefined;
}

/** An event of a profile. */
export interface ProfileEvent {
  /** The item. */
  itemId: string;
  /** What the user did. */
  kind: string;
  /** How much. */
  weight: number;
  /** When, in Unix milliseconds. */
  timestamp: number;
}

/**
 * The history of one user: a set of events in a canonical order.
 *
 * The same events give the same profile, and the same bytes, in whichever order they come.
 * A change costs a copy of the profile, which has at most 2,048 events.
 */
export class Profile {
  #bytes: Uint8Array;

  /** An empty profile. */
  constructor();
  /** @internal */
  constructor(bytes?: Uint8Array);
  constructor(bytes?: Uint8Array) {
    this.#bytes = bytes ?? native(() => profileEmpty());
  }

  /** Reads what {@link Profile.toBytes} wrote, in whichever language. */
  static fromBytes(bytes: Uint8Array | ArrayBuffer): Profile {
    const copy = asBytes(bytes).slice();
    native(() => profileLength(copy));
    return new Profile(copy);
  }

  /** Adds an event; says whether that changed the profile. */
  record(itemId: Id, kind?: string, details: EventDetails = {}): boolean {
    const { weight, timestamp } = settingsOf(details, 'details', ['weight', 'timestamp']);
    const item = idText(itemId, 'itemId');
    const time = timestamp === undefined ? undefined : milliseconds(timestamp);
    return this.#become(native(() => profileRecord(this.#bytes, item, kind, weight, time)));
  }

  /** Takes over the events of another profile; says whether that changed this one. */
  merge(other: Profile): boolean {
    if (typeof other !== 'object' || other === null || !(#bytes in other)) {
      throw invalid(`other must be a Profile of this package, not ${describe(other)}`);
    }
    return this.#become(native(() => profileMerge(this.#bytes, other.#bytes)));
  }

  /** Removes every event on an item; says how many there were. */
  forgetItem(itemId: Id): number {
    const item = idText(itemId, 'itemId');
    const before = this.length;
    this.#become(native(() => profileForgetItem(this.#bytes, item)));
    return before - this.length;
  }

  /** The events, ascending by time, item and kind. */
  get events(): ProfileEvent[] {
    return JSON.parse(native(() => profileEvents(this.#bytes))) as ProfileEvent[];
  }

  /** The number of events. */
  get length(): number {
    return native(() => profileLength(this.#bytes));
  }

  /** The profile as bytes, the same in every language. */
  toBytes(): Uint8Array {
    return this.#bytes.slice();
  }

  #become(bytes: Uint8Array | null): boolean {
    if (bytes === null) return false;
    this.#bytes = bytes;
    return true;
  }
}

/**
 * A view of bytes in whichever form they come.
 * @internal
 */
export function asBytes(bytes: unknown): Uint8Array {
  if (bytes instanceof Uint8Array) return bytes;
  if (bytes instanceof ArrayBuffer) return new Uint8Array(bytes);
  throw invalid(`bytes must be a Uint8Array or an ArrayBuffer, not ${describe(bytes)}`);
}
