// Compiles the façade into dist/, around the module that is already in dist/raw/.
//
// The façade is the Node package's, so that the two cannot drift apart: its sources are staged in
// build/ts, without what needs paths, together with the few files in ts/ (how the module is
// loaded, how its errors look).
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
  'catalog.ts': 'catalog.ts',
  'condition.ts': 'condition.ts',
  'control.ts': 'control.ts',
  'engine.ts': 'engine.ts',
  'errors.ts': 'shared-errors.ts',
  'evaluate.ts': 'evaluate.ts',
  'events.ts': 'events.ts',
  'ids.ts': 'ids.ts',
  'index.ts': 'api.ts',
  'json.ts': 'json.ts',
  'model.ts': 'model.ts',
  'profile.ts': 'profile.ts',
  'recommendations.ts': 'recommendations.ts',
  'train.ts': 'train.ts',
};

/** What does not hold here: threads, and paths. A text that is not found ends the build. */
const EDITS = [
  ['control.ts', 'work that runs off the event loop', 'long work'],
  ['evaluate.ts', 'held-out events, off the event loop.', 'held-out events.'],
  ['train.ts', 'Training, off the event loop.', 'Training.'],
  [
    'train.ts',
    'Trains a model on another thread, and settles when it is done.',
    'Trains a model on the calling thread, which it blocks: use a worker in a page.',
  ],
  ['model.ts', /import .* from 'node:url';\n/, ''],
  ['model.ts', /  \/\*\* Writes the snapshot[^]*?\n  }\n\n/, ''],
  [
    'model.ts',
    /  \/\*\* Opens a snapshot file[^]*?\n  }\n/,
    `  /** Opens a snapshot, for example what \`fetch\` and \`arrayBuffer()\` give. */
  static open(bytes: Uint8Array | ArrayBuffer): Model {
    return Model.fromBytes(bytes);
  }
`,
  ],
  ['model.ts', /, and a copy shares its memory\. [^]*?\n \* \{@link/, '. A worker opens the same bytes:\n * {@link'],
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
    for (const [name, old, replacement] of EDITS) {
      if (name !== from) continue;
      const edited = text.replace(old, () => replacement);
      if (edited === text) throw new Error(`bindings-node/ts/${from}: ${old} is not there any more`);
      text = edited;
    }
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
