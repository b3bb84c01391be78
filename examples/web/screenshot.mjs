// Takes the picture of the README, after npm run build:
// node screenshot.mjs [TARGET [WIDTH HEIGHT [light|dark]]]
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { launch } from './browser.mjs';
import { serve } from './serve.mjs';

/** What somebody might like. */
const LIKED = ['spirited away', 'the matrix', 'amelie', 'monsters, inc'];

const picture = fileURLToPath(new URL('../../docs/images/quickstart-web.png', import.meta.url));
const [target = picture, width = '1240', height = '764', colorScheme = 'light'] = process.argv.slice(2);

const server = await serve(0);
const browser = await launch({
  viewport: { width: Number(width), height: Number(height) },
  deviceScaleFactor: 1.5,
  colorScheme,
});
try {
  const page = await browser.page();
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.waitForSelector('.card');
  for (const title of LIKED) {
    await page.fill('#search', title);
    await page.click('#found button');
  }
  await page.mouse.move(5, 5);
  mkdirSync(dirname(target), { recursive: true });
  await page.screenshot({ path: target });
  console.log(target);
} finally {
  await browser.close();
  server.close();
  server.closeAllConnections();
}
