// Opens examples of all mails in a headless Chromium, on a wide and on a narrow screen, and takes a picture of
// each. A mail that loads anything, runs a script, or is wider than its screen is a fault.
//
//   node mails.mjs PREVIEW_FOLDER SCREENSHOTS_FOLDER     with CHROMIUM, a browser, or none for the bundled one
//
// The last line of stdout is JSON: {"faults": [...], "pictures": [...]}.

import { mkdirSync, readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { launch } from './browser.mjs';

const [previews, folder] = process.argv.slice(2);
const SCREENS = { wide: 1000, narrow: 360 };
const faults = [];
const pictures = [];

async function look(page, file, screen) {
  const name = `${file}, ${screen}`;
  const note = (what) => faults.push(`${name}: ${what}`);
  const url = `file://${resolve(previews, file)}`;
  const onRequest = (request) => request.url() === url || note(`loads ${request.url()}`);
  const onConsole = (line) => note(`console: ${line.text()}`);
  page.on('request', onRequest).on('console', onConsole).on('dialog', (dialog) => note(dialog.message()));
  await page.setViewportSize({ width: SCREENS[screen], height: 700 });
  await page.goto(url);
  const about = await page.evaluate(() => ({
    width: document.documentElement.scrollWidth,
    scripts: document.scripts.length,
    text: document.body.innerText.trim().length,
    title: document.title,
    dead: [...document.links].filter((link) => !link.href.startsWith('https://app.example.com')).length,
  }));
  if (about.width > SCREENS[screen]) note(`is ${about.width} pixels wide`);
  if (about.scripts || about.dead || about.text < 80 || !about.title) note(JSON.stringify(about));
  const path = `${folder}/mail-${file.replace(/\.html$/, '')}-${screen}.png`;
  await page.screenshot({ path, fullPage: true });
  pictures.push(path);
  page.removeListener('request', onRequest).removeListener('console', onConsole);
}

/** Whether a fault would be seen at all: a page that is too wide and loads a picture must be noted. */
async function control(page) {
  const before = faults.length;
  const seen = [];
  page.on('request', (request) => seen.push(request.url()));
  await page.setContent('<p style="width:2000px">wide</p><img src="http://127.0.0.1:9/pixel.png">');
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  faults.splice(before);
  if (width <= SCREENS.narrow || !seen.some((url) => url.endsWith('pixel.png'))) {
    faults.push(`faults are not seen: ${JSON.stringify({ width, seen })}`);
  }
}

mkdirSync(folder, { recursive: true });
const browser = await launch();
try {
  const page = await browser.newPage();
  for (const file of readdirSync(previews).filter((name) => name.endsWith('.html') && name !== 'index.html')) {
    for (const screen of Object.keys(SCREENS)) await look(page, file, screen);
  }
  await control(page);
} catch (error) {
  faults.push(String(error));
} finally {
  await browser.close();
}
console.log(JSON.stringify({ faults, pictures }));
