// Opens each page of the documentation site in a headless Chromium, on a narrow screen, and some on a wide one, as
// files without a server. A fault is: a page that loads anything from elsewhere, an error in the console, a page that is
// wider than its screen, a diagram that is not drawn, a search without a result, a page that shows no text without
// scripts.
//
//   node site.mjs SITE_FOLDER SCREENSHOTS_FOLDER     with CHROMIUM, a browser, or none for the bundled one
//
// The last line of stdout is JSON: {"faults": [...], "pages": 0, "diagrams": 0}.

import { mkdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { launch } from './browser.mjs';

const [site, folder] = process.argv.slice(2);
const root = `file://${resolve(site)}/`;
const SCREENS = { narrow: 320, wide: 1280 };
const PICTURES = ['index', 'docs/index', 'docs/code-tour', 'docs/settings', 'docs/topology'];
const faults = [];
let diagrams = 0;

/** The pages that the table of contents names. */
function pages() {
  const contents = readFileSync(`${site}/toc.html`, 'utf8');
  return [...new Set([...contents.matchAll(/href="([^"#]+)\.html"/g)].map(([, page]) => page))];
}

function watched(page, screen) {
  const note = (what) => faults.push(`${screen}: ${page.url()}: ${what}`);
  page.on('console', (line) => ['error', 'warning'].includes(line.type()) && note(`console: ${line.text()}`));
  page.on('pageerror', (error) => note(error));
  page.on('request', (request) => {
    if (!request.url().startsWith(root) && !request.url().startsWith('data:')) note(`loads ${request.url()}`);
  });
  page.on('requestfailed', (request) => note(`cannot load ${request.url()}`));
  return note;
}

async function look(page, note, screen, name) {
  await page.goto(`${root}${name}.html`);
  const expected = await page.locator('pre.mermaid').count();
  if (expected) {
    // A diagram with a fault is drawn as one, with its message.
    await page.locator('pre.mermaid[data-processed] svg').nth(expected - 1).waitFor();
    if (await page.locator('pre.mermaid svg[aria-roledescription=error]').count()) note('a diagram has a fault');
    diagrams += expected;
  }
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  if (width > SCREENS[screen]) note(`is ${width} pixels wide`);
  if (!(await page.locator('main h1').count())) note('has no heading');
  if (PICTURES.includes(name)) {
    await page.screenshot({ path: `${folder}/site-${name.replaceAll('/', '-')}-${screen}.png` });
  }
}

async function search(page, note) {
  await page.goto(`${root}index.html`);
  await page.locator('#mdbook-search-toggle').click();
  // The index is loaded after the click; letters before that find nothing.
  await page.waitForFunction(() => window.search !== undefined && document.querySelector('#mdbook-searchbar:not([disabled])'));
  await page.locator('#mdbook-searchbar').pressSequentially('idempotency', { delay: 50 });
  await page.locator('#mdbook-searchresults a').first().waitFor();
  await page.screenshot({ path: `${folder}/site-search.png` });
  if (!(await page.locator('#mdbook-searchresults a[href*="errors.html"]').count())) note('the search does not find errors.md');
}

async function withoutScripts(browser) {
  const context = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 1280, height: 1000 } });
  const page = await context.newPage();
  const note = watched(page, 'without scripts');
  await page.goto(`${root}index.html`);
  if (!(await page.locator('main h1').isVisible())) note('shows no heading');
  if (!(await page.locator('pre.mermaid').first().innerText()).includes('flowchart')) note('shows no text of a diagram');
  const contents = page.frameLocator('iframe.sidebar-iframe-outer');
  if ((await contents.locator('a').count()) < 30) note('has no table of contents');
  await page.screenshot({ path: `${folder}/site-without-scripts.png` });
  await context.close();
}

mkdirSync(folder, { recursive: true });
const names = pages();
const browser = await launch();
try {
  for (const [screen, width] of Object.entries(SCREENS)) {
    const page = await browser.newPage({ viewport: { width, height: 1000 } });
    page.setDefaultTimeout(30_000);
    const note = watched(page, screen);
    // What fits a narrow screen fits a wide one.
    for (const name of screen === 'narrow' ? names : PICTURES) await look(page, note, screen, name);
    if (screen === 'wide') await search(page, note);
    await page.close();
  }
  await withoutScripts(browser);
} catch (error) {
  faults.push(String(error));
} finally {
  await browser.close();
}
console.log(JSON.stringify({ faults, pages: names.length, diagrams }));
