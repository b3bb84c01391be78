/**
 * Runs every case of the shared conformance suites.
 *
 * The runner is generic: it walks the manifest, fails on an operation that it does not know, and
 * fails if a suite has another number of cases than the manifest says.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { TastemakerError } from 'tastemaker';

import { operations } from './support/operations.mjs';

const folder = new URL('../../core/conformance/', import.meta.url);
const read = (file) => JSON.parse(readFileSync(new URL(file, folder), 'utf8'));

/** Compares what `expected` names: numbers by their bits, objects by the fields it has. */
function compare(actual, expected, path, tolerance) {
  if (Array.isArray(expected)) {
    assert.ok(Array.isArray(actual), `${path}: not an array but ${JSON.stringify(actual)}`);
    assert.equal(actual.length, expected.length, `${path}: number of elements`);
    expected.forEach((value, at) => compare(actual[at], value, `${path}[${at}]`, tolerance));
  } else if (typeof expected === 'object' && expected !== null) {
    assert.ok(typeof actual === 'object' && actual !== null, `${path}: ${JSON.stringify(actual)}`);
    // The items of a catalog are compared as a whole; all else by the fields given.
    if (path === 'catalog.items') assert.deepEqual(Object.keys(actual).sort(), Object.keys(expected).sort());
    for (const [name, value] of Object.entries(expected)) {
      compare(actual[name], value, `${path}.${name}`, tolerance);
    }
  } else if (typeof expected === 'number' && tolerance !== undefined) {
    const { tol = 0, rel = 0 } = tolerance;
    const most = Math.max(tol, rel * Math.max(Math.abs(actual), Math.abs(expected)));
    assert.ok(Math.abs(actual - expected) <= most, `${path}: ${actual} is not close to ${expected}`);
  } else {
    assert.ok(Object.is(actual, expected), `${path}: ${JSON.stringify(actual)} is not ${JSON.stringify(expected)}`);
  }
}

async function check({ op, input, expect }, suite) {
  const operation = operations[op];
  assert.ok(operation, `the operation ${op} is not known`);
  let result;
  try {
    result = await operation(input, { suite, folder });
  } catch (error) {
    if (!(error instanceof TastemakerError) || expect.error === undefined) throw error;
    assert.equal(error.code, expect.error, error.message);
    return;
  }
  assert.equal(expect.error, undefined, `gave ${JSON.stringify(result)}`);
  const { close, ...exact } = expect;
  compare(result, exact, op);
  if (close !== undefined) {
    const { tol, rel, ...values } = close;
    compare(result, values, op, { tol, rel });
  }
}

const manifest = read('manifest.json');
assert.equal(manifest.format, 1);
for (const { file, cases } of manifest.suites) {
  const suite = read(file);
  describe(`${suite.suite ?? file} (${file})`, () => {
    test('has as many cases as the manifest says', () => assert.equal(suite.cases.length, cases));
    for (const one of suite.cases) test(one.name, () => check(one, suite));
  });
}
