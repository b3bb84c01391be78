// What the façade adds to the suites: spellings, shapes, logs as values, cancelling.
import assert from 'node:assert/strict';
import test from 'node:test';

import { DecisionLog, TastemakerError, contextHash, offpolicy } from 'tastemaker';

const code = (expected) => (error) => error instanceof TastemakerError && error.code === expected;
const log = { reward: [1, 0, 1, 1], propensity: [0.5, 0.5, 0.5, 0.5], action: [0, 1, 0, 1] };
const policy = { actions: [[0.75, 0.25]] };

test('matrices may have two forms, and names two spellings', async () => {
  const lists = await offpolicy.evaluate(log, policy, { thresholdRule: 'mseBound' });
  const flat = await offpolicy.evaluate(
    { ...log, reward: Float32Array.from(log.reward) },
    { actions: { values: new Float64Array([0.75, 0.25]), columns: 2 } },
    { thresholdRule: 'mse_bound' },
  );
  assert.deepEqual(flat, lists);
  assert.equal(lists.estimates[0].value, 0.875);
  const some = await offpolicy.evaluate(log, policy, { estimators: ['clippedIps', 'switch_dr'], clip: 1.25 });
  assert.deepEqual(some.estimates.map((e) => e.estimator), ['clipped_ips', 'switch_dr']);
  assert.equal(some.estimates[0].aboveThreshold, 0.5);
});

test('what is wrong is refused', async () => {
  const cases = [
    [{ ...log, rewards: [] }, policy, {}, 'invalid_argument'],
    [log, { actions: [[1, 0], [1]] }, {}, 'length_mismatch'],
    [log, { actions: { values: [1, 0], columns: 1.5 } }, {}, 'invalid_argument'],
    [log, { action: [] }, {}, 'invalid_argument'],
    [log, policy, { clip: NaN }, 'invalid_argument'],
    [log, policy, { threshold: 1 }, 'invalid_argument'],
    [{ ...log, propensity: [0.5, 0.5, NaN, 0.5] }, policy, {}, 'invalid_argument'],
    [log, null, {}, 'invalid_argument'],
  ];
  for (const [given, target, settings, expected] of cases) {
    await assert.rejects(offpolicy.evaluate(given, target, settings), code(expected));
  }
  await assert.rejects(offpolicy.evaluate(log, policy, { signal: AbortSignal.abort() }), code('cancelled'));
});

test('two policies, and slates', async () => {
  const report = await offpolicy.compare(log, { actions: [[0.5, 0.5]] }, policy, { replicates: 20 });
  assert.equal(report.comparisons[0].value, report.b.estimates[0].gain.value);
  const slates = await offpolicy.evaluateSlates(
    { slate: [1, 1, 2, 2], slot: [0, 1, 0, 1], reward: [1, 0, 0, 1], propensity: [0.5, 0.5, 0.5, 0.5], probability: [1, 0.5, 0, 0.5] },
    { selfNormalized: false },
  );
  assert.deepEqual(slates.estimates.map((e) => e.value), [1, 1.5, 1, 1]);
});

test('a decision log is a value', () => {
  const key = 'a secret of 16 bytes or more';
  const one = new DecisionLog({ key });
  const time = new Date(1000);
  assert.equal(one.record({ id: 1, time, user: 7, context: { b: 1, a: [true] }, shown: [{ item: 5, propensity: 0.25 }] }), true);
  assert.equal(one.record({ id: 1, time, user: '7', context: { a: [true], b: 1 }, shown: [{ item: '5', propensity: 0.25 }] }), false);
  assert.equal(one.recordOutcome({ decision: 1, time: 1500n, item: 5 }), true);
  assert.equal(one.decision(1).context, contextHash({ b: 1, a: [true] }));
  const { columns, counts } = one.join();
  assert.deepEqual([...columns.reward], [1]);
  assert.ok(columns.reward instanceof Float64Array);
  assert.deepEqual(columns.item, ['5']);
  assert.equal(counts.matched, 1);
  const again = DecisionLog.fromBytes(one.toBytes());
  assert.deepEqual(again.merge(one), { decisions: 0, outcomes: 0, conflicts: [] });
  assert.deepEqual(one.merge(one), { decisions: 0, outcomes: 0, conflicts: [] });
  assert.throws(() => again.erase(7), code('invalid_argument'));
  assert.deepEqual(one.erase(7), { decisions: 1, outcomes: 1 });
  assert.equal(one.length + one.outcomeCount, 0);
  assert.throws(() => new DecisionLog({ secret: key }), code('invalid_argument'));
  assert.throws(() => one.record('d'), code('invalid_argument'));
  assert.throws(() => one.record({ id: 1, time: NaN }), code('invalid_timestamp'));
  assert.throws(() => one.recordOutcome({ decision: 1, time, value: NaN }), code('invalid_weight'));
  assert.throws(() => DecisionLog.fromBytes(new Uint8Array(9)), code('corrupt_log'));
  assert.throws(() => one.merge({}), code('invalid_argument'));
  assert.throws(() => one.expire('soon'), code('invalid_timestamp'));
});
