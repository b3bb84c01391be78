import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import * as tm from '../dist/node.js';
import { launch } from './support/browser.mjs';
import { runAll } from './support/conformance.mjs';

const folder = new URL('../../core/conformance/', import.meta.url);

test('every conformance case passes in Node', async (t) => {
  const result = await runAll(tm, (name) => readFile(new URL(name, folder)));
  t.diagnostic(`${result.count} cases in ${result.suites.length} suites`);
  assert.deepEqual(result.failures, []);
  assert.ok(result.count > 0);
});

test('every conformance case passes in a page', async (t) => {
  const browser = await launch();
  t.after(() => browser.close());
  const page = await browser.page();
  const result = await page.evaluate(async () => {
    const tm = await import('/package/web.js');
    const { runAll } = await import('/test/support/conformance.mjs');
    await tm.init();
    return runAll(tm, async (name) => {
      const response = await fetch(`/conformance/${name}`);
      if (!response.ok) throw new Error(`${name}: ${response.status}`);
      return response.arrayBuffer();
    });
  });
  t.diagnostic(`${result.count} cases in ${result.suites.length} suites`);
  assert.deepEqual(result.failures, []);
  assert.ok(result.count > 0);
});
