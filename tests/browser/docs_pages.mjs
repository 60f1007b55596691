// Opens the documentation pages in a headless Chromium, signs in and tries a call out, as a reader
// would. What goes wrong in the browser is a fault: an error in the console, a page that its
// Content-Security-Policy stops, a request to anywhere else.
//
//   node docs_pages.mjs API_URL SCREENSHOTS_FOLDER     with CHROMIUM, a browser, or none for the bundled one
//
// The last line of stdout is JSON: {"faults": [...]}.

import { mkdirSync } from 'node:fs';
import { launch } from './browser.mjs';

const [api, folder] = process.argv.slice(2);
const PASSWORD = 'correct horse battery';
const faults = [];
const shot = (page, name) => page.screenshot({ path: `${folder}/${name}.png` });

async function open(browser, path) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
  page.setDefaultTimeout(30_000);
  page.on('console', (line) => {
    if (['error', 'warning'].includes(line.type())) faults.push(`${path}: console: ${line.text()}`);
  });
  page.on('pageerror', (error) => faults.push(`${path}: ${error}`));
  page.on('request', (request) => {
    const url = new URL(request.url());
    const here = url.origin === new URL(api).origin || ['data:', 'blob:'].includes(url.protocol);
    if (!here) faults.push(`${path}: asks ${url.origin}`);
  });
  page.on('response', (response) => {
    if (response.status() >= 400) faults.push(`${path}: ${response.status()} ${response.url()}`);
  });
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (violation) =>
      console.error(`policy: ${violation.violatedDirective} stops ${violation.blockedURI}`));
  });
  await page.goto(api + path);
  return page;
}

/** Presses "Try it out" and "Execute"; returns the answer that Swagger UI shows. */
async function tryOut(page, operation, body) {
  const block = page.locator(`[id$="-${operation}"].opblock`);
  await block.locator('.opblock-summary').first().click();
  await block.getByRole('button', { name: 'Try it out' }).click();
  if (body) await block.locator('textarea.body-param__text').fill(JSON.stringify(body));
  await block.getByRole('button', { name: 'Execute' }).click();
  const answer = block.locator('.live-responses-table tbody .response').first();
  await answer.waitFor();
  const status = (await answer.locator('.response-col_status').innerText()).trim();
  const text = await answer.locator('.response-col_description pre').first().innerText();
  return { status: Number.parseInt(status, 10), body: JSON.parse(text) };
}

async function swaggerUi(browser) {
  const page = await open(browser, '/docs');
  await page.locator('.opblock').first().waitFor();
  await shot(page, 'swagger-ui');
  const credentials = { email: `browser-${Date.now()}@example.com`, password: PASSWORD };
  const expect = (what, answer, holds) => {
    if (answer.status !== 200 || !holds) faults.push(`${what}: ${JSON.stringify(answer)}`);
  };
  const signedUp = await tryOut(page, 'sign_up', credentials);
  expect('sign-up', signedUp, signedUp.body.email === credentials.email);
  const tokens = await tryOut(page, 'sign_in', credentials);
  expect('sign-in', tokens, tokens.body.access);
  await page.getByRole('button', { name: 'Authorize' }).first().click();
  const dialog = page.locator('.dialog-ux');
  // There is a second form, for an API key.
  const bearer = dialog.locator('form').filter({ hasText: 'bearer (http' });
  await bearer.locator('input').fill(tokens.body.access);
  await bearer.getByRole('button', { name: 'Apply credentials' }).click();
  await shot(page, 'swagger-ui-authorize');
  await dialog.locator('.close-modal').click();
  const me = await tryOut(page, 'me');
  expect('me, by the bearer token', me, me.body.uuid === signedUp.body.uuid);
  // It is open, and reads nothing but a token.
  const editors = await page.locator('[id$="-me"].opblock .opblock-section-request-body').count();
  if (editors) faults.push(`a GET has ${editors} editors for a body`);
  await page.locator('[id$="-me"].opblock .live-responses-table').scrollIntoViewIfNeeded();
  await shot(page, 'swagger-ui-try-it-out');
  return page;
}

async function redoc(browser) {
  const page = await open(browser, '/redoc');
  await page.getByRole('heading', { name: 'Sign up' }).first().waitFor();
  await shot(page, 'redoc');
}

/** Whether a fault would be seen at all: an inline script must be stopped, and noted. */
async function control(page) {
  const before = faults.length;
  await page.evaluate(() => {
    const script = document.createElement('script');
    script.textContent = 'window.ran = true';
    document.body.append(script);
  });
  await page.waitForTimeout(200);
  const ran = await page.evaluate(() => window.ran === true);
  const noted = faults.splice(before).length > 0;
  if (ran || !noted) faults.push(`an inline script was not stopped, or nobody noted it: ${JSON.stringify({ ran, noted })}`);
}

mkdirSync(folder, { recursive: true });
const browser = await launch();
try {
  const page = await swaggerUi(browser);
  await redoc(browser);
  await control(page);
} catch (error) {
  faults.push(String(error));
} finally {
  await browser.close();
}
console.log(JSON.stringify({ faults }));
