/**
 * Answers, from the arrays that the native half fills to objects.
 */
import { native } from './errors.js';
import { type Id } from './ids.js';
import { type Model } from './model.js';
import { SOURCES, type Source } from './recommendations.js';

/** What an item of the history gave to a recommendation. */
export interface Reason {
  /** The item of the history. */
  itemId: Id;
  /** Its part of the score; the parts of all reasons add up to it exactly. */
  contribution: number;
  /** Its part of the score, of 1. */
  share: number;
  /** In an answer for a group: the members whom it comes from, by their place, from 0. */
  members?: number[];
}

/** One recommended item. */
export interface Recommendation {
  /** The item. */
  itemId: Id;
  /** The place in the list, from 1. */
  rank: number;
  /** How strongly. */
  score: number;
  /** Where it comes from. */
  source: Source;
  /** What led to it, strongest first; empty unless `explain` was asked for. */
  reasons: Reason[];
}

/** What one stage took and gave. */
export interface Stage {
  /** The stage. */
  stage: string;
  /** How many items came in. */
  input: number;
  /** How many went out. */
  output: number;
  /** Why. */
  note: string;
}

/** An answer. */
export interface Answer {
  /** The items, best first. */
  items: Recommendation[];
  /**
   * Ids in the histories or items given, in `allow` or `deny`, that the model does not have: they
   * played no part.
   */
  ignored: Id[];
  /** The hash of the model that answered. */
  model: string;
  /** The stages, if `trace` was asked for. */
  trace?: Stage[];
}

/** The score of one item. */
export interface Score {
  /** The item. */
  itemId: Id;
  /** Whether the model has the item; one that it does not have scores 0. */
  known: boolean;
  /** Whether the history has the item. */
  seen: boolean;
  /** How strongly. */
  score: number;
  /** What led to it, strongest first; empty unless `explain` was asked for. */
  reasons: Reason[];
}

/** The scores of items. */
export interface Scores {
  /** One for each item, in the order given. */
  items: Score[];
  /** Ids in the history that the model does not have: they played no part. */
  ignored: Id[];
  /** The hash of the model that answered. */
  model: string;
}

/** A user who is like another. */
export interface SimilarUser {
  /** The user. */
  userId: Id;
  /** The cosine of the two histories, above 0 and at most 1. */
  similarity: number;
}

/** Users who are like another. */
export interface SimilarUsers {
  /** The users, most alike first. */
  users: SimilarUser[];
  /** Ids in the history that the model does not have: they played no part. */
  ignored: Id[];
  /** The hash of the model that answered. */
  model: string;
}

/** The arrays that answers are written into, one after the other. They grow as needed. */
let whole = new Uint32Array(128);
let real = new Float64Array(128);

/** What an answer says besides its rows. */
interface Rest {
  ignored: string[];
  members?: number[][];
  trace?: Stage[];
}

/** A row of the arrays: what each answer makes of it is its own affair. */
interface Row {
  item: number;
  mark: number;
  score: number;
  reasons: Reason[];
}

type Ask = (whole: Uint32Array, real: Float64Array) => string | null | undefined;

/**
 * Asks the engine for ranked items; `engine.rs` says what lies where.
 * @internal
 */
export function answer(model: Model, ask: Ask): Answer {
  const rest = filled(ask);
  const items = rows(model, rest, ({ item, mark, score, reasons }, row) => ({
    itemId: model.id(item),
    rank: row + 1,
    score,
    source: SOURCES[mark]!,
    reasons,
  }));
  const result: Answer = { items, ignored: ignoredIds(model, rest), model: model.hash };
  if (rest?.trace) result.trace = rest.trace;
  return result;
}

/**
 * Asks the engine for the scores of items, whose texts are `given`.
 * @internal
 */
export function scores(model: Model, given: readonly string[], ask: Ask): Scores {
  const rest = filled(ask);
  const items = rows(model, rest, ({ item, mark, score, reasons }, row) => {
    const known = (mark & 1) !== 0;
    const itemId = known ? model.id(item) : model.typed(given[row]!);
    return { itemId, known, seen: (mark & 2) !== 0, score, reasons };
  });
  return { items, ignored: ignoredIds(model, rest), model: model.hash };
}

/**
 * Reads similar users from JSON.
 * @internal
 */
export function similarUsers(model: Model, json: string): SimilarUsers {
  const { users, ignored } = JSON.parse(json) as {
    users: { userId: string; similarity: number }[];
    ignored: string[];
  };
  return {
    users: users.map(({ userId, similarity }) => ({ userId: model.typedUser(userId), similarity })),
    ignored: ignored.map((text) => model.typed(text)),
    model: model.hash,
  };
}

function ignoredIds(model: Model, rest: Rest | undefined): Id[] {
  return rest === undefined ? [] : rest.ignored.map((text) => model.typed(text));
}

/** Asks until the arrays are long enough, and reads what did not go into them. */
function filled(ask: Ask): Rest | undefined {
  let rest = native(() => ask(whole, real));
  const [count, reasons] = [whole[0]!, whole[1]!];
  const wholes = 2 + 3 * count + reasons;
  const reals = count + 2 * reasons;
  if (wholes > whole.length || reals > real.length) {
    whole = new Uint32Array(2 * wholes);
    real = new Float64Array(2 * reals);
    rest = native(() => ask(whole, real));
  }
  return rest == null ? undefined : (JSON.parse(rest) as Rest);
}

function rows<T>(model: Model, rest: Rest | undefined, each: (row: Row, at: number) => T): T[] {
  const count = whole[0]!;
  const members = rest?.members;
  const result = new Array<T>(count);
  let reason = 0;
  for (let row = 0; row < count; row++) {
    const at = 2 + 3 * row;
    const reasons: Reason[] = [];
    for (const end = whole[at + 2]!; reason < end; reason++) {
      const one: Reason = {
        itemId: model.id(whole[2 + 3 * count + reason]!),
        contribution: real[count + 2 * reason]!,
        share: real[count + 2 * reason + 1]!,
      };
      if (members !== undefined) one.members = members[reason]!;
      reasons.push(one);
    }
    result[row] = each({ item: whole[at]!, mark: whole[at + 1]!, score: real[row]!, reasons }, row);
  }
  return result;
}
