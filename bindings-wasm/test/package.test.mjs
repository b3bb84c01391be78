import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const root = new URL('../', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));

test('every export is there', () => {
  const paths = Object.values(manifest.exports).flatMap((entry) =>
    typeof entry === 'string' ? [entry] : Object.values(entry),
  );
  for (const path of paths) assert.ok(existsSync(new URL(path, root)), path);
});

test('the conditions lead to entries that load by the name of the package', () => {
  const program = `
    const { register } = await import('node:module');
    register('./test/support/edge-hooks.mjs', import.meta.url);
    const tm = await import('tastemaker-wasm');
    await tm.init();
    console.log(import.meta.resolve('tastemaker-wasm').split('/').at(-1), new tm.Profile().length);`;
  const run = (flags) =>
    execFileSync(process.execPath, [...flags, '--input-type=module', '-e', program], {
      cwd: root,
      encoding: 'utf8',
    });
  assert.equal(run([]), 'node.js 0\n');
  assert.equal(run(['--conditions=edge-light']), 'edge.js 0\n');
  assert.equal(run(['--conditions=workerd']), 'edge.js 0\n');
  assert.equal(manifest.exports['.'].browser, './dist/web.js');
});

test('the module that only answers is smaller, and answers alike', async () => {
  const size = (name) => readFileSync(new URL(`dist/raw/${name}`, root)).length;
  assert.ok(size('tastemaker_score_bg.wasm') < 0.65 * size('tastemaker_bg.wasm'));
  const tm = await import('../dist/node.js');
  const { someModel } = await import('./support/fixture.mjs');
  const index = await tm.VectorIndex.build(['item-1', 'item-2', 'new'], [[1, 0], [0, 1], [1, 0.5]]);
  const model = (await someModel(tm)).withIndex(index);
  const ask = { userId: 'user-1', k: 8, explain: true, filter: { price: { $gte: 50 } } };
  const program = `
    const { register } = await import('node:module');
    register('./test/support/edge-hooks.mjs', import.meta.url);
    const { readFileSync } = await import('node:fs');
    const tm = await import('tastemaker-wasm/score');
    await tm.init();
    const engine = new tm.Engine(tm.Model.open(readFileSync(0)));
    engine.record('new', 'item-1', 'save', { timestamp: 5 });
    const { train } = await import('./dist/train.js');
    const learn = async () => train({ userId: [1], itemId: [1] });
    const refused = await learn().then(() => 'trained', ({ code }) => code);
    const entry = import.meta.resolve('tastemaker-wasm/score').split('/').at(-1);
    const about = { userId: 'new', k: 3 };
    const near = engine.model.index.search({ itemId: 'item-1' }, { k: 2 }).itemId;
    console.log(JSON.stringify([entry, engine.recommend(${JSON.stringify(ask)}), engine.recommend(about), near, refused]));`;
  const engine = new tm.Engine(model);
  engine.record('new', 'item-1', 'save', { timestamp: 5 });
  const near = index.search({ itemId: 'item-1' }, { k: 2 }).itemId;
  const expected = [engine.recommend(ask), engine.recommend({ userId: 'new', k: 3 }), near];
  for (const [flags, entry] of [
    [[], 'score-node.js'],
    [['--conditions=edge-light'], 'score-edge.js'],
  ]) {
    const printed = execFileSync(process.execPath, [...flags, '--input-type=module', '-e', program], {
      cwd: root,
      input: model.toBytes(),
      encoding: 'utf8',
    });
    const [name, first, second, third, refused] = JSON.parse(printed);
    assert.equal(name, entry);
    assert.deepEqual([first, second, third], JSON.parse(JSON.stringify(expected)));
    assert.equal(refused, 'invalid_argument');
  }
});

test('the web entry needs nothing of Node, and names its module for bundlers', () => {
  const seen = new Set();
  const visit = (file) => {
    if (seen.has(file)) return;
    seen.add(file);
    const text = readFileSync(new URL(`dist/${file}`, root), 'utf8');
    assert.ok(!text.includes("'node:"), file);
    for (const [, name] of text.matchAll(/from '\.\/([^']+\.js)'/g)) visit(name);
  };
  visit('web.js');
  assert.ok(seen.size > 8);
  seen.clear();
  visit('score.js');
  assert.ok(!seen.has('train.js') && !seen.has('stats.js') && !seen.has('evaluate.js'), [...seen].join(' '));
  const web = readFileSync(new URL('dist/web.js', root), 'utf8');
  assert.match(web, /new URL\('\.\/raw\/tastemaker_bg\.wasm', import\.meta\.url\)/);
});

test('the version is that of the workspace', () => {
  const cargo = readFileSync(new URL('../Cargo.toml', root), 'utf8');
  assert.equal(manifest.version, /^version = "(.+)"$/m.exec(cargo)[1]);
});
