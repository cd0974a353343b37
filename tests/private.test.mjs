// @ts-check
// A private stream plays with a viewer token in common players, and on the page for users with access.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { until } from './players/deadline.mjs';
import { Play } from './players/play.mjs';
import { SMALL_VIDEO } from './players/server.mjs';
import { open } from './players/fixture.mjs';
import { everyPictureIsRead, figures } from './players/verdict.mjs';

const { server, browser } = await open();

let prefix = '';

before(async () => {
  assert.equal((await server.api('PUT', '/test', { access: 'private', video: SMALL_VIDEO })).status, 200);
  prefix = `/t/${(await server.api('POST', '/test/tokens', {})).answer.token}`;
});

/** @type {[path: string, player: string][]} */
const PLAYS = [
  ['/live/test/llhls.m3u8', 'hls.js'],
  ['/live/test/lldash.mpd', 'shaka-player'],
  ['/live/test/lldash.mpd', 'dash.js'],
];

describe('a viewer token', { concurrency: PLAYS.length }, () => PLAYS.forEach(([path, player]) => {
  test(`${path} plays with a viewer token in ${player} for 10 s`, { timeout: 90_000 }, async (t) => {
    const play = await Play.open(browser, player, server.url + prefix + path);
    try {
      const report = await play.played(10);
      t.diagnostic(figures(report));
      everyPictureIsRead(report);
      assert.deepEqual(play.refused, []);
      const media = play.requests.filter((url) => url.includes('/live/'));
      assert.deepEqual(media.filter((url) => !url.startsWith(server.url + prefix)), [], 'without the token');
    } finally {
      await play.close();
    }
  });
}));

test('the page plays a private stream and marks it', { timeout: 90_000 }, async () => {
  const page = await (await browser.newContext()).newPage();
  try {
    await page.goto(`${server.url}/#token=${server.token}`);
    const card = page.locator('stream-card');
    await card.getByRole('button', { name: 'Play' }).click();
    await until('the page plays', 40, () => page.evaluate(() => (document.querySelector('video')?.currentTime ?? 0) > 2));
    assert.match((await card.locator('.card-summary').textContent()) ?? '', /private/);
    await card.getByRole('button', { name: 'More about' }).click();
    const link = await card.getByRole('link', { name: 'LL-HLS', exact: true }).getAttribute('href');
    assert.match(link ?? '', /\/t\/v1\.\d+\.test\.[\w-]{43}\/live\/test\/llhls\.m3u8$/);
  } finally {
    await page.context().close();
  }
});
