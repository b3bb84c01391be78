/**
 * Progress and cancellation of work that runs off the event loop.
 */
import { TastemakerError, asError, invalid } from './errors.js';
import { CancelFlag } from './native.js';

/** Where long work stands: `done` of `total` steps of a stage. */
export interface Progress {
  /** The stage, for people. */
  stage: string;
  /** Steps of this stage that are done. */
  done: number;
  /** Steps of this stage in all. */
  total: number;
}

/** How to watch and stop long work. */
export interface Control {
  /** Called from time to time; an error that it throws stops the work. */
  progress?: ((progress: Progress) => void) | undefined;
  /** Stops the work, which then fails with `cancelled` and the signal's reason as its cause. */
  signal?: AbortSignal | undefined;
}

type Report = (stage: string, done: number, total: number) => void;

/**
 * Runs work of the native half under a control.
 * @internal
 */
export async function controlled<T>(
  { progress, signal }: Control,
  start: (cancel: CancelFlag, report: Report | undefined) => Promise<T>,
): Promise<T> {
  if (progress !== undefined && typeof progress !== 'function') {
    throw invalid('progress must be a function');
  }
  if (signal?.aborted) throw cancelled(signal);
  const cancel = new CancelFlag();
  const abort = (): void => cancel.cancel();
  let thrown: { error: unknown } | undefined;
  const report: Report | undefined = progress && ((stage, done, total) => {
    if (thrown) return;
    try {
      progress({ stage, done, total });
    } catch (error) {
      thrown = { error };
      abort();
    }
  });
  signal?.addEventListener('abort', abort, { once: true });
  try {
    return await start(cancel, report);
  } catch (error) {
    if (thrown) throw thrown.error;
    const known = asError(error);
    if (signal?.aborted && known instanceof TastemakerError && known.code === 'cancelled') {
      throw cancelled(signal);
    }
    throw known;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

function cancelled(signal: AbortSignal): TastemakerError {
  return new TastemakerError('cancelled', 'the work was cancelled by its signal', {
    cause: signal.reason,
  });
}
