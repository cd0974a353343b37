// Bugs of players as links: each URL repeats the manifest that a player could not play. A link from a bug report becomes a line
// of this file. players.test.mjs says how to run it.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import * as barstone from 'barstone';
import { chromium } from 'playwright-core';

import { open, picture } from './player.mjs';

const b = await barstone.start({ streams: [{ name: 'test', video: [{ id: 'v', width: 320, height: 180, bitrate: 400_000 }] }] });
after(() => b.stop());
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
after(() => browser.close());

for (const [bug, player, link] of [
  ['did not start without dates in the playlist', 'hls.js', '/with/no-date-time/live/test/llhls.m3u8'],
  ['stalled when timestamps passed 2^32', 'hls.js', '/with/wrap=32:in=3s/live/test/hls.m3u8'],
  ['computed wrong URLs from a SegmentTimeline', 'dash.js', '/with/addressing=time-timeline/live/test/dash.mpd'],
  ['trusted a clock that is 2 s fast', 'shaka-player', '/with/clock-skew=2s/live/test/dash.mpd'],
]) {
  test(`${player} ${bug}: ${link}`, async () => {
    const page = await open(browser, b, player, b.base + link);
    const first = await picture(page);
    const second = await picture(page, first.pictureMs + 4000);
    assert.ok(second.latencyMs < first.latencyMs + 2000, `from ${first.latencyMs} to ${second.latencyMs} ms behind`);
    await page.close();
  });
}
