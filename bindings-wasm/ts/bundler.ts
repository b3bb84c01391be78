/**
 * tastemaker for a bundler that resolves an import of a `.wasm` file to its address, as
 * `import url from 'tastemaker-wasm/tastemaker_bg.wasm?url'` does in Vite: `await init(url)`.
 *
 * @packageDocumentation
 */
export * from './web.js';
