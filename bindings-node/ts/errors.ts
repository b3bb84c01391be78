/**
 * The one error class of the package, and the door through which every native call goes.
 */

/** What went wrong; the codes are the same in Rust, Python, Node.js and the browser. */
export type ErrorCode =
  | 'invalid_argument'
  | 'invalid_id'
  | 'invalid_weight'
  | 'invalid_timestamp'
  | 'unknown_kind'
  | 'length_mismatch'
  | 'invalid_condition'
  | 'invalid_attribute'
  | 'invalid_vector'
  | 'duplicate_item'
  | 'unknown_item'
  | 'not_a_snapshot'
  | 'unsupported_version'
  | 'corrupt_snapshot'
  | 'corrupt_profile'
  | 'corrupt_bandit'
  | 'corrupt_log'
  | 'cancelled'
  | 'io'
  | 'limit_exceeded'
  | 'internal';

/** An error with a stable `code`; the message names the field, the value and the rule. */
export class TastemakerError extends Error {
  /** The stable code to branch on. */
  readonly code: ErrorCode;

  /** Makes an error; `options.cause` is what led to it. */
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }

  static {
    Object.defineProperty(this.prototype, 'name', {
      value: 'TastemakerError',
      configurable: true,
      writable: true,
    });
  }
}

const CODE = /^[a-z]+(_[a-z]+)*$/;

/** Node-API's own names for an argument of a wrong type, as they reach JavaScript. */
const WRONG_TYPE = /(Expected|^InvalidArg)$/;

/**
 * The public form of an error that the native half threw.
 * @internal
 */
export function asError(error: unknown): unknown {
  if (error instanceof TastemakerError || !(error instanceof Error)) return error;
  const code: unknown = (error as { code?: unknown }).code;
  if (typeof code !== 'string') return error;
  if (CODE.test(code)) return new TastemakerError(code as ErrorCode, error.message);
  return new TastemakerError(WRONG_TYPE.test(code) ? 'invalid_argument' : 'internal', error.message);
}

/**
 * Calls the native half, and rethrows what it throws in its public form.
 * @internal
 */
export function native<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw asError(error);
  }
}

/**
 * An error of the façade itself: an argument of a type that the native half cannot take.
 * @internal
 */
export function invalid(message: string, code: ErrorCode = 'invalid_argument'): TastemakerError {
  return new TastemakerError(code, message);
}
