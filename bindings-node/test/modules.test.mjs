/** The ES module and the CommonJS module are one. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';

import * as esm from 'tastemaker';

const cjs = createRequire(import.meta.url)('tastemaker');

test('both give the same objects', () => {
  const names = Object.keys(cjs).filter((name) => name !== '__esModule').sort();
  assert.deepEqual(Object.keys(esm).filter((name) => name !== '__esModule' && name !== 'default').sort(), names);
  for (const name of names) assert.equal(esm[name], cjs[name], name);
});

test('an error of one is an instance of the class of the other', () => {
  assert.throws(() => cjs.Model.open('/no/such/file'), (error) => error instanceof esm.TastemakerError);
});

test('nothing private is exported', () => {
  assert.deepEqual(Object.keys(esm).filter((name) => /native/i.test(name)), []);
});

test('every function of the native half catches panics', () => {
  const folder = new URL('../src/', import.meta.url);
  let functions = 0;
  for (const file of readdirSync(folder)) {
    const text = readFileSync(new URL(file, folder), 'utf8');
    for (const [, options, name] of text.matchAll(/#\[napi(\([^\]]*\))?\]\s+pub fn (\w+)/g)) {
      assert.match(options ?? '', /catch_unwind/, `${file}: ${name}`);
      functions += 1;
    }
  }
  assert.ok(functions > 30, `found ${functions}`);
});
