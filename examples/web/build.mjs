// Puts the page together in dist/, as files that any static server can serve: the page itself,
// the package tastemaker-wasm, and a snapshot trained on MovieLens by the Rust example.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '../..');
const dist = join(here, 'dist');
const wasm = join(root, 'bindings-wasm/dist');

if (!existsSync(join(wasm, 'web.js'))) {
  console.error('bindings-wasm/dist has no package: run cargo xtask build-wasm');
  process.exit(1);
}
rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
cpSync(join(here, 'public'), dist, { recursive: true });
cpSync(wasm, join(dist, 'tastemaker'), {
  recursive: true,
  filter: (path) => !path.endsWith('.d.ts'),
});

const snapshots = join(dist, 'data');
const words = 'run --release --quiet --package tastemaker-examples --example movielens --';
const trained = spawnSync('cargo', [...words.split(' '), snapshots], { cwd: root, stdio: 'inherit' });
if (trained.status !== 0) {
  console.error('the snapshot was not trained');
  process.exit(trained.status ?? 1);
}
// The page needs the small one only: the whole one holds the histories of other people.
rmSync(join(snapshots, 'movies.tm'));
