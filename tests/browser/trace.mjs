// Opens the page of a trace in a headless Chromium: on a wide and on a narrow screen, light and dark, and takes a
// picture of each. A page that loads anything, runs a script, or is wider than its screen is a fault.
//
//   node trace.mjs PAGE SCREENSHOTS_FOLDER     with CHROMIUM, a browser, or none for the bundled one
//
// The last line of stdout is JSON: {"faults": [...], "pictures": [...], "rows": [[start, took], ...]}.

import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { launch } from './browser.mjs';

const [file, folder] = process.argv.slice(2);
const SCREENS = { wide: 1100, narrow: 320 };
const faults = [];
const pictures = [];
let rows = [];

/** The contrast of two colours, as WCAG 2 counts it. */
function contrast(page) {
  return page.evaluate(() => {
    const light = (color) => {
      const [r, g, b] = color.match(/[\d.]+/g).map((part) => {
        const value = Number(part) / 255;
        return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const paper = light(getComputedStyle(document.body).backgroundColor);
    const of = (color) => {
      const [high, low] = [light(color), paper].sort((a, b) => b - a);
      return (high + 0.05) / (low + 0.05);
    };
    const texts = [...document.querySelectorAll('h1, p, caption, th, td, .about, .failed')];
    return Math.min(...texts.map((text) => of(getComputedStyle(text).color)));
  });
}

async function look(page, screen, scheme) {
  const note = (what) => faults.push(`${screen}, ${scheme}: ${what}`);
  const url = `file://${resolve(file)}`;
  const onRequest = (request) => request.url() === url || note(`loads ${request.url()}`);
  const onConsole = (line) => note(`console: ${line.text()}`);
  page.on('request', onRequest).on('console', onConsole).on('dialog', (dialog) => note(dialog.message()));
  await page.emulateMedia({ colorScheme: scheme });
  await page.setViewportSize({ width: SCREENS[screen], height: 800 });
  await page.goto(url);
  const about = await page.evaluate(() => {
    const box = (element) => element.getBoundingClientRect();
    const bars = [...document.querySelectorAll('.bar')];
    return {
      width: document.documentElement.scrollWidth,
      scripts: document.scripts.length,
      title: document.title,
      outside: bars.filter((bar) => box(bar).right > box(bar.parentElement).right + 1).length,
      headings: document.querySelectorAll('tbody th[scope=row]').length,
      rows: [...document.querySelectorAll('tbody tr')].map((row) =>
        [...row.querySelectorAll('td.time')].map((cell) => Number(cell.textContent))),
    };
  });
  rows = about.rows;
  if (about.width > SCREENS[screen]) note(`is ${about.width} pixels wide`);
  if (about.scripts || about.outside || !about.title || about.headings !== rows.length) note(JSON.stringify(about));
  const least = await contrast(page);
  if (!(least >= 4.5)) note(`a text has a contrast of ${least}`);
  const path = `${folder}/trace-${screen}-${scheme}.png`;
  await page.screenshot({ path, fullPage: true });
  pictures.push(path);
  page.removeListener('request', onRequest).removeListener('console', onConsole);
}

mkdirSync(folder, { recursive: true });
const browser = await launch();
try {
  const page = await browser.newPage();
  for (const screen of Object.keys(SCREENS)) {
    for (const scheme of ['light', 'dark']) await look(page, screen, scheme);
  }
} catch (error) {
  faults.push(String(error));
} finally {
  await browser.close();
}
console.log(JSON.stringify({ faults, pictures, rows }));
