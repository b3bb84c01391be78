// How a TypeScript program uses the package; only compiled, never run.
import {
  type Answer,
  type ErrorCode,
  type EventRow,
  type Id,
  Catalog,
  Engine,
  Model,
  Profile,
  TastemakerError,
  VectorIndex,
  compare,
  evaluate,
  matchesCondition,
  split,
  train,
  tune,
  update,
} from 'tastemaker';

const catalog = new Catalog({ price: 'number', opened: 'time' });
catalog.add('barn', { title: 'The Barn', tags: ['rustic'], price: 90, opened: new Date(), at: { lat: 1, lon: 2 } });
// @ts-expect-error: not a type of attributes
new Catalog({ price: 'money' });
// @ts-expect-error: not a value of attributes
catalog.add('loft', { nested: { deep: 1 } });

const rows: EventRow[] = [{ userId: 'ann', itemId: 'barn', kind: 'save', timestamp: new Date() }];
const controller = new AbortController();
const model: Model = await train(rows, {
  catalog,
  options: {
    trainer: [{ name: 'spectral', rank: 64, popularityExponent: 0.5 }, { name: 'ridge', weight: 0.5 }, 'ridge'],
    halfLifeDays: 30,
    maxHistoryItems: 256,
    kinds: { tour: 3, rate: { weight: 1, neutral: 3, scale: 2 } },
  },
  threads: 2,
  signal: controller.signal,
  progress: ({ stage, done, total }) => console.log(stage.toUpperCase(), done / total),
});
await train({ userId: [1, 2], itemId: new Int32Array(2), weight: new Float64Array(2) });
await train({ userId: ['a'], itemId: ['b'], timestamp: new BigInt64Array(1) });
// @ts-expect-error: a column of users is missing
await train({ itemId: ['b'] });
await train(rows, { options: { trainer: 'auto' } });
const updated: Model = await update(model, rows, {
  catalog,
  options: { tolerance: 0.1, skipInvalid: true },
  threads: 2,
  signal: controller.signal,
});
await update(updated, { userId: [1], itemId: ['a'] });
// @ts-expect-error: an update has the trainers of its model
await update(model, rows, { options: { trainer: 'ridge' } });
const tuning = await tune(rows, {
  catalog,
  options: { tune: { validation: 'random', k: 20, users: 500, budgetS: 10 } },
  validation: rows,
  signal: controller.signal,
});
await train(rows, { options: { trainer: tuning.trainer } });
tuning.report.trials?.map(({ trainer, recall, ndcg }) => [trainer, recall + ndcg]);
// @ts-expect-error: not a way to hold out
await tune(rows, { options: { tune: { validation: 'newest' } } });
// @ts-expect-error: a model is not tuned by what it was trained with
await train(rows, { validation: rows });
// @ts-expect-error: not a trainer
await train(rows, { options: { trainer: 'best' } });
// @ts-expect-error: an option of another trainer
await train(rows, { options: { trainer: { name: 'spectral', lambda: 3 } } });
// @ts-expect-error: not an option
await train(rows, { options: { rang: 3 } });
// @ts-expect-error: a model comes from train, open or fromBytes
new Model();

const engine = new Engine(Model.fromBytes(model.toBytes()));
engine.record('ann', 'barn', 'save', { timestamp: Date.now() }).changed satisfies boolean;
const answer: Answer = engine.recommend('ann', { k: 5, filter: { price: { $lt: 100 } }, explain: true });
const id: Id | undefined = answer.items[0]?.itemId;
engine.recommend({ history: [{ itemId: 'barn' }], now: new Date() }).items.map((item) => item.reasons.length);
await train(rows, { options: { trainer: 'auto' } });
// @ts-expect-error: not a trainer
await train(rows, { options: { trainer: 'best' } });
// @ts-expect-error: an option of another trainer
await train(rows, { options: { trainer: { name: 'spectral', lambda: 3 } } });
// @ts-expect-error: not an option
engine.recommend('ann', { amount: 3 });
engine.mergeProfile('ann', new Profile());
engine.similarItems(['barn', 7], { k: 3 }) satisfies Answer;
// @ts-expect-error: items like an item do not depend on who asks
engine.similarItems('barn', { history: [] });
engine.scoreItems('ann', ['barn']).items.map(({ seen, known, score }) => (seen && known ? score : 0));
// @ts-expect-error: what to score is missing
engine.scoreItems({ userId: 'ann' });
engine.recommendGroup(['ann', { userId: 'bob', weight: 2 }], { strategy: 'average' }) satisfies Answer;
// @ts-expect-error: not a strategy
engine.recommendGroup(['ann'], { strategy: 'mean' });
const likeness: number | undefined = engine.similarUsers({ history: [{ itemId: 'barn' }] }).users[0]?.similarity;
const source: 'graph' | 'popular' | undefined = answer.items[0]?.source;

const index = await VectorIndex.build(['barn'], [[1, 2]]);
const both: Model = model.withIndex(index);
both.index?.search([1, 2]).itemId satisfies Id[] | undefined;
both.withoutIndex() satisfies Model;
// @ts-expect-error: not an index
model.withIndex(index.toBytes());
const columns = model.recommend(['ann'], { k: 3 });
columns.score satisfies Float64Array;
for (const row of columns) console.log(row.userId, row.itemId, row.score);
const recall: number = (await evaluate(model, rows, { k: 10 })).model.recall;
const several = await evaluate(model, rows, { k: [5, 10], segments: { ann: 'new' }, history: rows, perUser: true });
several.cutoffs.map(({ k, popularity }) => [k, popularity.low?.ndcg, popularity.coverage]);
several.perUser?.cutoffs[0]?.model.averagePopularity.length satisfies number | undefined;
const { train: trainRows } = split(rows, { method: 'coldUser', share: 0.1, historyShare: 0.3 });
trainRows satisfies Uint32Array;
// @ts-expect-error: not an option of this method
split(rows, { method: 'random', n: 3 });
// @ts-expect-error: a method is missing
split(rows, {});
const compared = await compare(model, model, rows, { permutations: 100, signal: AbortSignal.timeout(1000) });
compared.metrics.hitRate.pValue satisfies number | undefined;
// @ts-expect-error: the values of users are not compared
await compare(model, model, rows, { perUser: true });
matchesCondition({ price: 3 }, { price: 3 }) satisfies boolean;
console.log(likeness);

try {
  Model.open(new URL('file:///model.tm'));
} catch (error) {
  if (error instanceof TastemakerError) {
    const code: ErrorCode = error.code;
    // @ts-expect-error: not a code
    if (code === 'oops') console.log(id, source, recall);
  }
}
