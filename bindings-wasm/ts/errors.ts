/**
 * The errors of the package, and the door through which every call into the module goes.
 */
import { TastemakerError, asError as shared, invalid as sharedInvalid } from './shared-errors.js';
import { isReady } from './state.js';

export { TastemakerError } from './shared-errors.js';
export type { ErrorCode } from './shared-errors.js';

/**
 * The public form of an error that the module threw. A panic is an `internal` error, and so is
 * a trap.
 * @internal
 */
export function asError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof TastemakerError) return error;
  if (!isReady()) {
    return new TastemakerError(
      'invalid_argument',
      'tastemaker-wasm is not loaded yet: await init() before the first call',
    );
  }
  if (error instanceof TypeError && /\bwasm\.\w+ is not a function/.test(error.message)) {
    return new TastemakerError(
      'invalid_argument',
      "tastemaker-wasm/score does not have this: import and init() 'tastemaker-wasm' instead",
      { cause: error },
    );
  }
  const panicked = error.name === 'PanicError' || error instanceof WebAssembly.RuntimeError;
  if (!panicked) return shared(error);
  return new TastemakerError('internal', error.message, { cause: error });
}

/**
 * Calls the module, and rethrows what it throws in its public form.
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
 * An error of the façade itself.
 * @internal
 */
export const invalid = sharedInvalid;
