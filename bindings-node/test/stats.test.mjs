/** Statistics: what JavaScript hands over. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { stats } from 'tastemaker';

const rows = {
  arm: ['old', 'new', 'new', 'old', 'new', 'old'],
  unit: [1, 2, 2, 3, 4, 5],
  value: [1, 2.5, 4, 3, 0, 7.25],
};

describe('stats', () => {
  test('columns of any kind are the same rows', async () => {
    const expected = await stats.summarize(rows, { metric: 'mean' });
    assert.deepEqual(expected.arms.map((arm) => [arm.name, arm.n]), [['new', 2], ['old', 3]]);
    for (const unit of [Float64Array.from(rows.unit), rows.unit.map(String), rows.unit.map(BigInt)]) {
      const value = Float64Array.from(rows.value);
      assert.deepEqual(await stats.summarize({ ...rows, unit, value }, { metric: 'mean', threads: 2 }), expected);
    }
    const report = stats.analyze({ metric: 'mean', arms: expected.arms, control: 'old' });
    assert.equal(report.comparisons[0].arm, 'new');
    assert.equal(typeof report.comparisons[0].pValueAdjusted, 'number');
  });

  test('words have one spelling in both ways', () => {
    const arms = [{ name: 'a', n: 100, successes: 10 }, { name: 'b', n: 100, successes: 20 }];
    const [camel, snake] = ['twoSided', 'two_sided'].map((alternative) =>
      stats.analyze({ metric: 'proportion', arms, alternative, correction: 'benjaminiHochberg' }));
    assert.deepEqual(camel, snake);
    assert.deepEqual(stats.adjust([0.01, 0.04], 'benjaminiHochberg'), [0.02, 0.04]);
  });

  test('what is no request, and no column, is refused', async () => {
    for (const request of [undefined, null, 5, { metric: 'mean', arms: [{ name: 'a', n: NaN }] }]) {
      assert.throws(() => stats.analyze(request), { code: 'invalid_argument' });
    }
    assert.throws(() => stats.sampleRatio({ counts: [1, Infinity] }), { code: 'invalid_argument' });
    await assert.rejects(stats.summarize({ ...rows, user: [] }, { metric: 'mean' }), { code: 'invalid_argument' });
    await assert.rejects(stats.summarize(undefined, { metric: 'mean' }), { code: 'invalid_argument' });
    await assert.rejects(stats.summarize({ ...rows, value: ['x', 1, 2, 3, 4, 5] }, { metric: 'mean' }), { code: 'invalid_weight' });
    const signal = AbortSignal.abort();
    await assert.rejects(stats.summarize(rows, { metric: 'mean', signal }), { code: 'cancelled' });
  });
});
