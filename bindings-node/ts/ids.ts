/**
 * Ids: text in the core, and numbers where the training columns were numbers.
 */
import { invalid } from './errors.js';

/**
 * The id of an item or a user. An integer is its decimal text: `42` and `"42"` are the same id.
 * Results give ids as strings, and as numbers (beyond 2^53 as bigints) where the model was
 * trained on a column of integers.
 */
export type Id = string | number | bigint;

/**
 * The text of an id; `field` names it in the error.
 * @internal
 */
export function idText(id: unknown, field: string): string {
  switch (typeof id) {
    case 'string':
      if (isWellFormed(id)) return id;
      throw invalid(`${field} has a lone surrogate; an id is well-formed Unicode`, 'invalid_id');
    case 'number':
      if (Number.isSafeInteger(id)) return String(id === 0 ? 0 : id);
      throw invalid(`${field} is ${id}; an id is a string or a whole number`, 'invalid_id');
    case 'bigint':
      return String(id);
    default:
      throw invalid(`${field} is ${describe(id)}; an id is a string or a whole number`, 'invalid_id');
  }
}

/**
 * Gives the text of an id the type of a training column of integers; other texts stay.
 * @internal
 */
export function integerId(text: string): Id {
  const number = Number(text);
  if (Number.isSafeInteger(number) && String(number) === text) return number;
  return /^-?[1-9][0-9]{0,19}$/.test(text) ? BigInt(text) : text;
}

/**
 * What kind of value this is, for a message.
 * @internal
 */
export function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : typeof value;
}

const LONE_SURROGATE = /\p{Surrogate}/u;
const NOT_ASCII = /[^\x00-\x7f]/;

/**
 * Whether a text has no lone surrogates, which UTF-8 cannot carry.
 * @internal
 */
export function isWellFormed(text: string): boolean {
  return !NOT_ASCII.test(text) || !LONE_SURROGATE.test(text);
}
