// What an edge runtime's build does with `import module from './x.wasm?module'`, as a Node hook.
export async function load(url, context, next) {
  if (!url.endsWith('.wasm?module')) return next(url, context);
  const path = JSON.stringify(url.slice(0, -'?module'.length));
  const source = `import { readFileSync } from 'node:fs';
    export default new WebAssembly.Module(readFileSync(new URL(${path})));`;
  return { format: 'module', source, shortCircuit: true };
}
