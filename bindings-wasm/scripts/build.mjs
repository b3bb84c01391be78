// Compiles the façade into dist/, around the module that is already in dist/raw/.
//
// The façade is the Node package's, so that the two cannot drift apart: its sources are staged in
// build/ts together with the few files of ts/ (how the module is loaded, how its errors look).
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const shared = join(root, '../bindings-node/ts');
const stage = join(root, 'build/ts');
const dist = join(root, 'dist');

/** Files of the Node package's façade, and the names that they get here. */
const SHARED = {
  'answer.ts': 'answer.ts',
  'bandit.ts': 'bandit.ts',
  'catalog.ts': 'catalog.ts',
  'condition.ts': 'condition.ts',
  'control.ts': 'control.ts',
  'engine.ts': 'engine.ts',
  'errors.ts': 'shared-errors.ts',
  'evaluate.ts': 'evaluate.ts',
  'events.ts': 'events.ts',
  'experiments.ts': 'experiments.ts',
  'ids.ts': 'ids.ts',
  'index.ts': 'api.ts',
  'json.ts': 'json.ts',
  'log.ts': 'log.ts',
  'model.ts': 'model.ts',
  'offpolicy.ts': 'offpolicy.ts',
  'profile.ts': 'profile.ts',
  'recommendations.ts': 'recommendations.ts',
  'requests.ts': 'requests.ts',
  'stats.ts': 'stats.ts',
  'train.ts': 'train.ts',
  'vector-index.ts': 'vector-index.ts',
  'vectors.ts': 'vectors.ts',
};

/** Modules of Node, and what stands for them here. */
const STAND_INS = [["'node:url'", "'./paths.js'"]];

/** What the comments say of threads and files, and what holds here. */
const COMMENTS = [
  ['work that runs off the event loop', 'long work'],
  ['held-out events, off the event loop.', 'held-out events.'],
  ['Training, off the event loop.', 'Training.'],
  [' Works off\n * the event loop.', ' Works on\n * the calling thread.'],
  [
    'Trains a model on another thread, and settles when it is done.',
    'Trains a model on the calling thread, which it blocks: use a worker in a page.',
  ],
  [
    /Opens a snapshot file, or its bytes\.[^]*?\*\//,
    'Opens the bytes of a snapshot, for example what `arrayBuffer()` gives; they are copied\n   * once. There are no files here: a path fails with `io`.\n   */',
  ],
  [
    /, and a copy shares its memory\.[^]*?\{@link Model\.toBytes\}\./,
    '. A worker opens the same bytes: {@link Model.toBytes}.',
  ],
  ['Builds an index on another thread, and settles when it is done.', 'Builds an index on the calling thread, which it blocks: use a worker in a page.'],
  [
    /Opens an index file, or its bytes\.[^]*?\*\//,
    'Opens the bytes of an index, for example what `arrayBuffer()` gives; they are copied once.\n   * There are no files here: a path fails with `io`.\n   */',
  ],
  [/ A worker thread opens the same\n \* file, or takes \{@link VectorIndex\.toBytes\}\./, ' A worker opens the same\n * bytes: {@link VectorIndex.toBytes}.'],
  [/, on another thread/g, ', on the calling thread'],
  [/Writes the index to .*\*\//, 'There are no files here: fails with `io`. See {@link VectorIndex.toBytes}. */'],
  [/Writes the snapshot to .*\*\//, 'There are no files here: fails with `io`. See {@link Model.toBytes}. */'],
];

/** Files of the Node package's façade that have no counterpart here. */
const LEFT_OUT = ['index.mts'];

function stageSources() {
  rmSync(stage, { recursive: true, force: true });
  mkdirSync(join(stage, 'raw'), { recursive: true });
  for (const name of readdirSync(shared)) {
    if (!(name in SHARED) && !LEFT_OUT.includes(name)) {
      throw new Error(`bindings-node/ts/${name} is new: say in scripts/build.mjs what becomes of it`);
    }
  }
  for (const [from, to] of Object.entries(SHARED)) {
    let text = readFileSync(join(shared, from), 'utf8');
    for (const [old, replacement] of [...STAND_INS, ...COMMENTS]) text = text.replace(old, () => replacement);
    if (text.includes("'node:")) throw new Error(`bindings-node/ts/${from} needs Node: it cannot be shared`);
    writeFileSync(join(stage, to), text);
  }
  for (const name of readdirSync(join(root, 'ts'))) {
    copyFileSync(join(root, 'ts', name), join(stage, name));
  }
  copyFileSync(join(dist, 'raw/tastemaker.d.ts'), join(stage, 'raw/tastemaker.d.ts'));
}

if (!existsSync(join(dist, 'raw/tastemaker_bg.wasm'))) {
  console.error('dist/raw/ has no module: run cargo xtask build-wasm');
  process.exit(1);
}
stageSources();
for (const name of readdirSync(dist)) {
  if (name.endsWith('.js') || name.endsWith('.d.ts')) rmSync(join(dist, name));
}
const tsc = join(root, 'node_modules/.bin/tsc');
const { status, error } = spawnSync(tsc, ['-p', join(root, 'tsconfig.json')], { stdio: 'inherit' });
if (error) throw error;
for (const name of ['LICENSE-MIT', 'LICENSE-APACHE']) {
  const licence = join(root, '..', name);
  if (existsSync(licence)) copyFileSync(licence, join(root, name));
}
process.exit(status ?? 1);
