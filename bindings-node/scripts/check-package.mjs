/**
 * Packs the package, checks the tarball with publint and are-the-types-wrong, installs the
 * tarballs into an empty folder, and runs the same ten lines there as an ES module, as a
 * CommonJS module and, for the types, through the TypeScript compiler.
 *
 * usage: node scripts/check-package.mjs
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const bin = (name) => join(root, 'node_modules', '.bin', name);

function run(command, args, options = {}) {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], ...options });
}

const LINES = `
async function main() {
  const events = {
    userId: ['ann', 'ann', 'bob', 'bob', 'cem'],
    itemId: ['barn', 'loft', 'barn', 'loft', 'barn'],
    kind: ['save', 'view', 'book', 'view', 'save'],
  };
  const model = await train(events);
  model.save('model.tm');
  const engine = new Engine(Model.open('model.tm'));
  engine.record('dee', 'barn', 'save', { timestamp: new Date() });
  const answer = engine.recommend('dee', { k: 1, explain: true });
  if (answer.items[0]?.itemId !== 'loft') throw new Error(JSON.stringify(answer));
  try {
    engine.recommend('dee', { k: 0 });
    throw new Error('k = 0 was accepted');
  } catch (error) {
    if (!(error instanceof TastemakerError) || error.code !== 'invalid_argument') throw error;
  }
  console.log(MODULE, 'recommends', answer.items[0].itemId);
}
main().catch((error) => { console.error(error); process.exitCode = 1; });
`;
const NAMES = '{ Engine, Model, TastemakerError, train }';

const packages = run(process.execPath, [join(root, 'scripts', 'pack.mjs')]).trim().split('\n');
const main = packages.at(-1);
console.log(run(bin('publint'), [main, '--strict']).trim());
console.log(run(bin('attw'), [main, '--no-color', '--no-emoji']).trim());

const folder = mkdtempSync(join(tmpdir(), 'tastemaker-package-'));
try {
  const write = (name, text) => writeFileSync(join(folder, name), text);
  write('package.json', '{"private":true}\n');
  run('npm', ['install', '--no-audit', '--no-fund', ...packages], { cwd: folder });
  write('esm.mjs', `import ${NAMES} from 'tastemaker';\nconst MODULE = 'esm';${LINES}`);
  write('cjs.cjs', `const ${NAMES} = require('tastemaker');\nconst MODULE = 'cjs';${LINES}`);
  write('types.mts', `import ${NAMES} from 'tastemaker';\nconst MODULE: string = 'esm, typed';${LINES}`);
  write('types.cts', `import ${NAMES} from 'tastemaker';\nconst MODULE: string = 'cjs, typed';${LINES}`);
  run(bin('tsc'), [
    ...['--strict', '--module', 'nodenext', '--target', 'es2022', '--types', 'node', '--noEmitOnError'],
    ...['--typeRoots', join(root, 'node_modules', '@types'), 'types.mts', 'types.cts'],
  ], { cwd: folder });
  for (const file of ['esm.mjs', 'cjs.cjs', 'types.mjs', 'types.cjs']) {
    console.log(run(process.execPath, [file], { cwd: folder }).trim());
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
