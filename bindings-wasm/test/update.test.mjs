// Updating: what comes back, and that the model of before stays as it is.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Catalog, Engine, train, update } from '../dist/node.js';

const events = { userId: [1, 1, 2, 2, 3], itemId: [10, 11, 10, 11, 10] };

test('a new model knows the new events, and ids keep their types', async () => {
  const model = await train(events, { options: { updatable: true } });
  const before = model.toBytes();
  const next = await update(model, { userId: [3, 4], itemId: [12, 12] });
  assert.deepEqual(model.toBytes(), before);
  assert.equal(next.itemCount, 3);
  assert.equal(next.userCount, 4);
  assert.ok(next.neighbors(12).some(({ itemId }) => itemId === 10));
  assert.deepEqual(Object.keys(next.manifest.update).sort(), ['full', 'items', 'learnt', 'tolerance']);
  const engine = new Engine(model);
  engine.swap(next);
  assert.deepEqual(engine.recommend(4, { k: 1 }).items.map(({ itemId }) => itemId), [10]);
});

test('rows and a catalog are taken', async () => {
  const catalog = new Catalog();
  catalog.add('10', { price: 3 });
  const model = await train(events);
  const next = await update(model, [{ userId: 9, itemId: 10 }], { catalog, options: { tolerance: 0 } });
  assert.deepEqual(next.attributes(10), { price: 3 });
  assert.deepEqual(next.attributes(11), {});
});

test('an update is stopped by a signal, and refuses what it does not know', async () => {
  const model = await train(events);
  const none = await train(events, { options: { keepProfiles: false } });
  await assert.rejects(update(model, events, { signal: AbortSignal.abort() }), { code: 'cancelled' });
  await assert.rejects(update(model, events, { options: { tolerance: 2 } }), { code: 'invalid_argument' });
  await assert.rejects(update(model, events, { options: { trainer: 'ridge' } }), { code: 'invalid_argument' });
  await assert.rejects(update(model, events, { validation: events }), { code: 'invalid_argument' });
  await assert.rejects(update(none, events), { code: 'invalid_argument', message: /no histories/ });
});
