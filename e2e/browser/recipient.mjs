// A recipient's way from a mail to the page that shows it, and to choosing less mail: as a telephone, by keyboard, without
// scripts, in Arabic; and what axe-core finds on every page of it.
//
// usage: node recipient.mjs '{"mails": {"english": "FILE.html", "arabic": "FILE.html"}, "out": "DIR", "chromium": "/usr/bin/chromium"}'

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { DESK, PHONE, WCAG, ended, given, looked, opened, tabTo } from './pages.mjs';

const linkOf = (key, path) => {
  const link = readFileSync(given.mails[key], 'utf8').match(new RegExp(`href="([^"]+/${path}/[^"]+)"`));
  assert.ok(link, `the mail of ${key} has a link to /${path}/`);
  return link[1];
};

// 1. The message as a page: nothing runs in it, not even what looks at it, so it is looked at a second time without its policy.
{
  const { context, page } = await opened({ ...PHONE, bypassCSP: true }, linkOf('english', 'v'));
  await page.goto(linkOf('english', 'v'));
  await looked(page, 'view-1-message', WCAG);
  const links = await page.locator('a').evaluateAll(all => all.map(a => a.href));
  assert.ok(links.length > 2 && !links.some(href => /\/[upci]\//.test(href)), links.join('\n'));
  const mail = page.locator('a[href$="/mail"]').first();
  await mail.scrollIntoViewIfNeeded();
  const { x, y } = await mail.boundingBox();
  const down = await page.evaluate(() => scrollY);
  await context.close();

  const guarded = await opened(PHONE, linkOf('english', 'v'));
  await guarded.page.goto(linkOf('english', 'v'));
  await guarded.page.mouse.wheel(0, down);
  await guarded.page.waitForTimeout(300);
  await guarded.page.mouse.click(x + 8, y + 8);
  await guarded.page.waitForURL('**/mail');
  assert.equal(await guarded.page.locator('form').count(), 0);
  await looked(guarded.page, 'view-2-use-the-mail');
  await guarded.context.close();
}

// 2. By keyboard alone: a topic less.
{
  const { context, page } = await opened({ ...DESK, colorScheme: 'dark' }, linkOf('english', 'p'));
  await page.goto(linkOf('english', 'p'));
  await looked(page, 'preferences-1-choose');
  await tabTo(page, "document.activeElement.name === 'topic'");
  await page.keyboard.press('Space');
  await tabTo(page, "document.activeElement.type === 'submit'");
  await page.keyboard.press('Enter');
  await page.waitForSelector('[role=status]');
  assert.equal(await page.locator('[name=topic]').isChecked(), false);
  await looked(page, 'preferences-2-kept');
  await context.close();
}

// 3. Without scripts: nothing more of the company, and mail again.
{
  const { context, page } = await opened({ ...PHONE, javaScriptEnabled: false }, linkOf('english', 'p'));
  await page.goto(linkOf('english', 'p'));
  await page.locator('[value=no-company]').check();
  await page.locator('button').click();
  assert.equal(await page.locator('[value=no-company]').isChecked(), true);
  await page.locator('[value=topics]').check();
  await page.locator('[name=topic]').check();
  await page.locator('button').click();
  assert.equal(await page.locator('[name=topic]').isChecked(), true);
  await context.close();
}

// 4. In Arabic, from right to left.
{
  const { context, page } = await opened(PHONE, linkOf('arabic', 'p'));
  await page.goto(linkOf('arabic', 'p'));
  const html = page.locator('html');
  assert.deepEqual([await html.getAttribute('lang'), await html.getAttribute('dir')], ['ar', 'rtl']);
  await looked(page, 'arabic-preferences');
  await context.close();
  const view = await opened({ ...PHONE, bypassCSP: true }, linkOf('arabic', 'v'));
  await view.page.goto(linkOf('arabic', 'v'));
  await looked(view.page, 'arabic-view', WCAG);
  await view.context.close();
}

await ended();
