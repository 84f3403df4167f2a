// A partner's way from the invitation's mail to the results, as a telephone, by keyboard alone, without scripts, in
// Arabic; and what axe-core finds on every page of it.
//
// usage: node walk.mjs '{"mails": {"KEY": "FILE.html"}, "out": "DIR", "chromium": "/usr/bin/chromium"}'
// Prints one JSON document. Whatever is wrong is an error: exit code 1.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { DESK, PHONE, ended, given, looked, opened, said, tabTo } from './pages.mjs';

const { mails, out } = given;

/** The button of an invitation's mail. */
const linkOf = key => {
  const html = readFileSync(mails[key], 'utf8');
  const link = html.match(/class="button-link" href="([^"]+\/i\/[^"]+)"/);
  assert.ok(link, `the mail of ${key} has its button`);
  return link[1];
};

// 1. As a telephone: from the mail to launched is exactly one click, when the profile is complete.
{
  const { context, page } = await opened(PHONE, linkOf('phone'));
  const response = await page.goto(linkOf('phone'));
  assert.equal(response.status(), 200);
  for (const frame of await page.locator('iframe').all()) await frame.scrollIntoViewIfNeeded();
  await page.waitForLoadState('networkidle');
  for (const frame of page.frames().slice(1)) {
    const wide = await frame.evaluate(() => document.documentElement.scrollWidth - innerWidth).catch(() => 0);
    assert.ok(wide <= 0, `a mail is ${wide}px wider than its frame`);
  }
  await looked(page, 'phone-1-launch');
  await page.getByText('As plain text').first().click();
  assert.ok(await page.locator('.views pre').first().isVisible());
  await page.getByText('On a computer').first().click();
  await looked(page, 'phone-2-views');
  await page.locator('button.main').first().click();
  await page.waitForSelector('#progress');
  await looked(page, 'phone-3-launched');
  // It goes on by itself: nobody reloads.
  await page.locator('progress:not([value="0"])').waitFor({ timeout: 60_000 });
  await looked(page, 'phone-4-progress');
  await page.goBack();
  await page.goto(linkOf('phone'));
  assert.equal(await page.locator('button[value=launch]').count(), 0, 'a used link launches nothing more');
  await context.close();
}

// 2. By keyboard alone, on a desk, with what the profile lacks: it is asked for right there.
{
  const { context, page } = await opened({ ...DESK, colorScheme: 'dark' }, linkOf('keyboard'));
  await page.goto(linkOf('keyboard'));
  await looked(page, 'keyboard-1-launch');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
  await tabTo(page, "document.activeElement.value === 'launch'");
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.notEqual(outline, 'none', 'who uses the keyboard sees where it is');
  await tabTo(page, "document.activeElement.name === 'profile.postal_address'");
  await page.keyboard.type('1 Keyboard Road\nLondon');
  await tabTo(page, "document.activeElement.name === 'profile.web_site'");
  await page.keyboard.type('www.keyboard.example');
  await tabTo(page, "document.activeElement.name === 'profile.from_email'");
  await page.keyboard.type('hello@elsewhere.example');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.errors');
  await looked(page, 'keyboard-2-errors');
  assert.equal(await page.inputValue('[name="profile.postal_address"]'), '1 Keyboard Road\nLondon', 'nothing is lost');
  await tabTo(page, "document.activeElement.matches('.errors a')");
  await page.keyboard.press('Enter');
  await tabTo(page, "document.activeElement.name === 'profile.from_email'");
  await page.keyboard.press('Control+A');
  await page.keyboard.type('hello@keyboard.example');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#progress');
  await looked(page, 'keyboard-3-launched');
  await context.close();
}

// 3. Without scripts.
{
  const { context, page } = await opened({ ...DESK, javaScriptEnabled: false }, linkOf('plain'));
  await page.goto(linkOf('plain'));
  assert.ok(await page.locator('iframe').first().isVisible());
  await page.getByRole('button', { name: /^Launch/ }).first().click();
  assert.equal(await page.locator('progress').count(), 1);
  await page.screenshot({ path: `${out}/plain-1-launched.png`, fullPage: true });
  await page.getByRole('button', { name: 'Pause' }).click();
  assert.match(await page.locator('main').innerText(), /paused/);
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.getByRole('link', { name: 'Show the latest figures' }).click();
  assert.equal(await page.locator('progress').count(), 1);
  await context.close();
}

// 4. In Arabic, from right to left, as a telephone.
{
  const { context, page } = await opened({ ...PHONE, colorScheme: 'dark' }, linkOf('arabic'));
  await page.goto(linkOf('arabic'));
  const html = page.locator('html');
  assert.deepEqual([await html.getAttribute('lang'), await html.getAttribute('dir')], ['ar', 'rtl']);
  await looked(page, 'arabic-1-launch');
  await page.locator('button.main').first().click();
  await page.waitForSelector('#progress');
  await looked(page, 'arabic-2-launched');
  await context.close();
}

// 5. With a picture of the partner's own, in German: one that does not fit is refused in words, one that fits is in the preview.
{
  const { context, page } = await opened(PHONE, linkOf('picture'));
  /** A picture of one colour, made by the browser. */
  const picture = async (wide, high) => {
    const data = await page.evaluate(([wide, high]) => {
      const canvas = Object.assign(document.createElement('canvas'), { width: wide, height: high });
      const pen = canvas.getContext('2d');
      pen.fillStyle = '#c2410c';
      pen.fillRect(0, 0, wide, high);
      return canvas.toDataURL('image/png').split(',')[1];
    }, [wide, high]);
    return { name: 'team.png', mimeType: 'image/png', buffer: Buffer.from(data, 'base64') };
  };
  await page.goto(linkOf('picture'));
  await looked(page, 'picture-1-asked');
  const news = page.locator('[name="slot.news"]');
  await news.fill('Wir sind umgezogen.');
  await page.locator('[name="file.banner"]').setInputFiles(await picture(100, 40));
  await page.locator('button.main').first().click();
  await page.waitForSelector('.errors');
  assert.match(await page.locator('.errors').innerText(), /600/, 'it says how wide a picture has to be');
  await looked(page, 'picture-2-too-small');
  assert.equal(await news.inputValue(), 'Wir sind umgezogen.', 'nothing is lost');
  await page.locator('[name="file.banner"]').setInputFiles(await picture(1200, 400));
  await page.locator('button[value=preview]').first().click();
  await page.waitForLoadState('networkidle');
  for (const frame of await page.locator('iframe').all()) await frame.scrollIntoViewIfNeeded();
  await page.waitForLoadState('networkidle');
  const widths = [];
  for (const frame of page.frames().slice(1)) {
    widths.push(...await frame.evaluate(() => [...document.images].map(it => it.naturalWidth)).catch(() => []));
  }
  assert.ok(widths.includes(1200) || widths.includes(1040), `the picture is in a preview: ${widths}`);
  await looked(page, 'picture-3-preview');
  await page.locator('button.main').first().click();
  await page.waitForSelector('#progress');
  await looked(page, 'picture-4-launched');
  await context.close();
}

// 6. A link that leads nowhere, and the page to unsubscribe.
{
  const home = new URL(linkOf('phone')).origin;
  const { context, page } = await opened(PHONE, home);
  const before = said.length;
  await page.goto(`${home}/i/nothing`);
  await looked(page, 'not-found');
  // The browser itself reports a 404.
  said.splice(before, said.length - before, ...said.slice(before).filter(it => !it.includes('404')));
  const html = readFileSync(mails.phone, 'utf8');
  await page.goto(html.match(/href="([^"]+\/u\/[^"]+)"/)[1]);
  await looked(page, 'unsubscribe-1-ask');
  await page.locator('button').click();
  await looked(page, 'unsubscribe-2-done');
  await context.close();
}

await ended();
