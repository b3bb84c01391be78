/**
 * The engine: events in, answers out, with the users' histories in memory.
 */
import {
  type Answer,
  type Scores,
  type SimilarUsers,
  answer,
  scores,
  similarUsers,
} from './answer.js';
import { type ErrorCode, native } from './errors.js';
import { type Events, nativeEvents } from './events.js';
import { type Id, idText } from './ids.js';
import { milliseconds, settingsOf } from './json.js';
import { type Model, nativeModel } from './model.js';
import { NativeEngine } from './native.js';
import { type EventDetails, Profile, asBytes } from './profile.js';
import {
  type AnswerOptions,
  type GroupMember,
  type GroupOptions,
  type GroupRequest,
  ITEM,
  type RecommendOptions,
  type Request,
  type ScoreOptions,
  type ScoreRequest,
  type SimilarRequest,
  type SimilarUsersOptions,
  type SimilarUsersRequest,
  USER,
  fieldsOf,
  requestOf,
} from './requests.js';

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
    const request = requestOf(fieldsOf(first, options, USER));
    return answer(this.#model, (whole, real) => this.#native.recommend(request, whole, real));
  }

  /**
   * "More like this": what follows from these items alone, whoever asks. The items themselves do
   * not come back.
   */
  similarItems(items: Id | readonly Id[], options?: AnswerOptions): Answer;
  similarItems(request: SimilarRequest): Answer;
  similarItems(first: Id | readonly Id[] | SimilarRequest, options?: AnswerOptions): Answer {
    const request = requestOf(fieldsOf(first, options, ITEM, 'item_ids'));
    return answer(this.#model, (whole, real) => this.#native.similarItems(request, whole, real));
  }

  /**
   * The score of each item, in the order given, with the bits that {@link Engine.recommend} gives;
   * also of items that it would leave out.
   */
  scoreItems(userId: Id, itemIds: readonly Id[], options?: ScoreOptions): Scores;
  scoreItems(request: ScoreRequest): Scores;
  scoreItems(first: Id | ScoreRequest, itemIds?: readonly Id[], options?: ScoreOptions): Scores {
    const fields = fieldsOf(first, options, USER);
    if (itemIds !== undefined) fields['item_ids'] = itemIds;
    const request = requestOf(fields);
    const given = fields['item_ids'] as readonly string[];
    return scores(this.#model, given, (whole, real) => this.#native.scoreItems(request, whole, real));
  }

  /**
   * One answer for several people. Each history counts the same, however long it is; what any
   * member has seen or dismissed is left out.
   */
  recommendGroup(members: readonly (Id | GroupMember)[], options?: GroupOptions): Answer;
  recommendGroup(request: GroupRequest): Answer;
  recommendGroup(
    first: readonly (Id | GroupMember)[] | GroupRequest,
    options?: GroupOptions,
  ): Answer {
    const request = requestOf(fieldsOf(first, options, USER, 'members'));
    return answer(this.#model, (whole, real) => this.#native.recommendGroup(request, whole, real));
  }

  /** The users whose training histories are most like a user's history, or a given one. */
  similarUsers(userId: Id, options?: SimilarUsersOptions): SimilarUsers;
  similarUsers(request: SimilarUsersRequest): SimilarUsers;
  similarUsers(first: Id | SimilarUsersRequest, options?: SimilarUsersOptions): SimilarUsers {
    const request = requestOf(fieldsOf(first, options, USER));
    return similarUsers(this.#model, native(() => this.#native.similarUsers(request)));
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
