/**
 * Vectors as they come in: flat typed arrays, or a list of rows, on their way to the core's floats.
 */
import { invalid, native } from './errors.js';
import { describe, idText } from './ids.js';
import { readFvecs as nativeFvecs, readSafetensors as nativeSafetensors } from './native.js';
import { asBytes } from './profile.js';

/** A vector. */
export type Vector = Float32Array | Float64Array | readonly number[];

/**
 * Many vectors: one after the other in a flat array, which needs the `dimension`; or a list of
 * rows.
 */
export type VectorRows = Float32Array | Float64Array | readonly Vector[];

/** Rows one after the other. */
export interface FlatRows {
  /** The values of all rows. */
  values: Float32Array;
  /** The values of a row. */
  dimension: number;
}

/** The vectors of an `fvecs` file, which `VectorIndex.build` takes with their `dimension`. */
export function readFvecs(bytes: Uint8Array | ArrayBuffer): FlatRows {
  return plainRows(native(() => nativeFvecs(asBytes(bytes))));
}

/**
 * A matrix of a safetensors file, in 32-bit floats: the tensor of this name, or the only one that
 * has two dimensions.
 */
export function readSafetensors(bytes: Uint8Array | ArrayBuffer, tensor?: string): FlatRows {
  return plainRows(native(() => nativeSafetensors(asBytes(bytes), tensor)));
}

function plainRows({ values, dimension }: FlatRows): FlatRows {
  return { values, dimension };
}

/** A typed array of numbers, which JSON or a plain list of values is not. */
type Numbers = Float32Array | Float64Array | Int8Array | Uint8Array | Int16Array | Int32Array;

function isNumbers(value: unknown): value is Numbers {
  return (
    ArrayBuffer.isView(value) &&
    !(value instanceof DataView) &&
    !(value instanceof BigInt64Array) &&
    !(value instanceof BigUint64Array)
  );
}

/**
 * Whether this is a vector, and not an id.
 * @internal
 */
export function isVector(value: unknown): value is Vector {
  return Array.isArray(value) || isNumbers(value);
}

/**
 * The values of a vector. What is no number becomes NaN, which the core refuses with its place.
 * @internal
 */
export function vectorOf(value: unknown, name: string): Float32Array {
  if (value instanceof Float32Array) return value;
  if (isNumbers(value)) return Float32Array.from(value);
  if (!Array.isArray(value)) {
    throw invalid(`${name} must be an array of numbers, not ${describe(value)}`);
  }
  const result = new Float32Array(value.length);
  for (let at = 0; at < value.length; at++) result[at] = numberOf(value[at]);
  return result;
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : NaN;
}

/**
 * Rows of equal length. `otherwise` is the dimension where there is nothing that says it.
 * @internal
 */
export function rowsOf(rows: unknown, dimension: number | undefined, name: string, otherwise: number): FlatRows {
  if (isNumbers(rows)) {
    const values = vectorOf(rows, name);
    if (dimension === undefined && values.length > 0) {
      throw invalid(`${name} is a flat array: say how many values a vector has, by dimension`);
    }
    return { values, dimension: dimension ?? otherwise };
  }
  if (!Array.isArray(rows)) {
    throw invalid(`${name} must be a typed array or an array of vectors, not ${describe(rows)}`);
  }
  const width = rows.length > 0 ? lengthOf(rows[0], `${name}[0]`) : (dimension ?? otherwise);
  if (dimension !== undefined && width !== dimension) {
    throw invalid(`${name}[0] has ${width} values; dimension is ${dimension}`, 'invalid_vector');
  }
  const values = new Float32Array(rows.length * width);
  for (let row = 0; row < rows.length; row++) {
    const length = lengthOf(rows[row], `${name}[${row}]`);
    if (length !== width) {
      throw invalid(`${name}[${row}] has ${length} values; ${name}[0] has ${width}`, 'invalid_vector');
    }
    values.set(vectorOf(rows[row], `${name}[${row}]`), row * width);
  }
  return { values, dimension: width };
}

function lengthOf(row: unknown, name: string): number {
  if (isVector(row)) return row.length;
  throw invalid(`${name} must be an array of numbers, not ${describe(row)}`, 'invalid_vector');
}

/**
 * The examples of a question: ids stay texts, vectors become their place in a list.
 * @internal
 */
export class Examples {
  readonly #vectors: Float32Array[] = [];

  /** An example for the question: the text of an id, or the place of a vector. */
  add(given: unknown, name: string): string | number {
    if (!isVector(given)) return idText(given, name);
    return this.#vectors.push(vectorOf(given, name)) - 1;
  }

  /** All vectors one after the other, and where each ends. */
  flat(): { values: Float32Array; ends: Uint32Array } {
    const vectors = this.#vectors;
    if (vectors.length === 1) {
      return { values: vectors[0]!, ends: Uint32Array.of(vectors[0]!.length) };
    }
    const ends = new Uint32Array(vectors.length);
    let length = 0;
    vectors.forEach((vector, at) => {
      length += vector.length;
      ends[at] = length;
    });
    const values = new Float32Array(length);
    vectors.forEach((vector, at) => values.set(vector, ends[at]! - vector.length));
    return { values, ends };
  }
}
