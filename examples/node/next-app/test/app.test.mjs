/** Starts the built application, and compares its answers with those of the package itself. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Engine, Model } from 'tastemaker';

const app = join(import.meta.dirname, '..');
const expected = new Engine(Model.open(join(app, 'movies.tm')));
let server;
let origin;

before(async () => {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  origin = `http://127.0.0.1:${port}`;
  const next = join(app, 'node_modules', 'next', 'dist', 'bin', 'next');
  server = spawn(process.execPath, [next, 'start', '-H', '127.0.0.1', '-p', String(port)], {
    cwd: app,
    stdio: 'inherit',
    env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1' },
  });
  for (let attempt = 0; ; attempt++) {
    const up = await fetch(origin).then(() => true, () => false);
    if (up) break;
    assert.ok(attempt < 150, 'the server did not start');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
});

after(async () => {
  server.kill();
  await once(server, 'exit');
});

const items = (answer) => answer.items.map(({ id, itemId, score }) => [id ?? itemId, score]);
const recommend = async (query) => (await fetch(`${origin}/api/recommend?${query}`)).json();

test('a route answers as the package does', async () => {
  const answer = await recommend('user=206&k=5');
  assert.deepEqual(items(answer), items(expected.recommend('206', { k: 5 })));
});

test('an event changes the next answer, in the route and on the page', async () => {
  const first = (await recommend('user=206')).items[0];
  const body = JSON.stringify({ userId: '206', itemId: first.id, kind: 'click' });
  const recorded = await (await fetch(`${origin}/api/events`, { method: 'POST', body })).json();
  assert.deepEqual(recorded, { changed: true, knownItem: true });
  const next = await recommend('user=206');
  assert.ok(next.items.every(({ id }) => id !== first.id));
  const page = await (await fetch(origin)).text();
  assert.ok(page.includes(next.items[0].title.replaceAll("'", '&#x27;')));
});

test('an error has its code', async () => {
  const response = await fetch(`${origin}/api/recommend?user=206&k=0`);
  assert.equal(response.status, 400);
  assert.equal((await response.json()).code, 'invalid_argument');
});
