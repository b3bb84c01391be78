import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import * as tm from '../dist/node.js';
import { launch } from './support/browser.mjs';
import { someModel } from './support/fixture.mjs';

const request = { userId: 'user-1', k: 8, explain: true, filter: { price: { $gte: 50 } } };

let browser;
let model;
let expected;
before(async () => {
  browser = await launch();
  model = await someModel(tm);
  expected = new tm.Engine(model).recommend(request);
});
after(() => browser?.close());

describe('in headless Chromium', () => {
  test('a page answers as Node does, and trains the same bytes', async () => {
    const page = await browser.page();
    const snapshot = [...model.toBytes()];
    const result = await page.evaluate(
      async ({ snapshot, request }) => {
        const tm = await import('/package/web.js');
        const { someModel } = await import('/test/support/fixture.mjs');
        let early;
        try {
          new tm.Profile();
        } catch (error) {
          early = error.code;
        }
        await Promise.all([tm.init(), tm.init()]);
        const engine = new tm.Engine(tm.Model.open(Uint8Array.from(snapshot)));
        const answer = engine.recommend(request);
        return { early, answer, hash: (await someModel(tm)).hash };
      },
      { snapshot, request },
    );
    assert.equal(result.early, 'invalid_argument');
    assert.deepEqual(result.answer, expected);
    assert.equal(result.hash, model.hash);
  });

  test('so does a page with the module that only answers', async () => {
    const page = await browser.page();
    const answer = await page.evaluate(
      async ({ snapshot, request }) => {
        const tm = await import('/package/score.js');
        await tm.init();
        return new tm.Engine(tm.Model.open(Uint8Array.from(snapshot))).recommend(request);
      },
      { snapshot: [...model.toBytes()], request },
    );
    assert.deepEqual(answer, expected);
  });

  test('a module worker answers alike', async () => {
    const page = await browser.page();
    const result = await page.evaluate(
      ({ snapshot, request }) =>
        new Promise((resolve, reject) => {
          const worker = new Worker('/test/browser/worker.mjs', { type: 'module' });
          worker.onmessage = ({ data }) => resolve(data);
          worker.onerror = ({ message }) => reject(new Error(message));
          worker.postMessage({ snapshot: Uint8Array.from(snapshot), request });
        }),
      { snapshot: [...model.toBytes()], request },
    );
    assert.equal(result.code, 'not_a_snapshot');
    assert.deepEqual(result.answer, expected);
  });

  test('a failed load can be tried again, with another source', async () => {
    const page = await browser.page();
    const result = await page.evaluate(async () => {
      const tm = await import('/package/web.js');
      const first = await tm.init('/package/nothing.wasm').then(() => 'loaded', () => 'failed');
      const response = await fetch('/package/raw/tastemaker_bg.wasm');
      await tm.init(await response.arrayBuffer());
      return [first, new tm.Profile().length];
    });
    assert.deepEqual(result, ['failed', 0]);
  });
});
