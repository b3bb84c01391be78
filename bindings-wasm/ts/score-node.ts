/**
 * The part of tastemaker that answers, in Node.js by WebAssembly. The module is loaded on import.
 *
 * @packageDocumentation
 */
import { readFileSync } from 'node:fs';

import { type ModuleSource, loadSync } from './state.js';

export * from './score-api.js';
export type { ModuleSource } from './state.js';

loadSync(readFileSync(new URL('./raw/tastemaker_score_bg.wasm', import.meta.url)));

/** There is nothing left to do; it is here so that code for the browser runs unchanged. */
export function init(_source?: ModuleSource): Promise<void> {
  return Promise.resolve();
}
