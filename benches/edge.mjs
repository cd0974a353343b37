// @ts-check
// What do players cost behind the edge, and what reaches the replicas? The shipped nginx before two of them.

import { readFileSync, statSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

process.env.BARSTONE_BIN ??= fileURLToPath(new URL('../target/release/barstone', import.meta.url));
const { startLoggedEdge } = await import('../tests/players/nginx.mjs');
const { Server } = await import('../tests/players/server.mjs');
const { Viewers } = await import('./edge/viewers.mjs');

const SECONDS = Number(process.env.SECONDS ?? 60);
/** Half of them play LL-HLS, half LL-DASH. */
const CLIENTS = [50, 100, 200];
const TICKS_A_SECOND = 100;

/** @param {number} pid @returns {number} seconds of processor so far */
function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
}

/** @param {string} name @param {string} value @param {[target: string, met: boolean]} [judged] */
function line(name, value, judged) {
  const verdict = judged === undefined ? '' : `  target ${judged[0]}: ${judged[1] ? 'met' : 'missed'}`;
  console.log(`  ${name.padEnd(58)}${value.padStart(18)}${verdict}`);
}

/** @param {string} text of the edge's log @param {RegExp} path @returns {{ all: number, kept: number }} requests, and those answered by the cache alone */
function served(text, path) {
  const lines = text.split('\n').filter((line) => path.test(line.split(' ')[2] ?? ''));
  return { all: lines.length, kept: lines.filter((line) => /^\d+ (HIT|STALE|UPDATING|REVALIDATED) /.test(line)).length };
}

const PARTS = /\.\d+\.m4s$/;
const SEGMENTS = /\/\d+\.m4s$/;
const PLAYLISTS = /\.m3u8$/;

console.log('\nWhat do players cost behind the edge, and what reaches the replicas?');
const servers = [];
/** @type {Awaited<ReturnType<typeof startLoggedEdge>> | undefined} */
let edge;
try {
  for (let i = 0; i < 2; i += 1) servers.push(await Server.start('--max-connections-per-address', '10000'));
  edge = await startLoggedEdge(servers.map(({ url }) => url));
  const { url, pid, requests } = edge;
  const { revision } = (await servers[0].api('GET', '/test')).answer;
  const replicas = () => servers.reduce((sum, server) => sum + cpuSeconds(server.pid), 0);
  /** @param {number} clients */
  const watch = async (clients) => {
    const viewers = new Viewers(url, revision);
    const [at, before] = [statSync(requests).size, { edge: cpuSeconds(pid), replicas: replicas() }];
    await viewers.watch(clients / 2, clients / 2, SECONDS);
    const used = { edge: cpuSeconds(pid) - before.edge, replicas: replicas() - before.replicas };
    return { viewers, used, log: readFileSync(requests, 'utf8').slice(at) };
  };

  await pause(5000);
  const [idleAt, idleBefore] = [performance.now(), replicas()];
  await pause(10_000);
  const idle = (replicas() - idleBefore) / ((performance.now() - idleAt) / 1000);
  line('both replicas, without clients', `${idle.toFixed(2)} cores`);
  /** Requests that reach a replica each second, by what they ask for. @type {Record<string, number[]>} */
  const reached = { parts: [], playlists: [], segments: [] };
  for (const clients of CLIENTS) {
    const { viewers, used, log } = await watch(clients);
    const [parts, playlists, segments] = [PARTS, PLAYLISTS, SEGMENTS].map((path) => served(log, path));
    const ratio = (/** @type {{ all: number, kept: number }[]} */ ...of) =>
      of.reduce((sum, { kept }) => sum + kept, 0) / of.reduce((sum, { all }) => sum + all, 0);
    const percent = (/** @type {number} */ share) => `${(share * 100).toFixed(1)} %`;
    const name = `${clients} clients:`;
    const least = clients === CLIENTS.at(-1) ? 0.95 : undefined;
    const judged = (/** @type {number} */ share) =>
      least === undefined ? undefined : /** @type {[string, boolean]} */ (['at least 95 %', share >= least]);
    line(`${name} parts (LL-HLS) from the cache`, percent(ratio(parts)), judged(ratio(parts)));
    line(`${name} segments being made (LL-DASH) from the cache`, percent(ratio(segments)));
    line(`${name} all media from the cache`, percent(ratio(parts, segments)), judged(ratio(parts, segments)));
    for (const [what, { all, kept }] of Object.entries({ parts, playlists, segments })) {
      reached[what].push((all - kept) / SECONDS);
      line(`${name} ${what}, and those that reach a replica`, `${(all / SECONDS).toFixed(0)}, ${((all - kept) / SECONDS).toFixed(1)}/s`);
    }
    line(`${name} failed of ${viewers.answered + viewers.failed.length} requests`, `${viewers.failed.length}`, ['0', viewers.failed.length === 0]);
    const thousand = (/** @type {number} */ seconds) => ((seconds / SECONDS) * (1000 / clients)).toFixed(2);
    line(`${name} processor for 1000: edge, replicas`, `${thousand(used.edge)}, ${thousand(used.replicas - idle * SECONDS)} cores`);
  }
  for (const what of ['parts', 'playlists']) {
    const growth = reached[what][reached[what].length - 1] / reached[what][0];
    line(`${what} that reach a replica: ${CLIENTS.at(-1)} clients / ${CLIENTS[0]}`, growth.toFixed(2), ['at most 1.25', growth <= 1.25]);
  }
  const end = pause((SECONDS * 1000) / 2).then(() => servers[0].end());
  const viewers = new Viewers(url, revision);
  await Promise.all([viewers.watch(CLIENTS[1] / 2, CLIENTS[1] / 2, SECONDS), end]);
  line(`${CLIENTS[1]} clients, one of two replicas ends: failed of ${viewers.answered + viewers.failed.length}`, `${viewers.failed.length}`, ['0', viewers.failed.length === 0]);
  for (const problem of viewers.failed.slice(0, 5)) console.log(`    ${problem}`);
} finally {
  await edge?.stop();
  for (const server of servers) await server.stop();
}
