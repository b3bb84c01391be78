/**
 * Packs the package and its platform packages into tarballs, ready to publish or to install.
 *
 * usage: node scripts/pack.mjs [OUTPUT FOLDER = dist/packages]
 *
 * Run `npm run build` first. Every folder of `npm/` whose addon was built is packed, and becomes
 * an optional dependency of the main package. Prints the tarballs, platform packages first.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const output = resolve(process.argv[2] ?? join(root, 'dist', 'packages'));
const stage = join(root, 'dist', 'stage');
const read = (path) => JSON.parse(readFileSync(path, 'utf8'));
const write = (path, value) => writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);

/** Copies what a package consists of into a folder of its own and packs that. */
function pack(name, manifest, files) {
  const folder = join(stage, name);
  mkdirSync(folder, { recursive: true });
  for (const [from, to] of files) cpSync(from, join(folder, to), { recursive: true });
  for (const licence of ['LICENSE-MIT', 'LICENSE-APACHE']) {
    const file = join(root, '..', licence);
    if (existsSync(file)) cpSync(file, join(folder, licence));
  }
  write(join(folder, 'package.json'), manifest);
  const [packed] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', output], {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  );
  const tarball = join(output, packed.filename);
  console.log(tarball);
  return tarball;
}

rmSync(stage, { recursive: true, force: true });
rmSync(output, { recursive: true, force: true });
mkdirSync(output, { recursive: true });

const main = read(join(root, 'package.json'));
const platforms = {};
for (const folder of readdirSync(join(root, 'npm')).sort()) {
  const manifest = read(join(root, 'npm', folder, 'package.json'));
  if (manifest.version !== main.version) {
    throw new Error(`npm/${folder} has version ${manifest.version}, the package ${main.version}`);
  }
  const addon = join(root, 'dist', manifest.main);
  if (!existsSync(addon)) continue;
  pack(manifest.name, manifest, [
    [addon, manifest.main],
    [join(root, 'npm', folder, 'README.md'), 'README.md'],
  ]);
  platforms[manifest.name] = manifest.version;
}
if (Object.keys(platforms).length === 0) throw new Error('no addon in dist/: run `npm run build`');

const { devDependencies, scripts, napi, ...published } = main;
pack(main.name, { ...published, optionalDependencies: platforms }, [
  [join(root, 'README.md'), 'README.md'],
  ...readdirSync(join(root, 'dist'))
    .filter((file) => /\.(m?js|d\.m?ts)$/.test(file))
    .map((file) => [join(root, 'dist', file), join('dist', file)]),
]);
rmSync(stage, { recursive: true, force: true });
