/**
 * Events, as columns or as objects, on their way to the core's columns.
 *
 * Texts go over as a dictionary, so that each distinct id is converted once. A value that cannot
 * be what its column says becomes one that the core refuses, with the row in the error.
 */
import { invalid } from './errors.js';
import { type Id, describe, idText, isWellFormed } from './ids.js';
import { milliseconds } from './json.js';
import { type NativeEvents, type NativeIds, defaultEvent } from './native.js';

/** A column of ids: all strings, or all whole numbers. */
export type IdColumn =
  | readonly string[]
  | readonly number[]
  | readonly bigint[]
  | readonly Id[]
  | Int32Array
  | Uint32Array
  | Float64Array
  | BigInt64Array;

/** Events as columns of equal length. */
export interface EventTable {
  /** Who. */
  userId: IdColumn;
  /** With which item. */
  itemId: IdColumn;
  /** What they did; without this column every event is a `view`. */
  kind?: readonly string[] | undefined;
  /** How much; 1 without this column. For `rate` it is the rating. */
  weight?: readonly number[] | Float64Array | Float32Array | undefined;
  /** When, in Unix milliseconds; 0 without this column. */
  timestamp?: readonly (number | bigint | Date)[] | Float64Array | BigInt64Array | undefined;
}

/** One event as an object. */
export interface EventRow {
  /** Who. */
  userId: Id;
  /** With which item. */
  itemId: Id;
  /** What they did: `view` if it is not given. */
  kind?: string | undefined;
  /** How much: 1 if it is not given. */
  weight?: number | undefined;
  /** When: a date or Unix milliseconds; 0 if it is not given. */
  timestamp?: number | bigint | Date | undefined;
}

/** Many events: columns (fast), or objects. */
export type Events = EventTable | readonly EventRow[];

const COLUMNS = ['userId', 'itemId', 'kind', 'weight', 'timestamp'];

/**
 * The columns that the native half takes.
 * @internal
 */
export function nativeEvents(events: unknown): NativeEvents {
  const table = Array.isArray(events) ? tableOf(events) : events;
  if (typeof table !== 'object' || table === null) {
    throw invalid('events must be an object of columns or an array of objects');
  }
  const { userId, itemId, kind, weight, timestamp } = table as Record<string, unknown>;
  for (const name of Object.keys(table)) {
    if (!COLUMNS.includes(name)) {
      throw invalid(`events.${name} is not a column; the columns are ${COLUMNS.join(', ')}`);
    }
  }
  const result: NativeEvents = {
    userId: nativeIds(userId, 'events.userId'),
    itemId: nativeIds(itemId, 'events.itemId'),
  };
  if (kind !== undefined) result.kind = texts(asList(kind, 'events.kind'), 'events.kind');
  if (weight !== undefined) result.weight = numbers(weight, 'events.weight', number);
  if (timestamp instanceof BigInt64Array) result.timestampBigint = timestamp;
  else if (timestamp !== undefined) {
    result.timestamp = numbers(timestamp, 'events.timestamp', milliseconds);
  }
  return result;
}

/**
 * A column of ids as the native half takes it.
 * @internal
 */
export function nativeIds(column: unknown, name: string): NativeIds {
  if (column instanceof BigInt64Array) return { bigints: column };
  if (column instanceof Float64Array) return { numbers: column };
  if (column instanceof Int32Array || column instanceof Uint32Array) {
    return { numbers: Float64Array.from(column) };
  }
  const list = asList(column, name);
  if (typeof list[0] === 'number') return { numbers: numbers(list, name, wholeNumber(name)) };
  if (typeof list[0] === 'bigint') return { bigints: bigints(list, name) };
  return texts(list, name);
}

function asList(column: unknown, name: string): ArrayLike<unknown> {
  if (Array.isArray(column) || (ArrayBuffer.isView(column) && !(column instanceof DataView))) {
    return column as unknown as ArrayLike<unknown>;
  }
  throw invalid(`${name} must be an array, not ${describe(column)}`);
}

/** Objects to columns; what an object does not say is what the core says of such an event. */
function tableOf(rows: readonly unknown[]): Record<string, unknown> {
  const given = new Set<string>();
  for (const [index, row] of rows.entries()) {
    if (typeof row !== 'object' || row === null) {
      throw invalid(`events[${index}] must be an object, not ${describe(row)}`);
    }
    for (const name in row) given.add(name);
  }
  const table: Record<string, unknown> = { userId: [], itemId: [] };
  const otherwise = JSON.parse(defaultEvent()) as Record<string, unknown>;
  for (const name of given) {
    table[name] = rows.map((row) => (row as Record<string, unknown>)[name] ?? otherwise[name]);
  }
  return table;
}

function texts(list: ArrayLike<unknown>, name: string): NativeIds {
  const known = new Map<string, number>();
  const values: string[] = [];
  const codes = new Uint32Array(list.length);
  for (let row = 0; row < list.length; row++) {
    // A missing id is the empty one, which the core refuses row by row.
    const value = list[row] ?? '';
    if (typeof value !== 'string') {
      throw invalid(`${name}[${row}] is ${describe(value)} in a column of strings`, 'invalid_id');
    }
    let code = known.get(value);
    if (code === undefined) {
      code = values.length;
      known.set(value, code);
      if (!isWellFormed(value)) idText(value, `${name}[${row}]`);
      values.push(value);
    }
    codes[row] = code;
  }
  return { codes, values };
}

function bigints(list: ArrayLike<unknown>, name: string): BigInt64Array {
  const result = new BigInt64Array(list.length);
  for (let row = 0; row < list.length; row++) {
    const value = list[row];
    if (typeof value !== 'bigint' || BigInt.asIntN(64, value) !== value) {
      throw invalid(`${name}[${row}] is ${String(value)}, not a bigint of 64 bits`, 'invalid_id');
    }
    result[row] = value;
  }
  return result;
}

function numbers(
  column: unknown,
  name: string,
  convert: (value: unknown, row: number) => number,
): Float64Array {
  if (column instanceof Float64Array) return column;
  const list = asList(column, name);
  const result = new Float64Array(list.length);
  for (let row = 0; row < list.length; row++) result[row] = convert(list[row], row);
  return result;
}

/**
 * A column of numbers as the native half takes it; what is none becomes NaN, which the core refuses.
 * @internal
 */
export function nativeNumbers(column: unknown, name: string): Float64Array {
  return numbers(column, name, number);
}

function number(value: unknown): number {
  return typeof value === 'number' ? value : NaN;
}

function wholeNumber(name: string): (value: unknown, row: number) => number {
  return (value, row) => {
    if (typeof value === 'number') return value;
    throw invalid(`${name}[${row}] is ${describe(value)} in a column of numbers`, 'invalid_id');
  };
}
