// A page in headless Chromium, and the small server that it loads from.
import { createServer } from 'node:http';
import { accessSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Where the paths of the server lie. */
const MOUNTS = {
  package: join(root, 'dist'),
  test: join(root, 'test'),
  conformance: join(root, '../core/conformance'),
};

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The browser: CHROMIUM_PATH, or the first one in PATH. */
function executable() {
  if (process.env.CHROMIUM_PATH) return process.env.CHROMIUM_PATH;
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of names) {
      const path = join(folder, name);
      try {
        accessSync(path);
        return path;
      } catch {
        // The next one.
      }
    }
  }
  throw new Error('there is no Chromium: name one in CHROMIUM_PATH');
}

/** Serves the mounts on a free port. */
function serve() {
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, 'http://local').pathname));
    const [, mount, ...rest] = path.split('/');
    const folder = MOUNTS[mount];
    try {
      if (folder === undefined) throw new Error('no such mount');
      const body = readFileSync(join(folder, ...rest));
      response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'application/octet-stream' });
      response.end(body);
    } catch {
      response.writeHead(404);
      response.end();
    }
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}

/** Starts a server and a browser; `close` ends both. */
export async function launch() {
  // Before the server, which would keep the process from ending.
  const executablePath = executable();
  const server = await serve();
  const profile = mkdtempSync(join(tmpdir(), 'tastemaker-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    args: FLAGS,
  });
  const origin = `http://127.0.0.1:${server.address().port}`;
  return {
    origin,
    page: async () => {
      const page = await context.newPage();
      await page.goto(`${origin}/test/browser/page.html`);
      return page;
    },
    close: async () => {
      await context.close();
      server.close();
      server.closeAllConnections();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}
