/** Every error code, and the types of arguments that only JavaScript can get wrong. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';

import {
  Bandit,
  Catalog,
  DecisionLog,
  Engine,
  Model,
  Profile,
  TastemakerError,
  VectorIndex,
  evaluate,
  matchesCondition,
  train,
} from 'tastemaker';

import { codeOf, small, someEvents, someModel } from './support/fixture.mjs';

let model;
let engine;
before(async () => {
  model = await someModel();
  engine = new Engine(model);
});

const one = { userId: ['u'], itemId: ['i'] };
const changed = (at, by) => {
  const bytes = model.toBytes();
  bytes[at] ^= by;
  return bytes;
};

/** A condition of that depth. */
const nested = (depth) => {
  let condition = { a: 1 };
  for (let level = 0; level < depth; level++) condition = { $not: condition };
  return condition;
};

/** Ways to every code that a caller can cause. */
const causes = {
  invalid_argument: [
    () => engine.recommend('u', { k: 0 }),
    () => engine.recommend('u', { k: -1 }),
    () => engine.recommend('u', { k: NaN }),
    () => engine.recommend('u', { k: 1.5 }),
    () => engine.recommend('u', { k: '3' }),
    () => engine.recommend('u', { amount: 3 }),
    () => engine.recommend('u', { deny: 'i' }),
    () => engine.recommend('u', 3),
    () => engine.recommend({ history: 3 }),
    () => model.recommend(['u'], { k: 0 }),
    () => model.recommend('u'),
    () => model.recommend(['u'], { kk: 1 }),
    () => model.recommend(['u'], { threads: 0 }),
    () => model.exportEdge({ neighbors: -1 }),
    () => model.exportEdge({ neighbours: 1 }),
    () => train(one, { options: { neighbors: 0 } }),
    () => train(one, { options: { rang: 8 } }),
    () => train(one, { options: { halfLifeDays: NaN } }),
    () => train(one, { options: { trainer: 'best' } }),
    () => train(one, { options: { trainer: [] } }),
    () => train(one, { options: { trainer: { name: 'spectral', alpha: NaN } } }),
    () => train(one, { options: { trainer: [{ name: 'ridge', weight: NaN }] } }),
    () => train(one, { options: { trainer: { name: 'spectral', popularity: 1 } } }),
    () => train(one, { options: { seed: -1 } }),
    () => train(one, { threads: 0 }),
    () => train(one, { rank: 8 }),
    () => train(one, { progress: true }),
    () => train(undefined),
    () => train({ itemId: ['i'] }),
    () => train({ ...one, rating: [3] }),
    () => train([3]),
    () => evaluate(model, one, { k: 0 }),
    () => evaluate(model, one, { at: 20 }),
    () => Model.fromBytes('bytes'),
    () => Model.open(3),
    () => Model.open(new URL('https://example.com/model.tm')),
    () => model.save(3),
    () => new Engine({}),
    () => new Engine(undefined),
    () => engine.swap(null),
    () => engine.mergeProfile('u', {}),
    () => engine.record('u', 'i', 3),
    () => evaluate({}, one),
    () => train(one, { catalog: {} }),
    () => train(one, { catalog: null }),
    () => train(one, 3),
    () => train(null, {}),
    () => engine.recordBatch(one, { skip: true }),
    () => engine.recordBatch(one, { skipInvalid: 'yes' }),
    () => engine.record('u', 'i', 'view', { time: 3 }),
    () => engine.record('u', 'i', 'view', 3),
    () => matchesCondition({}, {}, undefined, { strict: true }),
    () => matchesCondition({}, {}, 3),
    () => new Profile().merge({}),
    () => new Profile().record('i', 'view', { weight: '1' }),
  ],
  invalid_id: [
    () => engine.recommend(''),
    () => engine.recommend('x'.repeat(1025)),
    () => engine.recommend('\ud800'),
    () => engine.recommend(NaN),
    () => engine.recommend(null),
    () => engine.recommend({ history: [{ itemId: 1.5 }] }),
    () => engine.recommend('u', { allow: [{}] }),
    () => engine.record('', 'i'),
    () => engine.record('u', ''),
    () => engine.record('u', undefined),
    () => engine.record('u', 'é'.repeat(513)),
    () => engine.erase(Symbol.iterator),
    () => model.recommend(['']),
    () => model.recommend([undefined]),
    () => train({ userId: ['u'], itemId: [''] }),
    () => train({ userId: ['u', null], itemId: ['i', 'i'] }),
    () => train({ userId: ['u', 3], itemId: ['i', 'i'] }),
    () => train({ userId: [3, 'u'], itemId: ['i', 'i'] }),
    () => train({ userId: [1.5], itemId: ['i'] }),
    () => train({ userId: [2 ** 53], itemId: ['i'] }),
    () => train({ userId: [2n ** 64n], itemId: ['i'] }),
    () => train({ userId: ['\udc00'], itemId: ['i'] }),
    () => new Catalog().add('', {}),
    () => new Profile().record('', 'view'),
  ],
  invalid_weight: [
    () => engine.record('u', 'i', 'view', { weight: NaN }),
    () => engine.record('u', 'i', 'view', { weight: -Infinity }),
    () => engine.record('u', 'i', 'view', { weight: 1e7 }),
    () => engine.recommend({ history: [{ itemId: 'i', weight: NaN }] }),
    () => new Profile().record('i', 'view', { weight: Infinity }),
    () => train({ ...one, weight: [NaN] }),
    () => train({ ...one, weight: [undefined] }),
    () => train({ ...one, weight: ['1'] }),
  ],
  invalid_timestamp: [
    () => engine.record('u', 'i', 'view', { timestamp: 1.5 }),
    () => engine.record('u', 'i', 'view', { timestamp: NaN }),
    () => engine.record('u', 'i', 'view', { timestamp: 1e18 }),
    () => engine.record('u', 'i', 'view', { timestamp: new Date(NaN) }),
    () => engine.recommend({ history: [{ itemId: 'i', timestamp: new Date(NaN) }] }),
    () => engine.recommend('u', { now: NaN }),
    () => engine.recommend('u', { now: 1e300 }),
    () => engine.recommend('u', { now: new Date(NaN) }),
    () => new Profile().record('i', 'view', { timestamp: 2n ** 62n }),
    () => train({ ...one, timestamp: [0.5] }),
    () => train({ ...one, timestamp: ['2020-01-01'] }),
    () => train({ ...one, timestamp: new BigInt64Array([2n ** 62n]) }),
  ],
  unknown_kind: [
    () => engine.record('u', 'i', 'teleport'),
    () => engine.recommend({ history: [{ itemId: 'i', kind: 'teleport' }] }),
    () => new Profile().record('i', ''),
    () => train({ ...one, kind: ['teleport'] }),
  ],
  length_mismatch: [
    () => train({ userId: ['u', 'v'], itemId: ['i'] }),
    () => train({ ...one, weight: [1, 2] }),
    () => train({ ...one, timestamp: [] }),
    () => engine.recordBatch({ ...one, kind: [] }),
    () => evaluate(model, { userId: ['u', 'v'], itemId: ['i'] }),
  ],
  invalid_condition: [
    () => matchesCondition({ price: { $near: 3 } }, {}),
    () => engine.recommend('u', { filter: { price: { $near: 3 } } }),
    () => model.recommend(['u'], { filter: { $or: 3 } }),
    () => engine.recommend('u', { filter: nested(100) }),
    () => engine.recommend('u', { filter: nested(1000) }),
    () => engine.recommend('u', { filter: nested(100_000) }),
    () => engine.recommend('u', { filter: { title: '\ud800' } }),
    () => model.recommend(['u'], { filter: nested(1000) }),
    () => matchesCondition(nested(1000), {}),
  ],
  invalid_attribute: [
    () => new Catalog({ price: 'money' }),
    () => new Catalog({ price: 'number' }).add('i', { price: 'dear' }),
    () => new Catalog().add('i', { nested: { a: 1 } }),
    () => new Catalog().add('i', { price: NaN }),
    () => new Catalog().add('i', { opened: new Date(NaN) }),
    () => new Catalog().add('i', 3),
  ],
  duplicate_item: [
    () => {
      const catalog = new Catalog();
      catalog.add('i', {});
      catalog.add('i', {});
    },
  ],
  unknown_item: [() => new Catalog().remove('i'), () => new Catalog().replace('i', {})],
  not_a_snapshot: [
    () => Model.fromBytes(new Uint8Array(0)),
    () => Model.fromBytes(new TextEncoder().encode('{"a": "JSON file, not a snapshot of a model"}'.repeat(20))),
  ],
  unsupported_version: [() => Model.fromBytes(changed(versionAt(), 0x40))],
  corrupt_snapshot: [
    () => Model.fromBytes(model.toBytes().subarray(0, -1)),
    () => Model.fromBytes(changed(model.toBytes().length - 1, 1)),
  ],
  corrupt_profile: [
    () => Profile.fromBytes(new Uint8Array(3)),
    () => engine.mergeProfile('u', engine.profile('u').subarray(1)),
  ],
  invalid_vector: [
    () => VectorIndex.build(['a'], [[Number.NaN, 1]]),
    () => VectorIndex.build(['a', 'b'], [[1, 0], [0, 0]]),
    () => VectorIndex.build(['a'], [[1, Infinity]], { options: { metric: 'l2' } }),
  ],
  corrupt_bandit: [
    () => Bandit.fromBytes(new Uint8Array(3)),
    () => Bandit.fromBytes(Bandit.fromJson({ key: 'b', policy: 'ucb1', arms: ['x'] }).toBytes().subarray(1)),
  ],
  corrupt_log: [() => DecisionLog.fromBytes(new Uint8Array(3))],
  cancelled: [() => train(one, { signal: AbortSignal.abort() })],
  limit_exceeded: [
    () => {
      const names = Array.from({ length: 10_000 }, (_, n) => [`attribute-${n}`, n]);
      new Catalog().add('i', Object.fromEntries(names));
    },
  ],
  io: [() => Model.open('/no/such/file.tm'), () => model.save('/no/such/folder/file.tm')],
};

/** The offset of the format version: the bytes after the magic ones. */
function versionAt() {
  const tried = [4, 6, 8];
  return tried.find((at) => {
    try {
      Model.fromBytes(changed(at, 0x40));
    } catch (error) {
      return error.code === 'unsupported_version';
    }
    return false;
  }) ?? 8;
}

for (const [code, ways] of Object.entries(causes)) {
  describe(code, () => {
    for (const way of ways) {
      test(String(way).replace(/^\(\) => /, '').replaceAll(/\s+/g, ' ').slice(0, 100), async () => {
        const error = await Promise.resolve().then(way).then(() => undefined, (caught) => caught);
        assert.ok(error instanceof TastemakerError, `${error?.stack ?? 'no error'}`);
        assert.ok(error instanceof Error);
        assert.equal(error.code, code, error.message);
        assert.equal(error.name, 'TastemakerError');
        assert.ok(error.message.length > 0);
      });
    }
  });
}

test('the codes are those of the shared table', () => {
  const table = new URL('../../core/conformance/errors.json', import.meta.url);
  const known = JSON.parse(readFileSync(table, 'utf8')).errors.map(({ code }) => code);
  const types = readFileSync(new URL('../dist/errors.d.ts', import.meta.url), 'utf8');
  const union = types.slice(types.indexOf('ErrorCode =')).split(';')[0];
  assert.deepEqual([...union.matchAll(/'(\w+)'/g)].map((match) => match[1]).sort(), [...known].sort());
  const reachable = new Set([...Object.keys(causes), 'internal']);
  assert.deepEqual([...reachable].sort(), [...known].sort());
});

test('an error leaves the engine as it was', async () => {
  const before = engine.profile('user-3');
  assert.equal(await codeOf(() => engine.record('user-3', 'item-1', 'teleport')), 'unknown_kind');
  const bad = { userId: ['user-3', 'user-3'], itemId: ['item-1', ''] };
  assert.equal(await codeOf(() => engine.recordBatch(bad)), 'invalid_id');
  assert.deepEqual(engine.profile('user-3'), before);
});

test('what is odd but allowed is answered', async () => {
  assert.equal(engine.recommend('user-3', { k: 10_000, excludeSeen: false }).items.length, 30);
  assert.ok(engine.recommend('nobody').items.every(({ source }) => source === 'popular'));
  const skipped = await train(
    { ...someEvents(), weight: someEvents().weight.map((w, row) => (row === 5 ? NaN : w)) },
    { options: { ...small, skipInvalid: true } },
  );
  assert.equal(skipped.itemCount, 30);
});
