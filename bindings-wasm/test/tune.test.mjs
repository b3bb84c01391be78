// Choosing trainers: what comes back, and that it is what training would choose.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Catalog, train, tune } from '../dist/node.js';

/** Two hundred users of two tastes, eight items each. */
function tastes() {
  const events = { userId: [], itemId: [], timestamp: [] };
  for (let user = 0; user < 200; user += 1) {
    for (let n = 0; n < 8; n += 1) {
      events.userId.push(user);
      events.itemId.push((user % 2) * 20 + ((user * 7 + n * n * 3 + n) % 20));
      events.timestamp.push(n);
    }
  }
  return events;
}

const short = { tune: { k: 5, budgetS: 50 } };

test('the choice is that of training', async () => {
  const events = tastes();
  const { trainer, report } = await tune(events, { options: short });
  assert.equal(report.protocol, 'time');
  assert.equal(report.options.budgetS, 50);
  assert.equal(report.users, 200);
  assert.equal(report.shareOfUsers, 1);
  assert.ok(report.trials.length >= 8 && report.trials[report.chosen].recall > 0);
  const model = await train(events, { options: short });
  assert.deepEqual(model.manifest.tuning.trials, report.trials);
  const again = await train(events, { options: { trainer } });
  assert.deepEqual(again.manifest.options.trainer, model.manifest.options.trainer);
  assert.deepEqual(again.neighbors(0), model.neighbors(0));
});

test('given events are judged by, also as rows and with a catalog', async () => {
  const { timestamp, ...events } = tastes();
  const validation = events.userId.map((userId) => ({ userId, itemId: (userId * 5 + 3) % 40 }));
  const catalog = new Catalog();
  catalog.add('0', {});
  const first = await tune(events, { options: short, validation });
  assert.equal(first.report.protocol, 'given');
  assert.deepEqual(await tune(events, { options: short, validation, catalog }), first);
});

test('tuning is stopped by a signal, and refuses what it does not know', async () => {
  const events = tastes();
  await assert.rejects(tune(events, { signal: AbortSignal.abort() }), { code: 'cancelled' });
  await assert.rejects(tune(events, { options: { tune: { budget: 3 } } }), { code: 'invalid_argument' });
  await assert.rejects(tune(events, { validate: events }), { code: 'invalid_argument' });
  await assert.rejects(tune(events, { validation: { userId: [''], itemId: ['a'] } }), { code: 'invalid_id' });
  await assert.rejects(tune(events, { validation: { userId: [1] } }), { code: 'invalid_argument' });
});
