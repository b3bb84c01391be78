/**
 * Options and answers between JavaScript's camelCase and the core's snake_case JSON.
 *
 * The core checks names and values; here they are only spelled. JSON has no NaN and no infinity:
 * as an option they become a text, which the core refuses for a number.
 */
import { invalid, type ErrorCode } from './errors.js';
import { describe } from './ids.js';

const names = new Map<string, string>();

/**
 * `excludeSeen` to `exclude_seen`.
 * @internal
 */
export function snakeCase(name: string): string {
  let snake = names.get(name);
  if (snake === undefined) {
    snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    if (names.size < 1000) names.set(name, snake);
  }
  return snake;
}

/**
 * `exclude_seen` to `excludeSeen`, in the keys of objects at every depth.
 * @internal
 */
export function camelKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camelKeys);
  if (typeof value !== 'object' || value === null) return value;
  const result: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(value)) {
    result[name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())] = camelKeys(inner);
  }
  return result;
}

/**
 * The same fields under the core's names; the values stay as they are.
 * @internal
 */
export function snakeKeys(options: unknown, what: string): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  if (options === undefined || options === null) return result;
  if (typeof options !== 'object' || Array.isArray(options)) {
    throw invalid(`${what} must be an object, not ${describe(options)}`);
  }
  for (const name of Object.keys(options)) {
    const value = (options as Record<string, unknown>)[name];
    if (value === undefined) continue;
    // As null, which JSON would make of it, it would count as not given.
    const odd = typeof value === 'number' && !Number.isFinite(value);
    result[snakeCase(name)] = odd ? String(value) : value;
  }
  return result;
}

/**
 * Settings that the façade reads itself: an object, or nothing, with no other names than these.
 * @internal
 */
export function settingsOf<T extends object>(
  value: T | null | undefined,
  what: string,
  names: readonly (keyof T & string)[],
): Partial<T> {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object') throw invalid(`${what} must be an object, not ${describe(value)}`);
  for (const name of Object.keys(value)) {
    if (!(names as readonly string[]).includes(name)) {
      throw invalid(`${what}.${name} is not known; the names are ${names.join(', ')}`);
    }
  }
  return value;
}

function plain(this: unknown, name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  // A date comes as its text, or as null if it is not a time.
  if (typeof value !== 'string' && value !== null) return value;
  const given = (this as Record<string, unknown>)[name];
  return given instanceof Date ? given.getTime() : value;
}

function finite(this: unknown, name: string, value: unknown): unknown {
  const known = plain.call(this, name, value);
  if (typeof known === 'number' && !Number.isFinite(known)) {
    throw new RangeError(`${name} is ${known}; a number is finite`);
  }
  return known;
}

/**
 * JSON text of a value from outside: dates are milliseconds, bigints are numbers.
 * @internal
 */
export function toJson(
  value: unknown,
  what: string,
  code: ErrorCode = 'invalid_argument',
  numbers: 'any' | 'finite' = 'any',
): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value, numbers === 'finite' ? finite : plain);
  } catch (cause) {
    throw invalid(`${what} cannot be written as JSON: ${(cause as Error).message}`, code);
  }
  if (text === undefined) throw invalid(`${what} cannot be written as JSON`, code);
  return text;
}

/**
 * A time for the core: milliseconds of a date, a number or a bigint.
 * @internal
 */
export function milliseconds(time: unknown): number {
  if (typeof time === 'number') return time;
  if (time instanceof Date) return time.getTime();
  return typeof time === 'bigint' ? Number(time) : NaN;
}
