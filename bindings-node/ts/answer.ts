/**
 * Answers, from the arrays that the native half fills to objects.
 */
import { native } from './errors.js';
import { type Id } from './ids.js';
import { type Model } from './model.js';
import { type NativeEngine } from './native.js';
import { SOURCES, type Source } from './recommendations.js';

/** What an item of the history gave to a recommendation. */
export interface Reason {
  /** The item of the history. */
  itemId: Id;
  /** Its part of the score; the parts of all reasons add up to it exactly. */
  contribution: number;
  /** Its part of the score, of 1. */
  share: number;
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
  /** Ids in the history, `allow` or `deny` that the model does not have: they played no part. */
  ignored: Id[];
  /** The hash of the model that answered. */
  model: string;
  /** The stages, if `trace` was asked for. */
  trace?: Stage[];
}

/** The arrays that answers are written into, one after the other. They grow as needed. */
let whole = new Uint32Array(128);
let real = new Float64Array(128);

/**
 * Asks the engine, and reads its answer; `engine.rs` says what lies where.
 * @internal
 */
export function answer(engine: NativeEngine, model: Model, request: string): Answer {
  let rest = native(() => engine.recommend(request, whole, real));
  const [count, reasons] = [whole[0]!, whole[1]!];
  const wholes = 2 + 3 * count + reasons;
  const reals = count + 2 * reasons;
  if (wholes > whole.length || reals > real.length) {
    whole = new Uint32Array(2 * wholes);
    real = new Float64Array(2 * reals);
    rest = native(() => engine.recommend(request, whole, real));
  }
  const result: Answer = { items: items(model), ignored: [], model: model.hash };
  if (rest != null) {
    const { ignored, trace } = JSON.parse(rest) as { ignored: string[]; trace?: Stage[] };
    result.ignored = ignored.map((text) => model.typed(text));
    if (trace) result.trace = trace;
  }
  return result;
}

function items(model: Model): Recommendation[] {
  const count = whole[0]!;
  const result = new Array<Recommendation>(count);
  let reason = 0;
  for (let row = 0; row < count; row++) {
    const at = 2 + 3 * row;
    const reasons: Reason[] = [];
    for (const end = whole[at + 2]!; reason < end; reason++) {
      reasons.push({
        itemId: model.id(whole[2 + 3 * count + reason]!),
        contribution: real[count + 2 * reason]!,
        share: real[count + 2 * reason + 1]!,
      });
    }
    result[row] = {
      itemId: model.id(whole[at]!),
      rank: row + 1,
      score: real[row]!,
      source: SOURCES[whole[at + 1]!]!,
      reasons,
    };
  }
  return result;
}
