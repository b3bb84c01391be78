/**
 * What the engine is asked: requests, and the form of them that the core takes.
 */
import { type Condition } from './condition.js';
import { invalid } from './errors.js';
import { type Id, describe, idText } from './ids.js';
import { milliseconds, snakeKeys } from './json.js';
import { type EventDetails } from './profile.js';
import { requestJson } from './recommendations.js';

/** An event of a history that comes with the request. */
export interface HistoryEvent extends EventDetails {
  /** The item. */
  itemId: Id;
  /** What the user did: `view` if it is not given. */
  kind?: string | undefined;
}

/** How many items an answer has, which, and what it tells. */
export interface AnswerOptions {
  /** The number of items: 10. */
  k?: number | undefined;
  /** Which items may appear. */
  filter?: Condition | null | undefined;
  /** The only items that may appear. */
  allow?: readonly Id[] | undefined;
  /** Items that must not appear. */
  deny?: readonly Id[] | undefined;
  /** Tells for each item what each event of the history gave to it: false. */
  explain?: boolean | undefined;
  /** Tells what each stage took and gave: false. */
  trace?: boolean | undefined;
}

/** How to recommend. */
export interface RecommendOptions extends AnswerOptions {
  /** A history for this answer only, in addition to the stored one. */
  history?: readonly HistoryEvent[] | undefined;
  /** The time that decay is reckoned to: the newest event of the history if it is not given. */
  now?: number | bigint | Date | undefined;
  /** Leaves out what the user has already had to do with: true. */
  excludeSeen?: boolean | undefined;
}

/** For whom, and how, to recommend. */
export interface Request extends RecommendOptions {
  /** The user; without one, the history says it all. */
  userId?: Id | undefined;
}

/** For which items, and how, to find similar ones. */
export interface SimilarRequest extends AnswerOptions {
  /** The item; or, for several, `itemIds`. */
  itemId?: Id | undefined;
  /** The items: 1 to 2,048. */
  itemIds?: readonly Id[] | undefined;
}

/** For whom, and how, to score items. */
export interface ScoreOptions {
  /** A history for this answer only, in addition to the stored one. */
  history?: readonly HistoryEvent[] | undefined;
  /** The time that decay is reckoned to: the newest event of the history if it is not given. */
  now?: number | bigint | Date | undefined;
  /** Tells for each item what each event of the history gave to it: false. */
  explain?: boolean | undefined;
}

/** What to score, and for whom. */
export interface ScoreRequest extends ScoreOptions {
  /** The user; without one, the history says it all. */
  userId?: Id | undefined;
  /** The items to score. */
  itemIds: readonly Id[];
}

/** One of the people whom an answer is for. */
export interface GroupMember {
  /** The user; without one, the history says it all. */
  userId?: Id | undefined;
  /** A history for this answer only, in addition to the stored one. */
  history?: readonly HistoryEvent[] | undefined;
  /** How much the member counts in an average, from 0.01 to 100: 1. */
  weight?: number | undefined;
}

/** How several histories become one score. */
export type Strategy = 'average' | 'least_misery';

/** How to recommend for a group. */
export interface GroupOptions extends AnswerOptions {
  /** The mean of the members' histories, or the lowest of their scores: `average`. */
  strategy?: Strategy | undefined;
  /** The time that decay is reckoned to: for each member the newest event if it is not given. */
  now?: number | bigint | Date | undefined;
  /** Leaves out what any member has already had to do with: true. */
  excludeSeen?: boolean | undefined;
}

/** For whom, and how, to recommend. */
export interface GroupRequest extends GroupOptions {
  /** The people: 1 to 64. A user id alone is a member too. */
  members: readonly (Id | GroupMember)[];
}

/** How to find similar users. */
export interface SimilarUsersOptions {
  /** The number of users: 10. */
  k?: number | undefined;
  /** A history for this answer only, in addition to the stored one. */
  history?: readonly HistoryEvent[] | undefined;
}

/** Whom to find similar users of, and how. */
export interface SimilarUsersRequest extends SimilarUsersOptions {
  /** The user, who is not in the answer; without one, the history says it all. */
  userId?: Id | undefined;
}

/** An argument that may stand alone: its name in the core, and here. */
type Alone = readonly [name: string, shown: string];

/**
 * The fields of a request under the core's names: those of the object that is the first argument;
 * or an id, or a list where `list` names one, and the options beside it.
 * @internal
 */
export function fieldsOf(first: unknown, options: unknown, id: Alone, list?: string): Fields {
  let fields: Fields;
  if (Array.isArray(first) && list !== undefined) {
    fields = snakeKeys(options, 'options');
    fields[list] = first;
  } else if (typeof first === 'object' && first !== null) {
    fields = snakeKeys(first, 'request');
  } else {
    fields = snakeKeys(options, 'options');
    fields[id[0]] = idText(first, id[1]);
  }
  return fields;
}

/**
 * The JSON of a request of these fields, whose ids and times get the form that the core takes.
 * @internal
 */
export function requestOf(fields: Fields): string {
  withIds(fields, '');
  const { members } = fields;
  if (Array.isArray(members)) fields['members'] = members.map(member);
  return requestJson(fields, 'request');
}

/** A request under the core's names. */
type Fields = Record<string, unknown>;

/** @internal */
export const USER: Alone = ['user_id', 'userId'];
/** @internal */
export const ITEM: Alone = ['item_id', 'itemId'];

const ID_LISTS: readonly Alone[] = [
  ['allow', 'allow'],
  ['deny', 'deny'],
  ['item_ids', 'itemIds'],
];

function withIds(fields: Fields, where: string): Fields {
  for (const [name, shown] of [USER, ITEM]) {
    const id = fields[name];
    if (id !== undefined && id !== null) fields[name] = idText(id, where + shown);
  }
  for (const [name, shown] of ID_LISTS) {
    const ids = fields[name];
    if (Array.isArray(ids)) {
      fields[name] = ids.map((id, at) => idText(id, `${where}${shown}[${at}]`));
    }
  }
  const { history } = fields;
  if (Array.isArray(history)) fields['history'] = history.map(historyEvent);
  return fields;
}

/** A member of a group, or the id of one. */
function member(given: unknown, at: number): Fields {
  if (typeof given === 'object') return withIds(snakeKeys(given, `members[${at}]`), `members[${at}].`);
  return { user_id: idText(given, `members[${at}]`) };
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
