/** Vector indexes: what goes in, what comes out, and what is refused. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { Catalog, ItemSet, Model, TastemakerError, VectorIndex, readFvecs, readSafetensors, train } from 'tastemaker';

const IDS = ['barn', 'mill', 'loft', 'pier', 'hall'];
const ROWS = [
  [1, 0.5, 0.25],
  [0.75, 0.5, 0.25],
  [0, 1, -1],
  [-2, 0.125, 4],
  [0.5, 0.5, 0.5],
];

const build = (rows = ROWS, settings = {}, ids = IDS) => VectorIndex.build(ids, rows, settings);

/** Numbers that look random, from nothing but their place. */
function randomRows(count, dimension, seed = 1) {
  let state = seed;
  return Float32Array.from({ length: count * dimension }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) / 8_388_608 - 1;
  });
}

async function code(call) {
  try {
    await call();
  } catch (error) {
    assert.ok(error instanceof TastemakerError, String(error?.stack ?? error));
    return error.code;
  }
  return 'no error';
}

describe('what goes in', () => {
  test('every form gives the same bytes', async () => {
    const { hash } = await build();
    for (const [rows, settings] of [
      [Float32Array.from(ROWS.flat()), { dimension: 3 }],
      [Float64Array.from(ROWS.flat()), { dimension: 3 }],
      [ROWS.map((row) => Float32Array.from(row)), {}],
      [ROWS.map((row) => Float64Array.from(row)), { dimension: 3, threads: 2 }],
    ]) {
      assert.equal((await build(rows, settings)).hash, hash);
    }
  });

  test('a change after the call does not count', async () => {
    const rows = Float32Array.from(ROWS.flat());
    const building = build(rows, { dimension: 3 });
    rows.fill(7);
    assert.equal((await building).hash, (await build()).hash);
  });

  test('what is no matrix is refused', async () => {
    const flat = Float32Array.from(ROWS.flat());
    assert.equal(await code(() => build(flat)), 'invalid_argument');
    for (const dimension of [0, 1.5, -3, NaN, 2 ** 40, '3']) {
      assert.equal(await code(() => build(flat, { dimension })), 'invalid_argument', String(dimension));
    }
    assert.equal(await code(() => build(flat, { dimension: 4 })), 'length_mismatch');
    assert.equal(await code(() => build(ROWS.slice(1))), 'length_mismatch');
    assert.equal(await code(() => build([...ROWS.slice(1), [1, 2]])), 'invalid_vector');
    assert.equal(await code(() => build([...ROWS.slice(1), 'abc'])), 'invalid_vector');
    assert.equal(await code(() => build([...ROWS.slice(1), [1, 2, '3']])), 'invalid_vector');
    assert.equal(await code(() => build([...ROWS.slice(1), [1, 2, null]])), 'invalid_vector');
    assert.equal(await code(() => build([...ROWS.slice(1), [1, 2, 1e300]])), 'invalid_vector');
    for (const rows of [null, 'abc', 5, {}, new BigInt64Array(3)]) {
      assert.equal(await code(() => build(rows)), 'invalid_argument');
    }
    assert.equal(await code(() => build(ROWS, { metric: 'l2' })), 'invalid_argument');
    assert.equal(await code(() => build(ROWS, { options: { metric: 'l3' } })), 'invalid_argument');
    assert.equal(await code(() => build(ROWS, { threads: 2 ** 32 + 1 })), 'invalid_argument');
    assert.equal(await code(() => build(ROWS, { catalog: {} })), 'invalid_argument');
  });
});

describe('what comes out', () => {
  test('ids have the type that they came in', async () => {
    const index = await build(ROWS, { options: { metric: 'l2' } }, [7, 70, -1, 3, 12]);
    assert.deepEqual(index.itemIds(), [-1, 12, 3, 7, 70]);
    assert.deepEqual(index.search(ROWS[0], { k: 2 }).itemId, [7, 70]);
    assert.deepEqual(index.search({ itemId: 7 }, { k: 1 }).itemId, [70]);
    assert.ok(index.has('7') && index.has(7n) && !index.has(8));
    assert.deepEqual((await index.update({ remove: [7, 8] })).unknown, ['8']);
  });

  test('columns and rows', async () => {
    const index = await build(ROWS, { options: { metric: 'l2' } });
    const found = index.search(Float32Array.from(ROWS[0]), { k: 2, trace: true });
    assert.deepEqual(found.rows()[0], { itemId: 'barn', score: 0, rank: 1, vector: 0 });
    assert.deepEqual([...found].map(({ rank }) => rank), [1, 2]);
    assert.equal(found.length, 2);
    assert.equal(found.trace.plan, 'exact');
    assert.equal(index.search(ROWS[0]).trace, undefined);
    const batch = await index.searchBatch(Float32Array.from(ROWS.flat()), { k: 2, threads: 2 });
    assert.equal(batch.queries, 5);
    assert.equal(batch.length, 10);
    assert.deepEqual(batch.of(1).itemId, index.search(ROWS[1], { k: 2 }).itemId);
    assert.equal(await code(() => batch.of(5)), 'invalid_argument');
  });

  test('sets of items', async () => {
    const catalog = new Catalog();
    IDS.forEach((id, price) => catalog.add(id, { price }));
    const index = await build(ROWS, { catalog });
    const cheap = index.matching({ price: { $lt: 2 } });
    assert.ok(cheap instanceof ItemSet);
    assert.equal(cheap.size, 2);
    assert.deepEqual(cheap.itemIds(), ['barn', 'mill']);
    assert.deepEqual(index.search(ROWS[2], { items: cheap, deny: ['barn'] }).itemId, ['mill']);
    assert.deepEqual(index.itemsOf(['mill', 'nobody']).itemIds(), ['mill']);
    const { index: smaller } = await index.update({ remove: ['hall'] });
    assert.equal(await code(() => smaller.search(ROWS[0], { items: cheap })), 'length_mismatch');
    for (const items of [['mill'], {}, 5]) {
      assert.equal(await code(() => index.search(ROWS[0], { items })), 'invalid_argument');
    }
    assert.equal(await code(() => index.matching({ price: 1 }, {})), 'invalid_argument');
    assert.equal(await code(() => index.matching({ price: { $near: 1 } })), 'invalid_condition');
  });

  test('files', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'vectors-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const index = await build();
    const path = join(folder, 'items.tmv');
    index.save(path);
    for (const opened of [
      VectorIndex.open(path),
      VectorIndex.open(pathToFileURL(path), { verify: false }),
      VectorIndex.open(readFileSync(path)),
      VectorIndex.fromBytes(index.toBytes().buffer),
    ]) {
      opened.verify();
      assert.equal(opened.hash, index.hash);
    }
    const damaged = readFileSync(path);
    damaged[damaged.length - 100] ^= 1;
    writeFileSync(path, damaged);
    assert.equal(await code(() => VectorIndex.open(path)), 'corrupt_snapshot');
    assert.equal(await code(() => VectorIndex.open(path, { verify: false }).verify()), 'corrupt_snapshot');
    assert.equal(await code(() => VectorIndex.open(join(folder, 'nothing'))), 'io');
    assert.equal(await code(() => VectorIndex.open(path, { check: true })), 'invalid_argument');
  });
});

test('a model holds an index', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tastemaker-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const model = await train({ userId: [1, 1, 2], itemId: [10, 11, 10] });
  const index = await build(ROWS, {}, [10, 11, 12, 13, 14]);
  assert.equal(model.index, undefined);
  const file = join(folder, 'both.tm');
  model.withIndex(index).save(file);
  const both = Model.open(file);
  assert.equal(both.index, both.index);
  assert.ok(both.index instanceof VectorIndex);
  assert.equal(both.index.hash, index.hash);
  assert.deepEqual(both.index.toBytes(), index.toBytes());
  assert.deepEqual(both.index.search({ itemId: 10 }, { k: 1 }).itemId, [11]);
  both.index.save(join(folder, 'index.tmv'));
  assert.deepEqual(new Uint8Array(readFileSync(join(folder, 'index.tmv'))), index.toBytes());
  for (const verify of [true, false]) {
    const alone = VectorIndex.open(file, { verify });
    alone.verify();
    assert.equal(alone.hash, index.hash);
  }
  assert.deepEqual(both.withoutIndex().toBytes(), model.toBytes());
  assert.equal(both.exportEdge().index, undefined);
  for (const odd of [undefined, null, model, {}, index.toBytes()]) {
    assert.equal(await code(() => model.withIndex(odd)), 'invalid_argument');
  }
});

test('odd questions are refused', async () => {
  const index = await build();
  for (const [target, expected] of [
    [undefined, 'invalid_argument'],
    [null, 'invalid_argument'],
    [5, 'invalid_argument'],
    [{}, 'invalid_argument'],
    [[], 'invalid_vector'],
    [[1, 2], 'invalid_vector'],
    [[1, 2, NaN], 'invalid_vector'],
    [[1, 2, '3'], 'invalid_vector'],
    [{ vector: 'barn' }, 'invalid_argument'],
    [{ vector: [1, 2, 3], itemId: 'barn' }, 'invalid_argument'],
    [{ itemId: 1.5 }, 'invalid_id'],
    [{ itemId: ['barn'] }, 'invalid_id'],
    [{ itemId: '\ud800' }, 'invalid_id'],
    [{ itemId: 'nobody' }, 'unknown_item'],
    [{ positive: 'barn' }, 'invalid_argument'],
    [{ positive: [null] }, 'invalid_id'],
    [{ context: [['barn']] }, 'invalid_argument'],
    [{ context: ['barn'] }, 'invalid_argument'],
    [{ near: 'barn' }, 'invalid_argument'],
  ]) {
    assert.equal(await code(() => index.search(target)), expected, JSON.stringify(target));
  }
  for (const options of [{ k: 2 ** 32 + 1 }, { k: NaN }, { k: '3' }, { K: 3 }, { minScore: NaN }, { allow: 'barn' }, []]) {
    assert.equal(await code(() => index.search(ROWS[0], options)), 'invalid_argument', JSON.stringify(options));
  }
  assert.equal(await code(() => index.search(ROWS[0], { deny: [null] })), 'invalid_id');
  assert.equal(await code(() => index.update({ ids: ['a'] })), 'invalid_argument');
  assert.equal(await code(() => index.update({ ids: ['a'], vectors: [[1]] })), 'invalid_vector');
  assert.equal(await code(() => index.duplicates({})), 'invalid_argument');
});

test('work is watched and cancelled', async () => {
  const rows = randomRows(20_000, 32);
  const ids = Uint32Array.from({ length: 20_000 }, (_, n) => n);
  const stages = new Set();
  const settings = { dimension: 32, options: { kind: 'exact' }, progress: ({ stage }) => stages.add(stage) };
  const index = await VectorIndex.build(ids, rows, settings);
  assert.ok(stages.size > 0);
  const late = new AbortController();
  const clustering = index.cluster({ clusters: 2000, iterations: 10_000, signal: late.signal });
  let ticks = 0;
  const timer = setInterval(() => {
    ticks += 1;
    if (ticks === 20) late.abort(new Error('enough'));
  }, 5);
  await assert.rejects(clustering, (error) => error.code === 'cancelled' && error.cause.message === 'enough');
  clearInterval(timer);
  assert.ok(ticks >= 20, 'the event loop ran meanwhile');
  assert.equal(await code(() => build(ROWS, { signal: AbortSignal.abort() })), 'cancelled');
});

test('10,000 searches do not keep memory', async () => {
  const index = await VectorIndex.build(
    Uint32Array.from({ length: 2000 }, (_, n) => n),
    randomRows(2000, 32),
    { dimension: 32 },
  );
  const query = randomRows(1, 32, 9);
  const loop = async (rounds) => {
    for (let round = 0; round < rounds; round++) {
      index.search(query, { trace: true });
      index.search({ positive: [round % 2000, query] });
      if (round % 100 === 0) await index.searchBatch(query, { k: 5 });
    }
    globalThis.gc?.();
    return process.memoryUsage().rss / 1e6;
  };
  const start = await loop(2000);
  const grown = (await loop(10_000)) - start;
  assert.ok(grown < 64, `grew by ${grown} MB`);
});

test('files of others', async () => {
  const flat = Float32Array.from(ROWS.flat());
  const fvecs = Buffer.concat(ROWS.map((row) => Buffer.concat([Buffer.from(Int32Array.of(3).buffer), Buffer.from(Float32Array.from(row).buffer)])));
  let header = '{"a": {"dtype": "F32", "shape": [5, 3], "data_offsets": [0, 60]}}';
  header += ' '.repeat((8 - (header.length % 8)) % 8);
  const tensors = Buffer.concat([Buffer.from(BigUint64Array.of(BigInt(header.length)).buffer), Buffer.from(header), Buffer.from(flat.buffer)]);
  for (const { values, dimension } of [readFvecs(fvecs), readSafetensors(tensors), readSafetensors(tensors, 'a')]) {
    assert.equal(dimension, 3);
    assert.deepEqual(values, flat);
    assert.equal((await build(values, { dimension })).hash, (await build()).hash);
  }
  assert.equal(await code(() => readFvecs(fvecs.subarray(1))), 'invalid_vector');
  assert.equal(await code(() => readSafetensors(fvecs)), 'invalid_vector');
  assert.equal(await code(() => readSafetensors(tensors, 'b')), 'invalid_argument');
  assert.equal(await code(() => readFvecs('abc')), 'invalid_argument');
});
