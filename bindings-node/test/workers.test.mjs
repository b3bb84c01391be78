/** Worker threads open the same model and answer alike; they end while work is under way. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';

import { Engine } from 'tastemaker';

import { someModel } from './support/fixture.mjs';

const script = new URL('./support/worker.mjs', import.meta.url);

function run(workerData) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(script, { workerData });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

test('answers are the same from a file, from bytes, and in any thread', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tastemaker-test-'));
  try {
    const model = await someModel();
    const path = join(folder, 'model.tm');
    model.save(path);
    const engine = new Engine(model);
    const here = model.userIds().map((user) => engine.recommend(user, { k: 5, explain: true }));
    const there = await Promise.all([
      run({ path }),
      run({ path }),
      run({ bytes: model.toBytes() }),
      run({ train: true }),
    ]);
    for (const answers of there) assert.deepEqual(answers, here);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a worker may be stopped while it trains', async () => {
  for (let round = 0; round < 4; round++) {
    const worker = new Worker(script, { workerData: { forever: true } });
    await new Promise((resolve) => worker.once('message', resolve));
    await worker.terminate();
  }
});
