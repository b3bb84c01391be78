/**
 * Loads the module, once.
 */
import load, { initSync } from './raw/tastemaker.js';

/** What the module can be loaded from. */
export type ModuleSource =
  | string
  | URL
  | Request
  | Response
  | Promise<Response>
  | BufferSource
  | WebAssembly.Module;

let ready = false;
let loading: Promise<void> | undefined;

/**
 * Whether the module can be called.
 * @internal
 */
export function isReady(): boolean {
  return ready;
}

/**
 * Loads the module from bytes, or from what was compiled before, at once.
 * @internal
 */
export function loadSync(module: BufferSource | WebAssembly.Module): void {
  if (ready) return;
  initSync({ module });
  ready = true;
}

/**
 * Loads the module; calls after the first one wait for it. A failure can be tried again.
 * @internal
 */
export function loadFrom(source: () => ModuleSource): Promise<void> {
  if (ready) return Promise.resolve();
  loading ??= load({ module_or_path: source() }).then(
    () => {
      ready = true;
    },
    (error: unknown) => {
      loading = undefined;
      throw error;
    },
  );
  return loading;
}
