/** Training is off the event loop, tells its progress, and can be stopped. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

import { TastemakerError, train } from 'tastemaker';

import { someEvents } from './support/fixture.mjs';

/** Work enough for a second or so. */
const events = someEvents(3000, 600);
const options = { trainer: { name: 'spectral', rank: 256, iterations: 6 } };
const long = { trainer: { ...options.trainer, iterations: 20 } };

test('the event loop goes on while a model is trained', async () => {
  let turns = 0;
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    turns += 1;
  }, 5);
  const work = train(events, { options });
  last = performance.now();
  const start = last;
  await work;
  const elapsed = performance.now() - start;
  clearInterval(timer);
  assert.ok(elapsed > 100, `training took ${elapsed} ms, too little to tell`);
  assert.ok(turns > elapsed / 100, `${turns} turns in ${elapsed} ms`);
  assert.ok(longest < elapsed / 2, `the loop stood still for ${longest} of ${elapsed} ms`);
});

test('progress is told, in order, to the end of each stage', async () => {
  const seen = [];
  await train(events, { options, progress: (progress) => seen.push(progress) });
  assert.ok(seen.length > 0);
  for (const { stage, done, total } of seen) {
    assert.equal(typeof stage, 'string');
    assert.ok(done >= 0 && done <= total, `${stage} ${done}/${total}`);
  }
});

test('a signal stops the work soon, with its reason as the cause', async () => {
  const reason = new Error('enough');
  const controller = new AbortController();
  const start = performance.now();
  const work = train(events, { options: long, signal: controller.signal });
  setTimeout(() => controller.abort(reason), 30);
  const error = await work.then(() => undefined, (caught) => caught);
  assert.ok(error instanceof TastemakerError);
  assert.equal(error.code, 'cancelled');
  assert.equal(error.cause, reason);
  assert.ok(performance.now() - start < 5000);
});

test('a timeout is a signal like any other', async () => {
  const settings = { options: long, signal: AbortSignal.timeout(20) };
  await assert.rejects(train(events, settings), { code: 'cancelled' });
});

test('a signal that never fires changes nothing and keeps no listener', async () => {
  const { signal } = new AbortController();
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args) => ((listeners += 1), add(...args));
  signal.removeEventListener = (...args) => ((listeners -= 1), remove(...args));
  await train(someEvents(), { signal, options: { trainer: { name: 'spectral', rank: 8 } } });
  assert.equal(listeners, 0);
});

test('an error that progress throws stops the work and is thrown on', async () => {
  const mine = new RangeError('mine');
  const progress = () => {
    throw mine;
  };
  const error = await train(events, { options, progress }).then(() => undefined, (caught) => caught);
  assert.equal(error, mine);
});

test('several trainings at once give what each gives alone', async () => {
  const alone = await train(someEvents(200), { options: { trainer: { name: 'spectral', rank: 16 } } });
  const together = await Promise.all(
    Array.from({ length: 6 }, (_, n) =>
      train(someEvents(200), { options: { trainer: { name: 'spectral', rank: 16 } }, threads: 1 + (n % 2) }),
    ),
  );
  for (const model of together) assert.equal(model.hash, alone.hash);
});

test('a process that only waits for a training does not end early', () => {
  const code = `
    const { train } = require('tastemaker');
    train({ userId: ['a', 'a', 'b'], itemId: ['x', 'y', 'x'] }, { progress() {} })
      .then((model) => console.log(model.itemCount));`;
  const cwd = new URL('..', import.meta.url);
  const output = execFileSync(process.execPath, ['-e', code], { cwd, encoding: 'utf8' });
  assert.equal(output.trim(), '2');
});
