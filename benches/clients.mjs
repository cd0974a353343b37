// @ts-check
// What do many clients and the checker of this program meet, and what do they cost? Beside wrk on the same URL.

import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

process.env.BARSTONE_BIN ??= fileURLToPath(new URL('../target/dist/barstone', import.meta.url));
const { BINARY, Server } = await import('../tests/players/server.mjs');
const { cpuSeconds } = await import('./support/processor.mjs');
const { run } = await import('./support/program.mjs');
const { Table } = await import('./support/table.mjs');

/** Clients of each of LL-HLS and LL-DASH. */
const CLIENTS = 500;
const SECONDS = 60;
const WRK_SECONDS = 10;
/** Clients whose answers faults hold, and the time until they all play. */
const HELD = 1000;
const HELD_AFTER_SECONDS = 10;
/** Clients without faults beside them. */
const LIVE = 20;
const LIVE_SECONDS = 20;
/** Errors and stalls are figures, and do not end a load. */
const ANY = '1000000000';
const CHECKED_SECONDS = 30;
/** Target for the checker of a ladder. */
const MOST_CORES = 0.1;
const LADDER = new URL('../examples/ladder.json', import.meta.url);

/** @param {number} seconds of processor time @param {number} requests */
const each = (seconds, requests) => `${((seconds / requests) * 1e6).toFixed(0)} µs`;

/** @param {InstanceType<typeof Server>} server */
async function load(server) {
  const table = new Table(`What do ${CLIENTS} clients of LL-HLS and ${CLIENTS} of LL-DASH meet in ${SECONDS} s on loopback?`);
  const url = (/** @type {string} */ file) => `${server.url}/live/test/${file}`;
  const before = cpuSeconds(server.pid);
  const { out, cpu } = await run(
    BINARY, 'load', url('llhls.m3u8'), '--mix', url('lldash.mpd'), '--json',
    '--clients', String(2 * CLIENTS), '--duration', `${SECONDS}s`, '--ramp', '10s', '--max-errors', ANY, '--max-stalls', ANY,
  );
  const served = cpuSeconds(server.pid) - before;
  const { total } = JSON.parse(out);
  table.figure('errors of all clients', String(total.errors), ['none', total.errors === 0]);
  table.figure('stalls of all clients', String(total.stalls));
  table.figure('requests a second', (total.requests / SECONDS).toFixed(0));
  for (const [name, of] of [['live latency', total.latency_ms], ['media after its end', total.late_ms]]) {
    table.figure(`${name}, median; 99 %`, `${of.p50}; ${of.p99} ms`);
  }
  table.figure('cores of barstone load; of the server', `${(cpu / SECONDS).toFixed(2)}; ${(served / SECONDS).toFixed(2)}`);
  table.figure('processor time of barstone load for a request', each(cpu, total.requests));

  const playlist = url('v720/hls.m3u8');
  const wrk = await run('wrk', '-t2', `-c${2 * CLIENTS}`, `-d${WRK_SECONDS}s`, playlist);
  const requests = Number(/(\d+) requests in/.exec(wrk.out)?.[1]);
  table.figure('wrk: requests a second for a playlist', (requests / WRK_SECONDS).toFixed(0));
  table.figure('wrk: processor time for a request', each(wrk.cpu, requests));
}

/** @param {InstanceType<typeof Server>} server */
async function held(server) {
  const table = new Table(`Are live clients on time while faults hold the answers of ${HELD} other clients?`);
  const load = (/** @type {string[]} */ ...more) => run(BINARY, 'load', '--json', '--max-errors', ANY, '--max-stalls', ANY, ...more);
  const [hang, rate] = ['hang=5s', 'rate=100000'].map((fault) => `${server.url}/with/${fault}:on=segments/live/test/hls.m3u8`);
  const others = load(
    hang, '--mix', rate, '--clients', String(HELD), '--ramp', `${HELD_AFTER_SECONDS}s`,
    '--duration', `${2 * HELD_AFTER_SECONDS + LIVE_SECONDS}s`,
  );
  await pause(HELD_AFTER_SECONDS * 1000);
  const live = await load(`${server.url}/live/test/llhls.m3u8`, '--clients', String(LIVE), '--duration', `${LIVE_SECONDS}s`);
  const [{ total }, { total: slow }] = [live, await others].map(({ out }) => JSON.parse(out));
  table.figure(`${HELD} clients with hang and rate: stalls, errors`, `${slow.stalls}, ${slow.errors}`);
  table.figure(`${LIVE} live clients: errors`, String(total.errors), ['none', total.errors === 0]);
  table.figure(`${LIVE} live clients: stalls`, String(total.stalls), ['none', total.stalls === 0]);
  table.figure(`${LIVE} live clients: media after its end, median; 99 %`, `${total.late_ms.p50}; ${total.late_ms.p99} ms`);
}

/** @param {InstanceType<typeof Server>} server */
async function check(server) {
  const table = new Table('What does barstone check cost while it watches a ladder in LL-HLS?');
  const ladder = JSON.parse(readFileSync(LADDER, 'utf8'));
  const { status } = await server.api('POST', '', { ...ladder, name: 'checked' });
  if (status !== 201) throw new Error(`the ladder is answered ${status}`);
  const url = `${server.url}/live/checked/llhls.m3u8`;
  while (!(await fetch(url)).ok) await pause(100);
  const { out, cpu } = await run(BINARY, 'check', url, '--json', '--duration', `${CHECKED_SECONDS}s`);
  const { requests, seconds, findings } = JSON.parse(out);
  table.figure('cores of barstone check', (cpu / seconds).toFixed(3), [`under ${MOST_CORES}`, cpu / seconds < MOST_CORES]);
  table.figure('requests a second', (requests / seconds).toFixed(1));
  table.figure('findings of barstone check', String(findings.length));
}

const server = await Server.start('--max-connections-per-address', '10000');
try {
  await load(server);
  await held(server);
  await check(server);
} finally {
  await server.stop();
}
