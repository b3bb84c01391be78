/** The public interface, one thing after the other, on a small model. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { Catalog, Engine, Model, Profile, compare, evaluate, matchesCondition, train } from 'tastemaker';

import { small, someCatalog, someEvents, someModel } from './support/fixture.mjs';

const folder = mkdtempSync(join(tmpdir(), 'tastemaker-test-'));
let model;
before(async () => {
  model = await someModel();
});
after(() => rmSync(folder, { recursive: true }));

describe('Model', () => {
  test('says what it is', () => {
    assert.match(model.hash, /^[0-9a-f]{32}$/);
    assert.equal(model.itemCount, 30);
    assert.equal(model.userCount, 60);
    assert.equal(model.userIds().length, 60);
    assert.equal(model.itemIds().length, 30);
    assert.deepEqual(model.itemIds(), [...model.itemIds()].sort());
    assert.equal(typeof model.manifest, 'object');
  });

  test('knows its items', () => {
    assert.deepEqual(model.attributes('item-4'), {
      title: 'Item 4',
      tags: ['group-1', 'all'],
      price: 40,
      opened: Date.UTC(2004, 0, 1),
    });
    assert.equal(model.attributes('nothing'), undefined);
    const neighbors = model.neighbors('item-4');
    assert.ok(neighbors.length > 0 && neighbors.length <= 10);
    assert.ok(neighbors.every(({ itemId, weight }) => model.attributes(itemId) && weight > 0));
    assert.ok(neighbors[0].weight >= neighbors.at(-1).weight);
    assert.equal(model.neighbors('nothing'), undefined);
  });

  test('is the same from a file, from a URL and from bytes', () => {
    const path = join(folder, 'model.tm');
    model.save(path);
    const bytes = model.toBytes();
    const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
    for (const again of [
      Model.open(path),
      Model.open(pathToFileURL(path)),
      Model.open(bytes),
      Model.open(buffer),
      Model.fromBytes(bytes),
      Model.fromBytes(buffer),
    ]) {
      assert.equal(again.hash, model.hash);
      assert.deepEqual(again.toBytes(), bytes);
    }
  });

  test('makes a smaller one for the browser', () => {
    const edge = model.exportEdge({ neighbors: 2, attributes: ['title'] });
    assert.ok(edge.toBytes().length < model.toBytes().length);
    assert.equal(edge.userCount, 0);
    assert.ok(edge.neighbors('item-4').length <= 2);
    assert.deepEqual(edge.attributes('item-4'), { title: 'Item 4' });
  });

  test('recommends in columns and in rows', () => {
    const users = ['user-3', 'stranger', 'user-7'];
    const result = model.recommend(users, { k: 4 });
    assert.equal(result.length, 12);
    assert.deepEqual([...result.userRow], [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
    assert.deepEqual([...result.rank], [1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4]);
    assert.ok(result.score instanceof Float64Array && result.item instanceof Uint32Array);
    assert.deepEqual(result.userId, result.rows().map((row) => row.userId));
    assert.deepEqual(result.itemId, result.rows().map((row) => row.itemId));
    assert.deepEqual(result.source, [...result].map((row) => row.source));
    assert.deepEqual(result.source.slice(4, 8), ['popular', 'popular', 'popular', 'popular']);
    const ids = model.itemIds();
    assert.deepEqual(result.itemId, [...result.item].map((index) => ids[index]));
  });

  test('recommends the same with any number of threads, and as an engine does', () => {
    const users = model.userIds();
    const one = model.recommend(users, { k: 5 });
    const two = model.recommend(users, { k: 5, threads: 2 });
    assert.deepEqual(two.rows(), one.rows());
    const engine = new Engine(model);
    const answers = users.flatMap((userId) =>
      engine.recommend(userId, { k: 5 }).items.map(({ reasons, ...item }) => ({ userId, ...item })),
    );
    assert.deepEqual(one.rows(), answers);
  });

  test('holds profiles', () => {
    const profile = Profile.fromBytes(model.profile('user-3'));
    assert.ok(profile.length > 0);
    assert.deepEqual(profile.toBytes(), model.profile('user-3'));
    assert.equal(model.profile('stranger'), undefined);
  });
});

describe('train', () => {
  test('takes columns in every form, and objects', async () => {
    const events = someEvents();
    const forms = {
      columns: events,
      'typed arrays': {
        ...events,
        weight: Float64Array.from(events.weight),
        timestamp: BigInt64Array.from(events.timestamp, BigInt),
      },
      dates: { ...events, timestamp: events.timestamp.map((ms) => new Date(ms)) },
      floats: { ...events, timestamp: Float64Array.from(events.timestamp) },
      objects: events.userId.map((userId, row) => ({
        userId,
        itemId: events.itemId[row],
        kind: events.kind[row] === 'view' ? undefined : events.kind[row],
        timestamp: events.timestamp[row],
      })),
    };
    const hashes = new Set();
    for (const form of Object.values(forms)) {
      hashes.add((await train(form, { options: small })).hash);
    }
    assert.equal(hashes.size, 1);
  });

  test('gives integer ids back as numbers', async () => {
    const events = someEvents();
    const number = (id) => Number(id.split('-')[1]);
    const userId = events.userId.map(number);
    const itemId = events.itemId.map(number);
    const trained = await train({ userId, itemId }, { options: small });
    assert.equal(typeof trained.itemIds()[0], 'number');
    assert.equal(typeof trained.userIds()[0], 'number');
    assert.equal(typeof trained.neighbors(4)[0].itemId, 'number');
    assert.equal(typeof trained.recommend([3], { k: 1 }).itemId[0], 'number');
    const answer = new Engine(trained).recommend(3, { k: 1, explain: true });
    assert.equal(typeof answer.items[0].itemId, 'number');
    assert.equal(typeof answer.items[0].reasons[0].itemId, 'number');
    const bigints = { userId: BigInt64Array.from(userId, BigInt), itemId: itemId.map(BigInt) };
    assert.equal((await train(bigints, { options: small })).hash, trained.hash);
    const typed = { userId: Int32Array.from(userId), itemId: Float64Array.from(itemId) };
    assert.equal((await train(typed, { options: small })).hash, trained.hash);
  });

  test('gives the same bytes at two threads', async () => {
    const settings = { catalog: someCatalog(), options: small };
    const two = await train(someEvents(), { ...settings, threads: 2 });
    assert.equal(two.hash, model.hash);
  });

  test('takes its columns before it returns', async () => {
    const weight = Float64Array.from(someEvents().weight);
    const events = { ...someEvents(), weight };
    const settings = { catalog: someCatalog(), options: small };
    const promise = train(events, settings);
    weight.fill(NaN);
    events.itemId.length = 0;
    assert.equal((await promise).hash, model.hash);
  });
});

describe('Catalog', () => {
  test('adds, replaces and removes', () => {
    const catalog = new Catalog({ price: 'number' });
    catalog.add('a', { title: 'A', price: 3, open: true, at: { lat: 1.5, lon: -2 } });
    catalog.add(7);
    assert.equal(catalog.length, 2);
    assert.ok(catalog.has('7') && catalog.has(7) && !catalog.has('b'));
    assert.deepEqual(catalog.get('a'), { title: 'A', price: 3, open: true, at: { lat: 1.5, lon: -2 } });
    catalog.replace('a', { title: 'B' });
    assert.deepEqual(catalog.get('a'), { title: 'B' });
    assert.equal(catalog.schema.price, 'number');
    catalog.remove(7);
    assert.deepEqual(catalog.ids(), ['a']);
    assert.equal(catalog.get('7'), undefined);
  });
});

describe('Engine', () => {
  test('answers, explains and traces', () => {
    const engine = new Engine(model);
    const answer = engine.recommend('user-3', { k: 3, explain: true, trace: true });
    assert.equal(answer.items.length, 3);
    assert.equal(answer.model, model.hash);
    assert.ok(answer.trace.length > 0);
    for (const item of answer.items.filter(({ source }) => source === 'graph')) {
      const sum = item.reasons.reduce((total, reason) => total + reason.contribution, 0);
      assert.equal(sum, item.score);
    }
    assert.deepEqual(engine.recommend({ userId: 'user-3', k: 3, explain: true, trace: true }), answer);
  });

  test('gives long answers whole', async () => {
    const large = await train(someEvents(200, 300), { options: { ...small, neighbors: 100 } });
    const engine = new Engine(large);
    const lengths = [3, 300, 40].map((k) => {
      const { items } = engine.recommend('user-3', { k, explain: true, excludeSeen: false });
      for (const { score, source, reasons } of items) {
        const sum = reasons.reduce((total, reason) => total + reason.contribution, 0);
        assert.equal(sum, source === 'graph' ? score : 0);
        assert.ok(reasons.every(({ itemId, share }) => itemId.startsWith('item-') && share <= 1e9));
      }
      return items.length;
    });
    assert.deepEqual(lengths, [3, 300, 40]);
  });

  test('learns from events at once, and alike from the store and from the request', () => {
    const engine = new Engine(model);
    const timestamp = new Date('2026-01-01T00:00:00Z');
    assert.deepEqual(engine.record('new', 'item-4', 'save', { timestamp }), {
      changed: true,
      knownItem: true,
    });
    assert.deepEqual(engine.record('new', 'item-4', 'save', { timestamp: +timestamp }), {
      changed: false,
      knownItem: true,
    });
    assert.equal(engine.record('new', 'never heard of', 'view').knownItem, false);
    const stored = engine.recommend('new', { k: 5, now: timestamp });
    assert.equal(stored.items[0].source, 'graph');
    assert.ok(stored.items.every(({ itemId }) => itemId !== 'item-4'));
    const history = [
      { itemId: 'item-4', kind: 'save', timestamp },
      { itemId: 'never heard of' },
    ];
    const sent = engine.recommend({ history, k: 5, now: BigInt(+timestamp) });
    assert.deepEqual(sent, stored);
    assert.deepEqual(sent.ignored, ['never heard of']);
  });

  test('filters, allows and denies', () => {
    const engine = new Engine(model);
    const ids = (options) => engine.recommend('user-3', options).items.map(({ itemId }) => itemId);
    const cheap = ids({ k: 30, filter: { price: { $lt: 100 } }, excludeSeen: false });
    assert.equal(cheap.length, 10);
    const recent = { opened: { $gte: new Date('2020-01-01T00:00:00Z') } };
    assert.equal(ids({ k: 30, filter: recent, excludeSeen: false }).length, 10);
    assert.deepEqual(ids({ k: 9, allow: ['item-1'], excludeSeen: false }), ['item-1']);
    assert.ok(!ids({ k: 30, deny: [cheap[0]], excludeSeen: false }).includes(cheap[0]));
  });

  test('records many events and says which it could not take', () => {
    const engine = new Engine(model);
    const events = [
      { userId: 'x', itemId: 'item-1', timestamp: 5 },
      { userId: 'x', itemId: 'item-1', timestamp: 5 },
      { userId: 'x', itemId: 'item-2', weight: NaN },
      { userId: 'x', itemId: '' },
      { userId: 'x', itemId: 'item-3', timestamp: 1.5 },
    ];
    const report = engine.recordBatch(events, { skipInvalid: true });
    assert.equal(report.accepted, 1);
    assert.equal(report.duplicates, 1);
    assert.deepEqual(
      report.rejected.map(({ row, code }) => [row, code]),
      [[2, 'invalid_weight'], [3, 'invalid_id'], [4, 'invalid_timestamp']],
    );
    assert.throws(() => engine.recordBatch(events), { code: 'invalid_weight' });
  });

  test('gives, merges and forgets profiles', () => {
    const engine = new Engine(model);
    const before = engine.userCount;
    const profile = new Profile();
    profile.record('item-4', 'save', { timestamp: 7 });
    engine.mergeProfile('new', profile);
    engine.mergeProfile('other', profile.toBytes());
    assert.deepEqual(engine.profile('new'), profile.toBytes());
    assert.equal(engine.userCount, before + 2);
    assert.equal(engine.erase('new'), true);
    assert.equal(engine.erase('new'), false);
    assert.deepEqual(engine.profile('new'), new Profile().toBytes());
    assert.equal(engine.userCount, before + 1);
  });

  test('swaps its model and keeps what it recorded', async () => {
    const engine = new Engine(model);
    engine.record('new', 'item-4', 'save', { timestamp: 7 });
    const other = await train(someEvents(90), { options: small });
    engine.swap(other);
    assert.equal(engine.model, other);
    const answer = engine.recommend('new', { k: 2 });
    assert.equal(answer.model, other.hash);
    assert.equal(answer.items[0].source, 'graph');
  });
});

describe('Profile', () => {
  test('is the same whatever the order', () => {
    const [a, b, c] = [new Profile(), new Profile(), new Profile()];
    a.record('x', 'save', { timestamp: 1, weight: 2 });
    a.record('日本', 'view', { timestamp: new Date(2) });
    b.record('日本', undefined, { timestamp: 2n });
    assert.equal(b.record('x', 'save', { timestamp: 1, weight: 2 }), true);
    assert.equal(b.record('x', 'save', { timestamp: 1, weight: 2 }), false);
    assert.deepEqual(a.toBytes(), b.toBytes());
    assert.equal(c.merge(a), true);
    assert.equal(c.merge(b), false);
    assert.deepEqual(c.events, [
      { itemId: 'x', kind: 'save', weight: 2, timestamp: 1 },
      { itemId: '日本', kind: 'view', weight: 1, timestamp: 2 },
    ]);
    assert.equal(c.length, 2);
    assert.equal(c.forgetItem('x'), 1);
    assert.equal(c.length, 1);
    assert.deepEqual(Profile.fromBytes(a.toBytes()).events, a.events);
  });
});

test('evaluate measures a model', async () => {
  const seen = new Set();
  const held = { userId: [], itemId: [] };
  for (const [row, userId] of someEvents().userId.entries()) {
    const itemId = `item-${(row * 3 + Number(userId.split('-')[1])) % 30}`;
    if (seen.has(`${userId} ${itemId}`)) continue;
    seen.add(`${userId} ${itemId}`);
    held.userId.push(userId);
    held.itemId.push(itemId);
  }
  const result = await evaluate(model, held, { k: 5 });
  assert.equal(result.k, 5);
  assert.ok(result.users > 0);
  assert.equal(result.coldUsers, 0);
  for (const metrics of [result.model, result.popularity]) {
    assert.deepEqual(Object.keys(metrics).sort(), [
      'averagePopularity', 'coverage', 'gini', 'high', 'hitRate', 'low', 'map', 'mrr', 'ndcg', 'novelty',
      'precision', 'recall',
    ]);
    assert.ok(metrics.low.recall <= metrics.recall && metrics.recall <= metrics.high.recall);
  }
  assert.deepEqual(result.bootstrap, { resamples: 1000, confidence: 0.95, seed: 0 });
  const segments = new Map(held.userId.map((id) => [id, id < 'user-1' ? 'first' : 'rest']));
  const more = await evaluate(model, held, { k: [5, 1], perUser: true, resamples: 0, segments });
  assert.deepEqual(more.cutoffs.map(({ k }) => k), [1, 5]);
  assert.deepEqual(more.segments.map(({ label }) => label), ['first', 'rest']);
  assert.equal(more.perUser.userId.length, result.users);
  assert.equal(more.perUser.cutoffs[1].model.recall.reduce((sum, value) => sum + value, 0) / result.users, result.model.recall);
  const same = await compare(model, model, held, { k: 5, resamples: 10, permutations: 10 });
  assert.deepEqual(
    [same.metrics.recall.difference, same.metrics.recall.pValue, same.metrics.recall.usersA],
    [0, 1, 0],
  );
  assert.equal(same.metrics.recall.a, result.model.recall);
});

test('matchesCondition', () => {
  assert.equal(matchesCondition({ price: { $lt: 5 } }, { price: 3 }), true);
  assert.equal(matchesCondition({ price: { $lt: 5 } }, { price: 7 }), false);
  assert.equal(matchesCondition({ id: { $inGroup: 'vip' } }, { id: 1 }, { vip: [1, 2] }), true);
  assert.equal(matchesCondition({ price: { $odd: 5 } }, {}, undefined, { lenient: true }), false);
});
