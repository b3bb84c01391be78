/** Loops without a turn of the event loop do not grow the process. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { Engine, Model, Profile } from 'tastemaker';

import { someModel } from './support/fixture.mjs';

let model;
before(async () => {
  model = await someModel();
});

/** How much the resident memory grows, in MB, from the first tenth of a loop to its end. */
function growth(rounds, work) {
  const resident = () => {
    globalThis.gc?.();
    return process.memoryUsage().rss / 1e6;
  };
  for (let round = 0; round < rounds / 10; round++) work(round);
  const start = resident();
  for (let round = 0; round < rounds; round++) work(round);
  return resident() - start;
}

test('100,000 answers', () => {
  const engine = new Engine(model);
  const grown = growth(100_000, (round) => engine.recommend(`user-${round % 60}`, { k: 10, explain: true }));
  assert.ok(grown < 64, `grew by ${grown} MB`);
});

test('20,000 batches', () => {
  const users = model.userIds();
  const grown = growth(20_000, () => model.recommend(users, { k: 10 }).score[0]);
  assert.ok(grown < 64, `grew by ${grown} MB`);
});

test('50,000 profiles and records', () => {
  const engine = new Engine(model);
  const grown = growth(50_000, (round) => {
    engine.record(`guest-${round % 100}`, `item-${round % 30}`, 'view', { timestamp: round % 1000 });
    Profile.fromBytes(engine.profile(`guest-${round % 100}`)).toBytes();
  });
  assert.ok(grown < 64, `grew by ${grown} MB`);
});

test('2,000 copies of a model', async () => {
  const bytes = model.toBytes();
  // Node frees native objects between turns of the event loop.
  const work = async (rounds) => {
    for (let round = 0; round < rounds; round++) {
      new Engine(Model.fromBytes(bytes)).recommend('user-1');
      if (round % 20 === 0) await new Promise(setImmediate);
    }
    globalThis.gc?.();
    return process.memoryUsage().rss / 1e6;
  };
  const start = await work(500);
  const grown = (await work(2000)) - start;
  assert.ok(grown < 64, `grew by ${grown} MB for models of ${bytes.length / 1e6} MB`);
});
