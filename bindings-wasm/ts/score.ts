/**
 * The part of tastemaker that answers, for a page or a worker: a module of half the size. `await
 * init()` first, then everything else.
 *
 * A page loads this or the whole package: the one whose `init` comes first is what there is.
 *
 * @packageDocumentation
 */
import { type ModuleSource, loadFrom } from './state.js';

export * from './score-api.js';
export type { ModuleSource } from './state.js';

/**
 * Loads the WebAssembly module; every other function needs it. Calling it again is free.
 *
 * Without a source it fetches the `.wasm` file beside this one, which bundlers find and copy. A
 * content security policy must allow `'wasm-unsafe-eval'`.
 */
export function init(source?: ModuleSource): Promise<void> {
  return loadFrom(() => source ?? new URL('./raw/tastemaker_score_bg.wasm', import.meta.url));
}
