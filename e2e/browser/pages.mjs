// What every walk through pages does: it opens them in a real Chromium that reaches nobody else, looks at each with axe-core,
// takes its picture, and reports what a page should not do.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
export const given = JSON.parse(process.argv[2]);
const { out, chromium: executablePath } = given;
mkdirSync(out, { recursive: true });

export const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
export const DESK = { viewport: { width: 1200, height: 900 } };
/** The rules that WCAG 2.2 asks for; pages of ours also keep to what else is good practice, a mail has no landmarks. */
export const WCAG = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
const TAGS = [...WCAG, 'best-practice'];
export const said = [];
const seen = [];

const browser = await chromium.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'],
});

/** A page that reports whatever it should not do: errors, dialogs, requests to anybody else. */
export const opened = async (options, address) => {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const home = new URL(address).host;
  page.on('pageerror', error => said.push(`script error: ${error.message}`));
  page.on('console', message => {
    // The browser reports an answer of 422 by itself, and htmx a stream that ends because the page was left.
    const expected = /status of 422|^\[object Event\]$/.test(message.text());
    if (message.type() === 'error' && !expected) said.push(`console: ${message.text()} at ${page.url().replace(/\/i\/[^/]*/, '/i/…')}`);
  });
  page.on('dialog', dialog => { said.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on('request', request => {
    if (/^https?:/.test(request.url()) && new URL(request.url()).host !== home) said.push(`asked elsewhere: ${request.url()}`);
  });
  return { context, page };
};

/** What axe-core finds; scripts of the page or not. */
export const looked = async (page, name, tags = TAGS) => {
  await page.screenshot({ path: `${out}/${name}.png`, fullPage: true });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(wide, 0, `${name} is ${wide}px wider than the screen`);
  // By hand: the policy of the page lets no other script in, a debugger's is not the page's.
  const found = await page.evaluate(`(() => { ${AXE}; return axe.run({ iframes: false, runOnly: ${JSON.stringify(tags)} }); })()`);
  const violations = found.violations.map(it => ({ page: name, rule: it.id, what: it.help, where: it.nodes.map(node => node.target.join(' ')) }));
  seen.push({ page: name, rules: found.passes.length, violations });
};

export const tabTo = async (page, wanted, most = 60) => {
  for (let n = 0; n < most; n++) {
    await page.keyboard.press('Tab');
    if (await page.evaluate(wanted)) return n + 1;
  }
  throw new Error(`${wanted} can't be reached with Tab`);
};

/** Says what was found, and ends. */
export const ended = async () => {
  await browser.close();
  const violations = seen.flatMap(it => it.violations);
  console.log(JSON.stringify({ pages: seen.length, violations, said }, null, 1));
  process.exit(violations.length || said.length ? 1 : 0);
};
