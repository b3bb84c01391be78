/**
 * Trains on MovieLens, recommends to a real person with reasons, records a click and shows what
 * changed, saves the model, opens it again and checks that it answers the same.
 *
 * usage: node quickstart.mjs [FOLDER WITH ratings.csv AND movies.csv]
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Catalog, Engine, Model, Profile, train } from 'tastemaker';

import { readMovieLens } from './movielens.mjs';

const USER = '206';
const here = fileURLToPath(new URL('.', import.meta.url));
const folder = process.argv[2] ?? join(here, '..', 'data', 'ml-latest-small');

const paint = (code) => (text) => (process.stdout.isTTY ? `\x1b[${code}m${text}\x1b[0m` : `${text}`);
const [bold, dim, green] = [1, 2, 32].map(paint);
const count = (number) => number.toLocaleString('en');
const heading = (text) => console.log(`\n${bold(text)}`);

// 1. Train.
const { events, movies } = readMovieLens(folder);
const catalog = new Catalog({ title: 'text', year: 'number', genres: 'tags' });
for (const { id, ...attributes } of movies) catalog.add(id, attributes);
heading(`Training on ${count(events.userId.length)} ratings of ${count(catalog.length)} movies`);
const start = performance.now();
const model = await train(events, {
  catalog,
  threads: 2,
  progress: ({ stage, done, total }) => {
    if (process.stdout.isTTY) process.stdout.write(`\r  ${stage} ${done}/${total}\x1b[K`);
  },
});
if (process.stdout.isTTY) process.stdout.write('\r\x1b[K');
console.log(`  done in ${((performance.now() - start) / 1000).toFixed(1)} s: ` +
  `${count(model.itemCount)} items, ${count(model.userCount)} users, model ${model.hash.slice(0, 8)}`);

const name = (id) => {
  const { title, year } = model.attributes(id);
  return year === undefined ? title : `${title} (${year})`;
};

// 2. Recommend to a person whose ratings the model holds.
const engine = new Engine(model);
const history = Profile.fromBytes(engine.profile(USER)).events;
heading(`User ${USER} rated ${history.length} movies, among them`);
for (const { itemId, weight } of history.toSorted((a, b) => b.weight - a.weight).slice(0, 5)) {
  const stars = '★'.repeat(weight) + (weight % 1 ? '½' : '');
  console.log(`  ${stars.padEnd(5)}  ${name(itemId)}`);
}

const request = { k: 8, explain: true };
const before = engine.recommend(USER, request);
heading('and might like');
for (const { itemId, rank, score, reasons } of before.items) {
  const { genres } = model.attributes(itemId);
  console.log(`  ${String(rank).padStart(2)}. ${name(itemId)}  ${dim(genres.join(', '))}`);
  const because = reasons.slice(0, 2).map((r) => `${name(r.itemId)} ${Math.round(100 * r.share)}%`);
  console.log(dim(`      score ${score.toFixed(3)}, because of ${because.join(' and ')}`));
}

// 3. A click changes the next answer; nothing is trained again.
const clicked = before.items[4].itemId;
engine.record(USER, clicked, 'click', { timestamp: history.at(-1).timestamp + 60_000 });
const after = engine.recommend(USER, request);
heading(`After a click on ${name(clicked)}`);
const ranks = new Map(before.items.map(({ itemId, rank }) => [itemId, rank]));
for (const { itemId, rank, reasons } of after.items) {
  const was = ranks.get(itemId);
  const moved = was === undefined ? green('new') : was === rank ? '   ' : dim(was > rank ? ' ↑ ' : ' ↓ ');
  const reason = reasons.find((r) => r.itemId === clicked);
  const part = reason ? dim(`  ${Math.round(100 * reason.share)}% because of the click`) : '';
  console.log(`  ${String(rank).padStart(2)}. ${moved} ${name(itemId)}${part}`);
}

// 4. A filter, on the same engine.
const filter = { genres: { $in: ['Comedy'] }, year: { $gte: 1980, $lt: 1990 } };
heading('Comedies of the eighties');
for (const { itemId, rank } of engine.recommend(USER, { k: 3, filter }).items) {
  console.log(`  ${String(rank).padStart(2)}. ${name(itemId)}`);
}

// 5. Save, open, and compare.
const temporary = mkdtempSync(join(tmpdir(), 'tastemaker-'));
try {
  const path = join(temporary, 'movies.tm');
  model.save(path);
  const opened = new Engine(Model.open(path));
  assert.deepEqual(opened.recommend(USER, request), before);
  opened.mergeProfile(USER, engine.profile(USER));
  assert.deepEqual(opened.recommend(USER, request), after);
  heading('Saved and opened again');
  console.log(`  ${(statSync(path).size / 1e6).toFixed(1)} MB; the same movies with the same scores, ` +
    'to the last bit');
} finally {
  rmSync(temporary, { recursive: true });
}
