// Headless Chromium with an empty profile, for the tests and the picture.
import { accessSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** CHROMIUM_PATH, or the first browser in PATH. */
function executable() {
  if (process.env.CHROMIUM_PATH) return process.env.CHROMIUM_PATH;
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of NAMES) {
      try {
        accessSync(join(folder, name));
        return join(folder, name);
      } catch {
        // The next one.
      }
    }
  }
  throw new Error('there is no Chromium: name one in CHROMIUM_PATH');
}

/** Starts a browser; `close` ends it and removes its profile. */
export async function launch(options) {
  const profile = mkdtempSync(join(tmpdir(), 'tastemaker-web-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: executable(),
    headless: true,
    args: FLAGS,
    reducedMotion: 'reduce',
    ...options,
  });
  const close = async () => {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  };
  return { page: () => context.newPage(), close };
}
