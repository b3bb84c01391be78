/**
 * Our own JavaScript packages, driven by the figures:
 * overhead_driver.mjs MODULE SNAPSHOT USERS [FOLDER]
 *
 * `run`   answers with the median time of one `recommend` over all users,
 *         {"p50": … µs, "items": …}; the ids and scores of each answer are read
 * `size`  answers with the gzipped bytes of the FOLDER's .wasm and .js files
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';

const [module, snapshot, list, folder] = process.argv.slice(2);
const tm = await import(pathToFileURL(resolve(module)));
const engine = new tm.Engine(tm.Model.fromBytes(readFileSync(snapshot)));
const users = readFileSync(list, 'utf8').split('\n');

function run() {
  let items = 0;
  const times = new Float64Array(users.length);
  let sum = 0;
  for (const [row, user] of users.entries()) {
    const start = performance.now();
    const answer = engine.recommend(user, { k: 10 });
    for (const item of answer.items) sum += item.score + Number(item.itemId);
    times[row] = performance.now() - start;
    items += answer.items.length;
  }
  if (!Number.isFinite(sum)) throw new Error('a score or an id is no number');
  times.sort();
  return { p50: times[times.length >> 1] * 1e3, items };
}

function size() {
  const bytes = (path) => gzipSync(readFileSync(path), { level: 9 }).length;
  const scripts = readdirSync(folder).filter((name) => name.endsWith('.js'));
  const kept = scripts.filter((name) => !/^(node|edge|bundler|score.*)\.js$/.test(name));
  const js = kept.map((name) => bytes(join(folder, name))).reduce((sum, one) => sum + one, 0);
  return {
    wasm: bytes(join(folder, 'raw/tastemaker_bg.wasm')),
    score: bytes(join(folder, 'raw/tastemaker_score_bg.wasm')),
    js: js + bytes(join(folder, 'raw/tastemaker.js')),
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(line === 'size' ? size() : run()));
}
