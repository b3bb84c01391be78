import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';

import { asError } from '../dist/errors.js';
import * as tm from '../dist/node.js';
import { someEvents, someModel } from './support/fixture.mjs';

const { Engine, Model, Profile, TastemakerError } = tm;

/** The code that a call fails with. */
function code(call) {
  try {
    call();
  } catch (error) {
    assert.ok(error instanceof TastemakerError, String(error?.stack ?? error));
    assert.ok(error instanceof Error && error.name === 'TastemakerError');
    return error.code;
  }
  return 'no error';
}

let model;
before(async () => {
  model = await someModel(tm);
});

describe('a model', () => {
  test('says what it is', () => {
    assert.equal(model.itemCount, 30);
    assert.equal(model.userCount, 60);
    assert.match(model.hash, /^[0-9a-f]{32}$/);
    assert.equal(model.manifest.options.trainer[0].rank, 8);
    assert.deepEqual(model.attributes('item-2').tags, ['group-2', 'all']);
    assert.equal(model.attributes('nothing'), undefined);
    assert.equal(model.neighbors('nothing'), undefined);
    assert.ok(model.neighbors('item-0').every(({ itemId, weight }) => itemId !== 'item-0' && weight > 0));
  });

  test('opens from the bytes that it gives, in either form', () => {
    const bytes = model.toBytes();
    const view = new Uint8Array(bytes.length + 3).subarray(3);
    view.set(bytes);
    for (const source of [bytes, view, bytes.slice().buffer]) {
      assert.equal(Model.open(source).hash, model.hash);
      assert.equal(Model.fromBytes(source).hash, model.hash);
    }
  });

  test('refuses what is not a snapshot', () => {
    const bytes = model.toBytes();
    assert.equal(code(() => Model.open(new Uint8Array())), 'not_a_snapshot');
    assert.equal(code(() => Model.open(new TextEncoder().encode('{"a": 1}'.repeat(100)))), 'not_a_snapshot');
    assert.equal(code(() => Model.open(bytes.slice(0, -1))), 'corrupt_snapshot');
    assert.equal(code(() => Model.open(42)), 'invalid_argument');
    const flipped = bytes.slice();
    flipped[flipped.length >> 1] ^= 4;
    assert.equal(code(() => Model.open(flipped)), 'corrupt_snapshot');
  });

  test('has no files to open or to write', () => {
    assert.equal(code(() => Model.open('model.tm')), 'io');
    assert.equal(code(() => Model.open(new URL('file:///model.tm'))), 'io');
    assert.equal(code(() => model.save('model.tm')), 'io');
  });

  test('answers for many users as columns', () => {
    const users = ['user-3', 'user-1', 'stranger'];
    const batch = model.recommend(users, { k: 5 });
    assert.equal(batch.length, 15);
    assert.ok(batch.score instanceof Float64Array);
    assert.deepEqual([...batch.rank], [1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5]);
    assert.deepEqual([...new Set(batch.userId)], users);
    assert.deepEqual(batch.source.slice(10), Array(5).fill('popular'));
    const engine = new Engine(model);
    const single = engine.recommend('user-1', { k: 5 });
    const rows = batch.rows().filter(({ userId }) => userId === 'user-1');
    assert.deepEqual(rows.map((row) => [row.itemId, row.score]), single.items.map((item) => [item.itemId, item.score]));
  });

  test('exports a smaller one, without histories', () => {
    const edge = model.exportEdge({ neighbors: 4, attributes: ['title'] });
    assert.equal(edge.userCount, 0);
    assert.deepEqual(Object.keys(edge.attributes('item-1')), ['title']);
    assert.ok(edge.toBytes().length < model.toBytes().length);
    assert.equal(code(() => model.exportEdge({ neighbors: 0 })), 'invalid_argument');
  });
});

describe('an engine', () => {
  test('counts an event at once, and a history in the request alike', () => {
    const engine = new Engine(model);
    const before = engine.recommend('new', { k: 5 });
    assert.ok(before.items.every(({ source }) => source === 'popular'));
    const recorded = engine.record('new', 'item-4', 'save', { timestamp: 1_700_000_000_000 });
    assert.deepEqual(recorded, { changed: true, knownItem: true });
    const again = engine.record('new', 'item-4', 'save', { timestamp: 1_700_000_000_000 });
    assert.deepEqual(again, { changed: false, knownItem: true });
    const after = engine.recommend('new', { k: 5 });
    assert.equal(after.items[0].source, 'graph');
    const history = [{ itemId: 'item-4', kind: 'save', timestamp: 1_700_000_000_000 }];
    assert.deepEqual(engine.recommend({ history, k: 5 }), after);
  });

  test('explains: the parts of a score add up to it exactly', () => {
    const { items, model: hash } = new Engine(model).recommend('user-1', { k: 10, explain: true, trace: true });
    assert.equal(hash, model.hash);
    const graph = items.filter(({ source }) => source === 'graph');
    assert.ok(graph.length > 0);
    for (const { score, reasons } of graph) {
      assert.equal(reasons.reduce((sum, { contribution }) => sum + contribution, 0), score);
    }
  });

  test('filters, allows and denies', () => {
    const engine = new Engine(model);
    const ids = (options) => engine.recommend('user-1', { k: 30, ...options }).items.map(({ itemId }) => itemId);
    assert.ok(ids({ filter: { price: { $gte: 200 } } }).every((id) => Number(id.slice(5)) >= 20));
    assert.deepEqual(new Set(ids({ allow: ['item-2', 'item-5'], excludeSeen: false })), new Set(['item-2', 'item-5']));
    assert.ok(!ids({ deny: ['item-2'], excludeSeen: false }).includes('item-2'));
    assert.equal(code(() => ids({ filter: { price: { $near: 1 } } })), 'invalid_condition');
  });

  test('keeps, merges and forgets histories', () => {
    const engine = new Engine(model);
    engine.record('me', 'item-1', 'like', { timestamp: 5 });
    const bytes = engine.profile('me');
    assert.deepEqual(Profile.fromBytes(bytes).events, [{ itemId: 'item-1', kind: 'like', weight: 1, timestamp: 5 }]);
    const other = new Engine(model);
    other.mergeProfile('me', bytes);
    assert.deepEqual(other.recommend('me'), engine.recommend('me'));
    assert.equal(engine.erase('me'), true);
    assert.equal(engine.erase('me'), false);
    assert.equal(Profile.fromBytes(engine.profile('me')).length, 0);
    assert.equal(code(() => engine.mergeProfile('me', new Uint8Array(9))), 'corrupt_profile');
  });

  test('takes many events, and says which rows are bad', () => {
    const engine = new Engine(model);
    const rows = [
      { userId: 'a', itemId: 'item-1', kind: 'view' },
      { userId: 'a', itemId: '', kind: 'view' },
      { userId: 'a', itemId: 'item-2', kind: 'teleport' },
    ];
    assert.equal(code(() => engine.recordBatch(rows)), 'invalid_id');
    const report = engine.recordBatch(rows, { skipInvalid: true });
    assert.equal(report.accepted, 1);
    assert.deepEqual(report.rejected.map(({ row, code }) => [row, code]), [[1, 'invalid_id'], [2, 'unknown_kind']]);
  });

  test('swaps its model and keeps the histories', () => {
    const engine = new Engine(model);
    engine.record('me', 'item-1');
    engine.swap(model.exportEdge({ neighbors: 3 }));
    assert.notEqual(engine.recommend('me').model, model.hash);
    assert.equal(Profile.fromBytes(engine.profile('me')).length, 1);
  });

  test('fails with the codes of the core', () => {
    const engine = new Engine(model);
    assert.equal(code(() => engine.record('', 'item-1')), 'invalid_id');
    assert.equal(code(() => engine.record('u', 'x'.repeat(1025))), 'invalid_id');
    assert.equal(code(() => engine.record('u', '\ud800')), 'invalid_id');
    assert.equal(code(() => engine.record('u', 'item-1', 'teleport')), 'unknown_kind');
    assert.equal(code(() => engine.record('u', 'item-1', 'view', { weight: NaN })), 'invalid_weight');
    assert.equal(code(() => engine.record('u', 'item-1', 'view', { weight: Infinity })), 'invalid_weight');
    assert.equal(code(() => engine.record('u', 'item-1', 'view', { timestamp: 0.5 })), 'invalid_timestamp');
    assert.equal(code(() => engine.record('u', 'item-1', 'view', { timestamp: 1e300 })), 'invalid_timestamp');
    for (const k of [0, -1, 1.5, NaN, '3', 2 ** 40]) {
      assert.equal(code(() => engine.recommend('u', { k })), 'invalid_argument', String(k));
    }
    assert.equal(engine.recommend('u', { k: 1000 }).items.length, 30);
    assert.equal(code(() => engine.recommend('u', { kay: 3 })), 'invalid_argument');
  });
});

describe('training', () => {
  test('gives the same bytes as any other training on the same events', async () => {
    assert.deepEqual((await someModel(tm)).toBytes(), model.toBytes());
  });

  test('reports progress, in which the package can be used', async () => {
    const stages = new Set();
    const inside = [];
    await someModel(tm, {
      progress: ({ stage, done, total }) => {
        stages.add(stage);
        assert.ok(done <= total);
        inside.push(new Engine(model).recommend('user-1', { k: 1 }).items[0].itemId);
      },
    });
    assert.ok(stages.size > 1);
    assert.equal(new Set(inside).size, 1);
  });

  test('stops when its signal does, and passes on what progress throws', async () => {
    const controller = new AbortController();
    const progress = () => controller.abort('enough');
    await assert.rejects(someModel(tm, { progress, signal: controller.signal }), (error) => {
      assert.equal(error.code, 'cancelled');
      assert.equal(error.cause, 'enough');
      return true;
    });
    const thrown = new RangeError('mine');
    await assert.rejects(someModel(tm, { progress: () => { throw thrown; } }), (error) => error === thrown);
  });

  test('fails with the codes of the core', async () => {
    const events = someEvents();
    const rejects = (columns, expected, settings) =>
      assert.rejects(tm.train({ ...events, ...columns }, settings), ({ code }) => code === expected);
    await rejects({ kind: ['view'] }, 'length_mismatch');
    await rejects({ kind: events.kind.map(() => 'teleport') }, 'unknown_kind');
    await rejects({ weight: events.kind.map(() => NaN) }, 'invalid_weight');
    await rejects({}, 'invalid_argument', { options: { trainer: { name: 'spectral', rank: 0 } } });
    await rejects({}, 'invalid_argument', { options: { trainr: 'auto' } });
  });

  test('evaluates', async () => {
    const { userId, itemId } = someEvents(60, 30);
    const result = await tm.evaluate(model, { userId: userId.slice(0, 50), itemId: itemId.slice(0, 50) }, { k: 5 });
    assert.equal(result.k, 5);
    assert.ok(result.users > 0 && result.model.ndcg >= 0 && result.popularity.hitRate >= 0);
  });

  test('gives numbers back where the columns were numbers', async () => {
    const userId = [1, 1, 2, 2, 3, 3];
    const itemId = BigInt64Array.from([10n, 20n, 10n, 20n, 10n, 30n]);
    const numbers = await tm.train({ userId, itemId }, { options: { trainer: { name: 'spectral', rank: 2 } } });
    assert.deepEqual(numbers.userIds(), [1, 2, 3]);
    const { items } = new Engine(numbers).recommend(2, { k: 1 });
    assert.equal(items[0].itemId, 30);
  });
});

test('a catalog adds, replaces and removes', () => {
  const catalog = new tm.Catalog({ price: 'number' });
  catalog.add('a', { price: 3, tags: ['x'] });
  assert.equal(code(() => catalog.add('a', {})), 'duplicate_item');
  assert.equal(code(() => catalog.add('b', { price: 'dear' })), 'invalid_attribute');
  assert.equal(code(() => catalog.replace('b', {})), 'unknown_item');
  assert.equal(code(() => catalog.remove('b')), 'unknown_item');
  catalog.replace('a', { price: 4 });
  assert.deepEqual(catalog.get('a'), { price: 4 });
  assert.equal(catalog.length, 1);
});

test('a profile may be merged into itself', () => {
  const profile = new Profile();
  profile.record('a', 'view', { timestamp: 1 });
  assert.equal(profile.merge(profile), false);
  assert.equal(profile.length, 1);
  assert.equal(profile.forgetItem('a'), 1);
});

test('conditions match plain objects', () => {
  assert.equal(tm.matchesCondition({ price: { $lt: 3 } }, { price: 2 }), true);
  assert.equal(code(() => tm.matchesCondition({ $and: 1 }, {})), 'invalid_condition');
  assert.equal(tm.matchesCondition({ id: { $inGroup: 'vip' } }, { id: 'a' }, { vip: ['a'] }), true);
});

test('a panic, and a trap, are internal errors', () => {
  class PanicError extends Error {
    name = 'PanicError';
  }
  for (const cause of [new PanicError('index out of bounds'), new WebAssembly.RuntimeError('unreachable')]) {
    const error = asError(cause);
    assert.ok(error instanceof TastemakerError);
    assert.deepEqual([error.code, error.message, error.cause], ['internal', cause.message, cause]);
  }
  const foreign = new RangeError('mine');
  assert.equal(asError(foreign), foreign);
});

test('the codes are those of the shared table', () => {
  const url = new URL('../../core/conformance/errors.json', import.meta.url);
  const { errors } = JSON.parse(readFileSync(url, 'utf8'));
  const types = readFileSync(new URL('../dist/shared-errors.d.ts', import.meta.url), 'utf8');
  for (const { code } of errors) assert.ok(types.includes(`'${code}'`), code);
});
