/**
 * The engine: events in, answers out, with the users' histories in memory.
 */
import { type Answer, answer } from './answer.js';
import { type Condition } from './condition.js';
import { type ErrorCode, invalid, native } from './errors.js';
import { type Events, nativeEvents } from './events.js';
import { type Id, describe, idText } from './ids.js';
import { milliseconds, settingsOf, snakeKeys } from './json.js';
import { type Model, nativeModel } from './model.js';
import { NativeEngine } from './native.js';
import { type EventDetails, Profile, asBytes } from './profile.js';
import { requestJson } from './recommendations.js';

/** An event of a history that comes with the request. */
export interface HistoryEvent extends EventDetails {
  /** The item. */
  itemId: Id;
  /** What the user did: `view` if it is not given. */
  kind?: string | undefined;
}

/** How to recommend. */
export interface RecommendOptions {
  /** The number of items: 10. */
  k?: number | undefined;
  /** A history for this answer only, in addition to the stored one. */
  history?: readonly HistoryEvent[] | undefined;
  /** The time that decay is reckoned to: the newest event of the history if it is not given. */
  now?: number | bigint | Date | undefined;
  /** Which items may appear. */
  filter?: Condition | null | undefined;
  /** The only items that may appear. */
  allow?: readonly Id[] | undefined;
  /** Items that must not appear. */
  deny?: readonly Id[] | undefined;
  /** Leaves out what the user has already had to do with: true. */
  excludeSeen?: boolean | undefined;
  /** Tells for each item what each event of the history gave to it: false. */
  explain?: boolean | undefined;
  /** Tells what each stage took and gave: false. */
  trace?: boolean | undefined;
}

/** For whom, and how, to recommend. */
export interface Request extends RecommendOptions {
  /** The user; without one, the history says it all. */
  userId?: Id | undefined;
}

/** What recording an event did. */
export interface Recorded {
  /** Whether the profile changed: the same event twice counts once. */
  changed: boolean;
  /** Whether the model knows the item. */
  knownItem: boolean;
}

/** What recording many events did. */
export interface BatchReport {
  /** Events that were taken. */
  accepted: number;
  /** Events that were already there. */
  duplicates: number;
  /** Rows that were not valid, and why. */
  rejected: { row: number; code: ErrorCode; message: string }[];
}

/** How to record many events. */
export interface BatchRecordOptions {
  /** Takes the valid rows even if others are not: false. */
  skipInvalid?: boolean | undefined;
}

/** Recommends from a model and from the histories of users, which live in its memory. */
export class Engine {
  readonly #native: NativeEngine;
  #model: Model;

  /** An engine on a model; the histories that the snapshot holds are the first ones. */
  constructor(model: Model) {
    this.#native = native(() => NativeEngine.create(nativeModel(model)));
    this.#model = model;
  }

  /** The model that answers. */
  get model(): Model {
    return this.#model;
  }

  /** Puts another model in its place; the users' histories stay. */
  swap(model: Model): void {
    native(() => this.#native.swap(nativeModel(model)));
    this.#model = model;
  }

  /** The number of users with recorded events. */
  get userCount(): number {
    return native(() => this.#native.userCount());
  }

  /** Records an event; the next answer counts it. */
  record(userId: Id, itemId: Id, kind?: string, details: EventDetails = {}): Recorded {
    const user = idText(userId, 'userId');
    const item = idText(itemId, 'itemId');
    const { weight, timestamp } = settingsOf(details, 'details', ['weight', 'timestamp']);
    const time = timestamp === undefined ? undefined : milliseconds(timestamp);
    const bits = native(() => this.#native.record(user, item, kind, weight, time));
    return { changed: (bits & 1) !== 0, knownItem: (bits & 2) !== 0 };
  }

  /** Records many events; all or none of them, unless invalid ones may be left out. */
  recordBatch(events: Events, options: BatchRecordOptions = {}): BatchReport {
    const columns = nativeEvents(events);
    const { skipInvalid = false } = settingsOf(options, 'options', ['skipInvalid']);
    const json = native(() => this.#native.recordBatch(columns, skipInvalid));
    return JSON.parse(json) as BatchReport;
  }

  /** Recommends for a user, or for a history alone. */
  recommend(userId: Id, options?: RecommendOptions): Answer;
  recommend(request: Request): Answer;
  recommend(first: Id | Request, options?: RecommendOptions): Answer {
    let request: Record<string, unknown>;
    if (typeof first === 'object' && first !== null) {
      request = snakeKeys(first, 'request');
    } else {
      request = snakeKeys(options, 'options');
      request['user_id'] = idText(first, 'userId');
    }
    return answer(this.#native, this.#model, requestJson(withIds(request), 'request'));
  }

  /** The bytes of a user's history; of an empty one for a user that the engine does not know. */
  profile(userId: Id): Uint8Array {
    const user = idText(userId, 'userId');
    return native(() => this.#native.profile(user));
  }

  /** Adds a history, for example of another device, to that of a user; says if that changed it. */
  mergeProfile(userId: Id, profile: Profile | Uint8Array | ArrayBuffer): boolean {
    const user = idText(userId, 'userId');
    const bytes = profile instanceof Profile ? profile.toBytes() : asBytes(profile);
    return native(() => this.#native.mergeProfile(user, bytes));
  }

  /** Forgets a user; says whether there was anything to forget. */
  erase(userId: Id): boolean {
    const user = idText(userId, 'userId');
    return native(() => this.#native.erase(user));
  }
}

/** Gives the ids of a request, and the times of its history, the form that the core takes. */
function withIds(request: Record<string, unknown>): Record<string, unknown> {
  const { user_id: user, history, allow, deny } = request;
  if (user !== undefined && user !== null) request['user_id'] = idText(user, 'userId');
  if (Array.isArray(history)) request['history'] = history.map(historyEvent);
  if (Array.isArray(allow)) request['allow'] = idTexts(allow, 'allow');
  if (Array.isArray(deny)) request['deny'] = idTexts(deny, 'deny');
  return request;
}

function idTexts(ids: readonly unknown[], name: string): string[] {
  return ids.map((id, at) => idText(id, `${name}[${at}]`));
}

function historyEvent(event: unknown, at: number): Record<string, unknown> {
  if (typeof event !== 'object' || event === null) {
    throw invalid(`history[${at}] must be an object, not ${describe(event)}`);
  }
  const fields = snakeKeys(event, `history[${at}]`);
  if (fields['item_id'] !== undefined) {
    fields['item_id'] = idText(fields['item_id'], `history[${at}].itemId`);
  }
  if (fields['timestamp'] !== undefined) fields['timestamp'] = milliseconds(fields['timestamp']);
  return fields;
}
