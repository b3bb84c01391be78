/**
 * The part of tastemaker that answers, on an edge runtime, whose build step compiles the module.
 * It is loaded on import.
 *
 * @packageDocumentation
 */
import module from './raw/tastemaker_score_bg.wasm?module';

import { type ModuleSource, loadSync } from './state.js';

export * from './score-api.js';
export type { ModuleSource } from './state.js';

loadSync(module);

/** There is nothing left to do; it is here so that code for the browser runs unchanged. */
export function init(_source?: ModuleSource): Promise<void> {
  return Promise.resolve();
}
