// @ts-check
// What do players behind a cache cost, and how many requests reach the replicas? Measured with the shipped caches in
// front of two replicas.

import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

process.env.BARSTONE_BIN ??= fileURLToPath(new URL('../target/dist/barstone', import.meta.url));
const { startEdge } = await import('../tests/players/nginx.mjs');
const { Server } = await import('../tests/players/server.mjs');
const { startVarnish } = await import('../tests/players/varnish.mjs');
const { Viewers } = await import('./edge/viewers.mjs');

const SECONDS = 60;
const IDLE_SECONDS = 10;
/** Numbers of clients. Half of them play LL-HLS, half LL-DASH. */
const CLIENTS = [50, 100, 200];
/** The last number is judged against the target. */
const MOST = Number(CLIENTS.at(-1));
const LEAST_KEPT = 0.95;
/** Target for the growth of requests from half the clients to all; 2 would mean that nothing is shared. */
const MOST_GROWTH = 1.25;
/** Maximum number of errors that are printed. */
const FEW = 5;
/** Ticks per second in `/proc/PID/stat`: a constant of Linux. */
const TICKS_A_SECOND = 100;
const KINDS = { parts: /\.\d+\.m4s$/, playlists: /\.m3u8\?/, segments: /\/\d+\.m4s$/ };
const CACHES = { nginx: startEdge, varnish: startVarnish };

/** @typedef {keyof typeof KINDS} Kind */
/** @typedef {InstanceType<typeof Viewers>['answers'][number]} Answer */
/** Number of requests, and of those answered from the cache. @typedef {{ all: number, kept: number }} Served */

/** @param {string} name @param {string} value @param {[target: string, met: boolean]} [judged] */
function line(name, value, judged) {
  const verdict = judged === undefined ? '' : `  target ${judged[0]}: ${judged[1] ? 'met' : 'missed'}`;
  console.log(`  ${name.padEnd(58)}${value.padStart(18)}${verdict}`);
}

/** @param {number} pid @returns {number} processor time in seconds, including that of child processes */
function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ');
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter((child) => child !== '');
  const own = (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
  return children.reduce((sum, child) => sum + cpuSeconds(Number(child)), own);
}

/** @param {Answer[]} answers @param {RegExp} kind @returns {Served} */
function served(answers, kind) {
  const of = answers.filter(({ path }) => kind.test(path));
  return { all: of.length, kept: of.filter(({ cache }) => cache === 'HIT').length };
}

/** @param {Served[]} of */
function share(...of) {
  const sum = (/** @type {keyof Served} */ key) => of.reduce((sum, one) => sum + one[key], 0);
  return sum('kept') / sum('all');
}

class Bench {
  #servers;
  #edge;
  #revision;
  /** Cores that the replicas use without clients. */
  #idle = 0;
  /** Requests a second that reached a replica, for each number of clients. @type {Record<Kind, number[]>} */
  #reached = { parts: [], playlists: [], segments: [] };

  /**
   * @param {InstanceType<typeof Server>[]} servers
   * @param {{ url: string, pid: number }} edge
   * @param {string} revision
   */
  constructor(servers, edge, revision) {
    this.#servers = servers;
    this.#edge = edge;
    this.#revision = revision;
  }

  async idle() {
    // Waits until the past of the window is rendered.
    await pause(IDLE_SECONDS * 1000);
    const before = this.#replicas();
    await pause(IDLE_SECONDS * 1000);
    this.#idle = (this.#replicas() - before) / IDLE_SECONDS;
    line('both replicas without clients', `${this.#idle.toFixed(2)} cores`);
  }

  /** @param {number} clients */
  async clients(clients) {
    const before = { edge: cpuSeconds(this.#edge.pid), replicas: this.#replicas() };
    const viewers = await this.#watch(clients, `${clients} clients`);
    const thousand = (/** @type {number} */ seconds) => ((seconds / SECONDS) * (1000 / clients)).toFixed(2);
    const edge = thousand(cpuSeconds(this.#edge.pid) - before.edge);
    const replicas = thousand(this.#replicas() - before.replicas - this.#idle * SECONDS);
    line(`${clients} clients: processor for 1000, edge and replicas`, `${edge}, ${replicas} cores`);
    const late = viewers.lateMs.sort((a, b) => a - b);
    const [median, most] = [0.5, 0.99].map((share) => late[Math.floor(share * late.length)]);
    line(`${clients} clients: parts after their end, median, 99 %`, `${median}, ${most} ms`);
    this.#requests(clients, viewers.answers);
  }

  growth() {
    for (const kind of /** @type {const} */ (['parts', 'playlists'])) {
      const [half, all] = this.#reached[kind].slice(-2);
      const growth = all / half;
      const judged = /** @type {[string, boolean]} */ ([`at most ${MOST_GROWTH}`, growth <= MOST_GROWTH]);
      line(`${kind} that reach a replica, ${MOST} clients / ${MOST / 2}`, growth.toFixed(2), judged);
    }
  }

  async oneEnds() {
    const end = pause((SECONDS * 1000) / 2).then(() => this.#servers[0].end());
    await Promise.all([this.#watch(MOST, `${MOST} clients, one of two replicas ends`), end]);
  }

  /** @param {number} clients @param {Answer[]} answers */
  #requests(clients, answers) {
    const [parts, playlists, segments] = [KINDS.parts, KINDS.playlists, KINDS.segments].map((kind) => served(answers, kind));
    for (const [kind, of] of Object.entries({ parts, playlists, segments })) {
      const reached = (of.all - of.kept) / SECONDS;
      this.#reached[/** @type {Kind} */ (kind)].push(reached);
      line(`${clients} clients: ${kind}, and what reaches a replica`, `${(of.all / SECONDS).toFixed(0)}, ${reached.toFixed(1)}/s`);
    }
    for (const [name, kept] of /** @type {const} */ ([
      ['parts (LL-HLS)', share(parts)], ['segments being made (LL-DASH)', share(segments)], ['all media', share(parts, segments)],
    ])) {
      const judged = /** @type {[string, boolean]} */ ([`at least ${LEAST_KEPT * 100} %`, kept >= LEAST_KEPT]);
      line(`${clients} clients: ${name} from the cache`, `${(kept * 100).toFixed(1)} %`, clients === MOST ? judged : undefined);
    }
  }

  /** @param {number} clients @param {string} name @returns {Promise<InstanceType<typeof Viewers>>} */
  async #watch(clients, name) {
    const viewers = new Viewers(this.#edge.url, this.#revision);
    await viewers.watch(clients / 2, clients / 2, SECONDS);
    const { answered, again, failed } = viewers;
    line(`${name}: answered, second tries, failed`, `${answered}, ${again}, ${failed.length}`, ['none', failed.length === 0]);
    for (const problem of failed.slice(0, FEW)) console.log(`    ${problem}`);
    return viewers;
  }

  #replicas() {
    return this.#servers.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0);
  }
}

/** @param {keyof typeof CACHES} name */
async function measure(name) {
  console.log(`\nWhat do players cost behind ${name}, and what reaches the replicas?`);
  const servers = /** @type {InstanceType<typeof Server>[]} */ ([]);
  /** @type {Awaited<ReturnType<typeof startEdge | typeof startVarnish>> | undefined} */
  let edge;
  try {
    for (let i = 0; i < 2; i += 1) servers.push(await Server.start('--max-connections-per-address', '10000'));
    edge = await CACHES[name](servers.map(({ url }) => url));
    const bench = new Bench(servers, edge, (await servers[0].api('GET', '/test')).answer.revision);
    await bench.idle();
    for (const clients of CLIENTS) await bench.clients(clients);
    bench.growth();
    await bench.oneEnds();
  } finally {
    await edge?.stop();
    for (const server of servers) await server.stop();
  }
}

await measure('nginx');
await measure('varnish');
