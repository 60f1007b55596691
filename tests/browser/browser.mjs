// Starts a headless Chromium: the one that CHROMIUM names, or the one that comes with the packages.

import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

async function program() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  // Where it believes to be on Lambda it brings the libraries that a machine without a desktop lacks.
  process.env.AWS_EXECUTION_ENV ??= 'AWS_Lambda_nodejs24.x';
  const { default: bundled } = await import('@sparticuz/chromium');
  bundled.setGraphicsMode = false;
  const path = await bundled.executablePath();
  // Its own list of places for fonts names /tmp, whatever TMPDIR says.
  writeFileSync(
    join(tmpdir(), 'fonts', 'fonts.conf'),
    `<fontconfig><dir>${join(tmpdir(), 'fonts')}</dir><cachedir>${join(tmpdir(), 'fonts', 'cache')}</cachedir></fontconfig>`,
  );
  return path;
}

export async function launch() {
  // Its own sandbox needs rights that a container rarely gives; it opens nothing but our pages.
  return chromium.launch({ executablePath: await program(), args: ['--no-sandbox'], headless: true });
}
