/** What can be asked besides `recommend`: how the calls look, and the types of what comes back. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { Engine, train } from 'tastemaker';

import { codeOf, small, someModel } from './support/fixture.mjs';

let model, engine;
before(async () => {
  model = await someModel();
  engine = new Engine(model);
});

const idsOf = ({ items }) => items.map(({ itemId }) => itemId);

describe('similarItems', () => {
  test('takes an item, several, or a request', () => {
    const one = engine.similarItems('item-3', { k: 4, explain: true });
    assert.equal(one.items.length, 4);
    assert.ok(!idsOf(one).includes('item-3'));
    assert.ok(one.items[0].reasons.every((reason) => !('members' in reason)));
    assert.deepEqual(engine.similarItems(['item-3'], { k: 4, explain: true }), one);
    assert.deepEqual(engine.similarItems({ itemId: 'item-3', k: 4, explain: true }), one);
    assert.deepEqual(engine.similarItems({ itemIds: ['item-3', 'item-3'], k: 4, explain: true }), one);
    const filter = { price: { $lt: 100 } };
    assert.ok(idsOf(engine.similarItems('item-3', { filter })).every((id) => Number(id.slice(5)) < 10));
    assert.deepEqual(engine.similarItems(['item-3', 'nothing']).ignored, ['nothing']);
  });

  test('does not depend on who asks', () => {
    const before = engine.similarItems('item-3');
    const other = new Engine(model);
    other.record('me', before.items[0].itemId, 'dismiss');
    assert.deepEqual(other.similarItems('item-3'), before);
  });
});

describe('scoreItems', () => {
  test('gives the scores of recommend, in the order given', () => {
    const answer = engine.recommend('user-3', { k: 30, explain: true });
    const ids = idsOf(answer).reverse();
    const { items, ignored, model: hash } = engine.scoreItems('user-3', ids, { explain: true });
    assert.deepEqual(items.map(({ itemId }) => itemId), ids);
    assert.deepEqual([ignored, hash], [[], model.hash]);
    for (const { itemId, score, reasons, known, seen } of items) {
      const place = answer.items.find((item) => item.itemId === itemId);
      assert.deepEqual([place.score, place.reasons, true, false], [score, reasons, known, seen]);
    }
    assert.deepEqual(engine.scoreItems({ userId: 'user-3', itemIds: ids, explain: true }).items, items);
  });

  test('says what is seen and what is unknown', () => {
    const history = [{ itemId: 'item-3' }, { itemId: 'nothing' }];
    const { items, ignored } = engine.scoreItems({ history, itemIds: ['item-3', 'no such item', 'item-6'] });
    assert.deepEqual(items.map(({ known, seen }) => [known, seen]), [[true, true], [false, false], [true, false]]);
    assert.equal(items[1].itemId, 'no such item');
    assert.deepEqual(ignored, ['nothing']);
    assert.deepEqual(engine.scoreItems('user-3', []).items, []);
  });

  test('gives many scores whole', () => {
    const ids = Array.from({ length: 1000 }, (_, n) => `item-${n % 30}`);
    const { items } = engine.scoreItems('user-3', ids, { explain: true });
    assert.deepEqual(items.map(({ itemId }) => itemId), ids);
    for (const { score, reasons } of items) {
      assert.equal(reasons.reduce((sum, { contribution }) => sum + contribution, 0), score);
    }
  });
});

describe('recommendGroup', () => {
  test('takes members as ids and as objects', () => {
    const { items } = engine.recommendGroup(['user-3', 'user-4'], { k: 5, explain: true });
    assert.equal(items.length, 5);
    assert.deepEqual(new Set(items.flatMap(({ reasons }) => reasons.flatMap((r) => r.members))), new Set([0, 1]));
    const members = [{ userId: 'user-3', weight: 1 }, 'user-4'];
    assert.deepEqual(engine.recommendGroup({ members, k: 5, explain: true }).items, items);
    const misery = engine.recommendGroup(members, { k: 5, explain: true, strategy: 'least_misery' });
    for (const { score, reasons } of misery.items) {
      assert.equal(reasons.reduce((sum, { contribution }) => sum + contribution, 0), score);
      assert.ok(reasons.every((reason) => reason.members.length === 1));
    }
  });

  test('counts histories and what members dismissed', () => {
    const guest = { history: [{ itemId: 'item-3', kind: 'save' }, { itemId: 'item-5', kind: 'dismiss' }] };
    const ids = idsOf(engine.recommendGroup([guest, 'nobody'], { k: 30, excludeSeen: false }));
    assert.ok(ids.includes('item-3'));
    assert.ok(!ids.includes('item-5'));
  });
});

describe('similarUsers', () => {
  test('takes a user, a history, or both', () => {
    const { users, model: hash } = engine.similarUsers('user-3', { k: 3 });
    assert.equal(users.length, 3);
    assert.equal(hash, model.hash);
    assert.ok(users.every(({ userId, similarity }) => userId !== 'user-3' && similarity > 0 && similarity <= 1));
    assert.deepEqual(engine.similarUsers({ userId: 'user-3', k: 3 }).users, users);
    const { users: same, ignored } = engine.similarUsers({ history: [{ itemId: 'item-3' }, { itemId: 'x' }] });
    assert.equal(same.length, 10);
    assert.deepEqual(ignored, ['x']);
  });

  test('gives no erased users', () => {
    const other = new Engine(model);
    const [{ userId }] = other.similarUsers('user-3').users;
    other.erase(userId);
    assert.ok(other.similarUsers('user-3', { k: 60 }).users.every((user) => user.userId !== userId));
  });
});

test('ids keep the types of training', async () => {
  const events = { userId: [1, 1, 2, 2, 3], itemId: [7, 8, 7, 8, 9] };
  const numbers = new Engine(await train(events, { options: small }));
  assert.deepEqual(idsOf(numbers.similarItems(7, { k: 1 })), [8]);
  const { items } = numbers.scoreItems(1, [8, '7', 77, 'x']);
  assert.deepEqual(items.map(({ itemId }) => itemId), [8, 7, 77, 'x']);
  assert.deepEqual(numbers.similarUsers(1).users, [{ userId: 2, similarity: 1 }]);
  assert.deepEqual(idsOf(numbers.recommendGroup([1, { userId: 3n }], { k: 3 })), []);
});

test('bad calls have the codes of the core', async () => {
  const bad = {
    invalid_argument: [
      () => engine.similarItems({}),
      () => engine.similarItems([]),
      () => engine.similarItems({ itemId: 'a', itemIds: ['b'] }),
      () => engine.similarItems('a', { k: 0 }),
      () => engine.similarItems('a', { userId: 'b' }),
      () => engine.similarItems('a', 3),
      () => engine.scoreItems('u'),
      () => engine.scoreItems('u', 'a'),
      () => engine.scoreItems('u', ['a'], { k: 3 }),
      () => engine.scoreItems('u', ['a'], 3),
      () => engine.recommendGroup([]),
      () => engine.recommendGroup({}),
      () => engine.recommendGroup('u'),
      () => engine.recommendGroup(Array(65).fill('u')),
      () => engine.recommendGroup([{ name: 'u' }]),
      () => engine.recommendGroup([{ userId: 'u', weight: NaN }]),
      () => engine.recommendGroup([{ userId: 'u', weight: null }]),
      () => engine.recommendGroup([{ userId: 'u', weight: 0 }]),
      () => engine.recommendGroup(['u'], { strategy: 'mean' }),
      () => engine.recommendGroup([['u']]),
      () => engine.similarUsers('u', { k: NaN }),
      () => engine.similarUsers('u', { explain: true }),
    ],
    invalid_id: [
      () => engine.similarItems(''),
      () => engine.similarItems(undefined),
      () => engine.similarItems(['a', 1.5]),
      () => engine.scoreItems(null, ['a']),
      () => engine.scoreItems('', ['a']),
      () => engine.scoreItems('u', [{}]),
      () => engine.recommendGroup([true]),
      () => engine.recommendGroup(['']),
      () => engine.similarUsers('\ud800'),
    ],
    invalid_condition: [() => engine.similarItems('a', { filter: { price: { $near: 3 } } })],
    invalid_timestamp: [() => engine.recommendGroup(['u'], { now: new Date(NaN) })],
    unknown_kind: [
      () => engine.recommendGroup([{ history: [{ itemId: 'i', kind: 'teleport' }] }]),
      () => engine.similarUsers({ history: [{ itemId: 'i', kind: 'teleport' }] }),
    ],
  };
  for (const [code, calls] of Object.entries(bad)) {
    for (const call of calls) assert.equal(await codeOf(call), code, String(call));
  }
});
