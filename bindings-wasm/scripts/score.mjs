// Makes raw/tastemaker_score_bg.wasm of raw/tastemaker_bg.wasm: the module without what a page that
// answers from a snapshot does not call. Both work with the same glue.
//
//     node scripts/score.mjs FOLDER_OF_BINARYEN'S_PROGRAMS OPTION…
//
// Each export must be named here, so that a new one is not shipped, or left out, by accident.
import { readFileSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const raw = new URL('../dist/raw/', import.meta.url).pathname;
const [programs, ...options] = process.argv.slice(2);

/** What `ts/score.ts` offers, and what the glue needs. */
const KEPT =
  /^(memory|__.*|native(engine|model|experiments|vectorindex|itemset)_.*|nativelists_.*|indexSearchBatch|profile[A-Z].*|assignId|defaultEvent|matchesCondition|cancelflag_.*)$/;
/** What it does not. */
const LEFT_OUT =
  /^(native(bandit|catalog|updated|clusters|read|decisionlog)_.*|train.*|tune.*|update.*|split|splitExact|compare|evaluate.*|contextHash|statsAsk|summarize|readFvecs|readSafetensors|modelWithBandits|modelBandits?|index(Build|Update|KnnGraph|Duplicates|Cluster).*)$/;

const module = new WebAssembly.Module(readFileSync(join(raw, 'tastemaker_bg.wasm')));
const names = WebAssembly.Module.exports(module).map(({ name }) => name);
const unknown = names.filter((name) => KEPT.test(name) === LEFT_OUT.test(name));
if (unknown.length > 0) {
  throw new Error(`scripts/score.mjs does not say whether these stay: ${unknown.join(', ')}`);
}
const graph = names
  .filter((name) => KEPT.test(name))
  .map((name) => ({ name: `kept ${name}`, export: name, root: true }));
const file = join(raw, '../../build/score-graph.json');
writeFileSync(file, JSON.stringify(graph));

const output = join(raw, 'tastemaker_score_bg.wasm');
run('wasm-metadce', [...options, '--graph-file', file, join(raw, 'tastemaker_bg.wasm'), '-o', output]);
run('wasm-opt', [...options, '-O3', output, '-o', output]);

function run(program, words) {
  const { status, error, stderr } = spawnSync(join(programs, program), words, { encoding: 'utf8' });
  if (error) throw error;
  if (status !== 0) throw new Error(`${program} failed:\n${stderr}`);
}
