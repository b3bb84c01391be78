// A program as a user writes it: it is only checked, never run.
import {
  Catalog,
  Engine,
  Model,
  Profile,
  TastemakerError,
  type Answer,
  type ErrorCode,
  type Id,
  compare,
  evaluate,
  init,
  matchesCondition,
  split,
  train,
  tune,
  update,
} from 'tastemaker-wasm';
import { init as initEdge } from 'tastemaker-wasm/edge';
import { Engine as ScoreEngine, Model as ScoreModel, init as initScore } from 'tastemaker-wasm/score';
import { Model as NodeModel } from 'tastemaker-wasm/node';

export async function program(): Promise<Id[]> {
  await init();
  await init('/static/tastemaker_bg.wasm');
  await init(fetch('/static/tastemaker_bg.wasm'));
  await initEdge();
  await initScore();
  new ScoreEngine(ScoreModel.open(new ArrayBuffer(0))).recommend('me', { k: 3 });
  const response = await fetch('/model.tm');
  const model: Model = Model.open(await response.arrayBuffer());
  NodeModel.fromBytes(new Uint8Array());
  // @ts-expect-error neither bytes nor a path
  Model.open(42);

  const catalog = new Catalog({ price: 'number' });
  catalog.add('a', { price: 3, tags: ['x', 'y'], opened: new Date() });
  const trained = await train({ userId: [1, 2], itemId: ['a', 'b'] }, { catalog, options: { trainer: { name: 'spectral', rank: 8 } } });
  const { trainer, report } = await tune({ userId: [1, 2], itemId: ['a', 'b'] }, { options: { tune: { budgetS: 5 } } });
  await train({ userId: [1, 2], itemId: ['a', 'b'] }, { options: { trainer } });
  const renewed: Model = await update(trained, [{ userId: 3, itemId: 'a' }], { options: { tolerance: 0.1 } });
  renewed.itemCount satisfies number;
  report.protocol satisfies string | null;
  const { model: metrics } = await evaluate(trained, { userId: [1], itemId: ['b'] }, { k: 5 });
  const recall: number = metrics.recall;
  const rows = { userId: [1, 1], itemId: ['a', 'b'], timestamp: [1, 2] };
  const { test } = split(rows, { method: 'leaveLastOut' });
  const { metrics: differences } = await compare(trained, trained, rows, { k: [5, 1] });
  test.length + differences.gini.difference;

  const engine = new Engine(model);
  const { changed } = engine.record('me', 42, 'save', { weight: 2, timestamp: new Date() });
  const answer: Answer = engine.recommend('me', { k: 3, filter: { price: { $lt: 9 } }, explain: changed });
  engine.recommend({ history: [{ itemId: 'a' }] });
  // @ts-expect-error an option that does not exist
  engine.recommend('me', { kay: 3 });

  engine.similarItems('a').items satisfies Answer['items'];
  engine.scoreItems('me', ['a', 42]).items.map(({ score }) => score);
  engine.recommendGroup(['me', { userId: 'you', weight: 2 }], { strategy: 'least_misery' });
  engine.similarUsers('me', { k: 3 }).users.map(({ similarity }) => similarity);

  const profile = new Profile();
  profile.record('a');
  engine.mergeProfile('me', profile);
  const bytes: Uint8Array = engine.profile('me');
  const scores: Float64Array = model.recommend(['me'], { k: 2 }).score;
  const matches: boolean = matchesCondition({ a: 1 }, { a: 1 });
  try {
    Model.fromBytes(bytes);
  } catch (error) {
    if (error instanceof TastemakerError) {
      const code: ErrorCode = error.code;
      console.log(code, recall, scores, matches);
    }
  }
  return answer.items.map(({ itemId }) => itemId);
}
