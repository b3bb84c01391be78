/**
 * Assignment in Node, ours and GrowthBook's in turns in one process:
 * assign_driver.mjs OUR_MODULE [FOLDER_WITH_NODE_MODULES]
 *
 * `run` answers with nanoseconds an assignment: `ours` (assignId), and with a folder `theirs`
 * (a GrowthBook instance a user) and `client` (one GrowthBookClient). Each is the median of
 * rounds that take turns. The two must agree on every user.
 */
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

process.env.NODE_ENV = 'production';
const [module, folder] = process.argv.slice(2);
const { Experiments } = await import(pathToFileURL(resolve(module)));
const users = Array.from({ length: 20_000 }, (_, i) => `user-${i}`);

// Both hash by version 2 to be compared; ours by version 3 is what is measured.
const ours = Experiments.fromJson({
  experiments: { button: { variations: [{ key: '0', weight: 0.5, value: 0 }, { key: '1', weight: 0.5, value: 1 }] } },
});
const definition = { key: 'button', variations: [0, 1], hashVersion: 2 };
const sides = {
  ours(user) {
    return ours.assignId('button', user);
  },
};
if (folder !== undefined) {
  const require = createRequire(pathToFileURL(join(resolve(folder), 'package.json')));
  const { GrowthBook, GrowthBookClient } = require('@growthbook/growthbook');
  const client = new GrowthBookClient({});
  sides.theirs = (user) => new GrowthBook({ attributes: { id: user } }).run(definition);
  sides.client = (user) => client.runInlineExperiment(definition, { attributes: { id: user } });
  const moved = Experiments.fromGrowthbook({ experiments: [definition] });
  for (const user of users) {
    const [a, b] = [moved.assignId('button', user), sides.theirs(user)];
    if (a.variationId !== b.variationId || a.bucket !== b.bucket) throw new Error(`${user}: not the same`);
  }
}

function timed(side) {
  let sum = 0;
  const start = process.hrtime.bigint();
  for (const user of users) sum += side(user).variationId;
  const ns = Number(process.hrtime.bigint() - start) / users.length;
  if (!(sum > 0)) throw new Error('nobody is in the second variation');
  return ns;
}

function run() {
  const times = Object.fromEntries(Object.keys(sides).map((name) => [name, []]));
  for (let round = 0; round < 9; round++) {
    for (const [name, side] of Object.entries(sides)) times[name].push(timed(side));
  }
  const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];
  return Object.fromEntries(Object.entries(times).map(([name, list]) => [name, median(list)]));
}

for await (const _ of createInterface({ input: process.stdin })) console.log(JSON.stringify(run()));
