import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch } from '../browser.mjs';
import { serve } from '../serve.mjs';

const KEY = 'tastemaker.history';

let server;
let browser;
let page;
let origin;
const requests = [];
const errors = [];

before(async () => {
  server = await serve(0);
  origin = `http://127.0.0.1:${server.address().port}`;
  browser = await launch({ viewport: { width: 1240, height: 900 } });
  page = await browser.page();
  page.on('request', (request) => requests.push(request));
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  await open();
});

after(async () => {
  await browser?.close();
  server?.close();
  server?.closeAllConnections();
});

async function open() {
  await page.goto(`${origin}/`);
  await page.waitForSelector('.card');
}

const cards = () => page.$$eval('.card', (all) => all.map((card) => card.dataset.item));
const titles = () => page.$$eval('.card .title', (all) => all.map((title) => title.textContent));
const history = () => page.$$eval('#history li', (all) => all.map((row) => row.querySelector('.name').textContent));
const stored = () => page.evaluate((key) => localStorage.getItem(key), KEY);

test('a newcomer sees the popular movies', async () => {
  assert.equal((await cards()).length, 12);
  assert.equal(await page.textContent('.card .because'), 'Popular with everybody');
  assert.equal(await stored(), null);
  assert.ok(await page.isHidden('#forget'));
});

test('a click on a card is recorded, and the list follows at once', async () => {
  const before = await cards();
  await page.click('.card:nth-child(3) .poster');
  const after = await cards();
  assert.ok(!after.includes(before[2]), 'what was chosen is not recommended again');
  assert.notDeepEqual(after, before.filter((id) => id !== before[2]).slice(0, 12));
  assert.equal((await history()).length, 1);
  assert.ok(await stored());
  const why = await page.textContent('.card .why');
  assert.match(why, /Because you chose/);
  assert.match(why, /100 %/, 'one movie gave all of the score');
});

test('every card says which movies gave its score, and the shares add up', async () => {
  await page.click('.card:nth-child(2) .poster');
  await page.click('.card:nth-child(5) .poster');
  await page.click('.card:nth-child(1) .poster');
  const shares = await page.$$eval('.card', (all) =>
    all.map((card) =>
      [...card.querySelectorAll('.reasons b')].map((share) => parseInt(share.textContent.replace('−', '-'), 10)),
    ),
  );
  for (const list of shares.filter((list) => list.length > 0)) {
    const sum = list.reduce((total, share) => total + share, 0);
    assert.ok(Math.abs(sum - 100) <= 2, `${list}`);
  }
});

test('a genre narrows the list down', async () => {
  await page.click('#genres button:has-text("Animation")');
  const genres = await page.$$eval('.card .genres', (all) => all.length);
  assert.equal(genres, 12);
  await page.click('#genres button:has-text("All")');
});

test('a dismissed movie goes, and stays away', async () => {
  const before = await cards();
  await page.hover('.card:nth-child(1)');
  await page.click('.card:nth-child(1) .dismiss');
  assert.ok(!(await cards()).includes(before[0]));
  assert.equal((await history()).length, 5);
});

test('a movie can be found by its title', async () => {
  await page.fill('#search', 'amelie');
  await page.click('#found button');
  assert.match((await history())[0], /Amelie/);
});

test('a reload keeps the history and the list', async () => {
  const [before, seen, bytes] = [await titles(), await history(), await stored()];
  await open();
  assert.deepEqual(await titles(), before);
  assert.deepEqual(await history(), seen);
  assert.equal(await stored(), bytes);
});

test('one movie can be removed from the history', async () => {
  const before = await history();
  await page.click('#history li:nth-child(2) .remove');
  assert.deepEqual(await history(), before.filter((_, row) => row !== 1));
});

test('forgetting clears everything, here and in the storage', async () => {
  await page.click('#forget');
  assert.deepEqual(await history(), []);
  assert.equal(await stored(), null);
  assert.equal(await page.textContent('.card .because'), 'Popular with everybody');
  await open();
  assert.deepEqual(await history(), []);
});

test('a damaged history is refused, and the page works', async () => {
  await page.evaluate((key) => localStorage.setItem(key, btoa('not a profile')), KEY);
  await open();
  assert.deepEqual(await history(), []);
  assert.equal(await stored(), null);
});

test('nothing left the page: files were fetched from its own server, and that is all', () => {
  for (const request of requests) {
    assert.equal(request.method(), 'GET');
    assert.ok(request.url().startsWith(`${origin}/`) || request.url().startsWith('data:'), request.url());
    assert.ok(!request.url().includes('?'), request.url());
    assert.equal(request.postData(), null);
  }
  assert.deepEqual(errors, []);
});
