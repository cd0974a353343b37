// @ts-check
// How far behind UTC is the picture in low-latency players? Read from the strip in the picture, over a minute.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

process.env.BARSTONE_BIN ??= fileURLToPath(new URL('../target/dist/barstone', import.meta.url));
const { launch } = await import('../tests/players/browser.mjs');
const { Play } = await import('../tests/players/play.mjs');
const { Server } = await import('../tests/players/server.mjs');
const { latencyMs } = await import('../tests/players/verdict.mjs');
const { quantile, watch } = await import('../tests/players/whep.mjs');
const { Table } = await import('./support/table.mjs');

const SECONDS = 60;

/** @type {[path: string, player: string, mostMs: { test: number, quick: number }][]} */
const PLAYS = [
  ['llhls.m3u8', 'hls.js', { test: 1200, quick: 1000 }],
  ['llhls.m3u8', 'shaka-player', { test: 1200, quick: 1000 }],
  ['lldash.mpd', 'shaka-player', { test: 1200, quick: 1000 }],
  ['lldash.mpd', 'dash.js', { test: 1200, quick: 1000 }],
];

/** Share of the pictures, what it is called, and the most that they may be late. @type {[share: number, name: string, mostMs: number][]} */
const WEBRTC = [[0.5, 'median', 150], [0.95, '95 %', 200]];

/** Joins, which are at another moment of the group of pictures each: a segment lasts 1.92 s. */
const [JOINS, SECONDS_OF_A_JOIN, MOST_JOIN_MS] = [20, 2.3, 500];

/** How early or late the sound may be against the picture. */
const MOST_SOUND_MS = 40;
/** A stream with three renditions. */
const LADDER = new URL('../examples/ladder.json', import.meta.url);

const table = new Table('How far behind the clock is the picture in players with low latency?');
const server = await Server.start();

/**
 * Figures of a viewer over WebRTC with sound.
 * @param {import('playwright-core').Page} page @param {string} url @param {string} what
 */
async function webrtc(page, url, what) {
  const { shown, freezes, firstPictureMs, soundLateMs } = await watch(page, { url, seconds: SECONDS, listens: true });
  for (const [share, name, mostMs] of WEBRTC) {
    const ms = quantile(shown.map((picture) => picture.latencyMs), share);
    table.figure(
      `${what}, ${name} of ${SECONDS} s`,
      `${(ms / 1000).toFixed(2)} s`,
      [`at most ${mostMs / 1000} s`, ms <= mostMs],
      ` (start ${Math.round(firstPictureMs)} ms)`,
    );
  }
  table.figure(`${what}, freezes in ${SECONDS} s`, `${freezes}`, ['none', freezes === 0]);
  const offMs = soundLateMs ?? NaN;
  table.figure(
    `${what}, sound after the picture, median of the last beeps`,
    `${Math.round(offMs)} ms`,
    [`at most ${MOST_SOUND_MS} ms early or late`, Math.abs(offMs) <= MOST_SOUND_MS],
  );
}

const browser = await launch();
try {
  // The other stream exists from the start, with the default chunks.
  await server.api('POST', '', { name: 'quick', chunk_frames: 4 });
  for (const [stream, chunk] of /** @type {const} */ ([['test', '0.24 s'], ['quick', '0.16 s']])) {
    for (const [path, player, mostMs] of PLAYS) {
      const play = await Play.open(browser, player, `${server.url}/live/${stream}/${path}`);
      try {
        const report = await play.played(SECONDS);
        const ms = latencyMs(report);
        const most = mostMs[stream];
        table.figure(
          `chunks of ${chunk}, ${path} in ${player}, median of ${SECONDS} s`,
          `${(ms / 1000).toFixed(2)} s`,
          [`at most ${most / 1000} s`, ms <= most],
          ` (start ${Math.round(report.startupMs ?? NaN)} ms, stalls ${JSON.stringify(report.stallsMs)})`,
        );
      } finally {
        await play.close();
      }
    }
  }
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${server.url}/livez`);
  const url = `${server.url}/live/test/whep`;
  const ladder = JSON.parse(readFileSync(LADDER, 'utf8'));
  await webrtc(page, url, 'WebRTC');
  const joins = [];
  for (let join = 0; join < JOINS; join += 1) joins.push((await watch(page, { url, seconds: SECONDS_OF_A_JOIN })).firstPictureMs);
  const joinMs = quantile(joins, 0.95);
  table.figure(
    `WebRTC, from the request to the first picture, 95 % of ${JOINS} joins`,
    `${Math.round(joinMs)} ms`,
    [`at most ${MOST_JOIN_MS} ms`, joinMs <= MOST_JOIN_MS],
  );
  await server.api('POST', '', ladder);
  for (const { id, height } of ladder.video) {
    await webrtc(page, `${server.url}/live/${ladder.name}/whep?video=${id}`, `WebRTC, rendition of ${height} lines of a ladder`);
  }
} finally {
  await browser.close();
  await server.stop();
}
