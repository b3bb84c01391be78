/** The other side of workers.test.mjs. */
import { parentPort, workerData } from 'node:worker_threads';

import { Engine, Model, train } from 'tastemaker';

import { someEvents, someModel } from './fixture.mjs';

if (workerData.forever) {
  const work = train(someEvents(2000, 300), { progress() {} });
  parentPort.postMessage('started');
  await work;
} else {
  const { path, bytes } = workerData;
  let model;
  if (path) model = Model.open(path);
  else if (bytes) model = Model.fromBytes(bytes);
  else model = await someModel();
  const engine = new Engine(model);
  parentPort.postMessage(model.userIds().map((user) => engine.recommend(user, { k: 5, explain: true })));
}
