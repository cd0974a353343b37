// @ts-check
// How far behind UTC is the picture in low-latency players? Read from the strip in the picture, over a minute.

import { fileURLToPath } from 'node:url';

process.env.BARSTONE_BIN ??= fileURLToPath(new URL('../target/dist/barstone', import.meta.url));
const { launch } = await import('../tests/players/browser.mjs');
const { Play } = await import('../tests/players/play.mjs');
const { Server } = await import('../tests/players/server.mjs');
const { latencyMs } = await import('../tests/players/verdict.mjs');

const SECONDS = 60;

/** @type {[path: string, player: string, mostMs: { test: number, quick: number }][]} */
const PLAYS = [
  ['llhls.m3u8', 'hls.js', { test: 1200, quick: 1000 }],
  ['llhls.m3u8', 'shaka-player', { test: 1200, quick: 1000 }],
  ['lldash.mpd', 'shaka-player', { test: 1200, quick: 1000 }],
  ['lldash.mpd', 'dash.js', { test: 1200, quick: 1000 }],
];

console.log('\nHow far behind the clock is the picture in players with low latency?');
const server = await Server.start();
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
        const verdict = ms <= mostMs[stream] ? 'met' : 'missed';
        console.log(
          `  ${`chunks of ${chunk}, ${path} in ${player}, median of ${SECONDS} s`.padEnd(58)}`
          + `${(ms / 1000).toFixed(2).padStart(16)} s  target at most ${mostMs[stream] / 1000} s: ${verdict}`
          + ` (start ${Math.round(report.startupMs ?? NaN)} ms, stalls ${JSON.stringify(report.stallsMs)})`,
        );
      } finally {
        await play.close();
      }
    }
  }
} finally {
  await browser.close();
  await server.stop();
}
