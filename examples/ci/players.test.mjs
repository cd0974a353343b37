// Three players play a live stream in a headless browser. To run this file:
//   npm install playwright-core ./barstone/packages/node
//   node --test examples/ci/
// CHROMIUM is the path of the browser, BARSTONE_BIN that of barstone.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import * as barstone from 'barstone';
import { chromium } from 'playwright-core';

import { open, picture } from './player.mjs';

const b = await barstone.start({ streams: [{ name: 'test', video: [{ id: 'v', width: 320, height: 180, bitrate: 400_000 }] }] });
after(() => b.stop());
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
after(() => browser.close());

for (const [player, format] of [['hls.js', 'hls'], ['dash.js', 'dash'], ['shaka-player', 'dash']]) {
  test(`${player} plays ${format} live`, async () => {
    const page = await open(browser, b, player, b.url('test', format));
    const first = await picture(page);
    assert.ok(first.latencyMs > 0 && first.latencyMs < 30_000, `a latency of ${first.latencyMs} ms`);
    await picture(page, first.pictureMs + 1000);
    await page.close();
  });
}

test('hls.js plays the same minute of the past', async () => {
  const [from, until] = ['2026-01-01T00:00:00Z', '2026-01-01T00:01:00Z'];
  const page = await open(browser, b, 'hls.js', b.url('test', 'hls', { from, until }));
  const { pictureMs } = await picture(page);
  assert.ok(pictureMs >= Date.parse(from) - 2000 && pictureMs < Date.parse(until), new Date(pictureMs).toISOString());
  await page.close();
});
