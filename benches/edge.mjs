// @ts-check
// What do clients behind a cache cost, and how many requests reach the replicas? `barstone load` plays from the shipped
// caches in front of two replicas.

import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

process.env.BARSTONE_BIN ??= fileURLToPath(new URL('../target/dist/barstone', import.meta.url));
const { startEdge } = await import('../tests/players/nginx.mjs');
const { BINARY, Server } = await import('../tests/players/server.mjs');
const { startVarnish } = await import('../tests/players/varnish.mjs');
const { cpuSeconds } = await import('./support/processor.mjs');
const { run } = await import('./support/program.mjs');
const { Table } = await import('./support/table.mjs');

/** Duration of each load. Clients start in its first seconds. */
const SECONDS = 40;
const RAMP_SECONDS = 4;
const IDLE_SECONDS = 10;
/** Numbers of clients of one format. */
const CLIENTS = [25, 50, 100];
/** The last number is judged against the target. */
const MOST = Number(CLIENTS.at(-1));
const LEAST_CACHED = 0.95;
/** Target for the growth of requests from half the clients to all; 2 would mean that nothing is shared. */
const MOST_GROWTH = 1.25;
/** Error of a client whose segment broke off while it was created. Players request the segment again. */
const BROKEN = 'broken';
/** Errors and stalls are figures, and do not end a load. */
const ANY = '1000000000';
const CACHES = { nginx: startEdge, varnish: startVarnish };
const FORMATS = { 'LL-HLS': 'llhls.m3u8', 'LL-DASH': 'lldash.mpd' };

/** @typedef {keyof typeof FORMATS} Format */
/** @typedef {InstanceType<typeof Server>} Replica */
/** Numbers of requests that replicas have answered. @typedef {{ manifest: number, media: number }} Requests */

/** @param {string} url of a cache @param {Format[]} formats @param {number} clients of each format */
async function load(url, formats, clients) {
  const [first, ...others] = formats.map((format) => `${url}/live/test/${FORMATS[format]}`);
  const { out } = await run(
    BINARY, 'load', first, ...others.flatMap((other) => ['--mix', other]), '--json', '--max-errors', ANY, '--max-stalls', ANY,
    '--clients', String(clients * formats.length), '--duration', `${SECONDS}s`, '--ramp', `${RAMP_SECONDS}s`,
  );
  return JSON.parse(out).total;
}

/** @param {Replica[]} replicas @returns {Promise<Requests>} */
async function answered(replicas) {
  const texts = await Promise.all(replicas.map((replica) => replica.text('/metrics')));
  const sum = (/** @type {keyof Requests} */ kind) => texts.join('\n').split('\n').reduce((sum, line) => {
    const isOne = line.startsWith('barstone_http_requests_total{') && line.includes(`kind="${kind}"`);
    return sum + (isOne ? Number(line.split(' ').at(-1)) : 0);
  }, 0);
  return { manifest: sum('manifest'), media: sum('media') };
}

class Bench {
  #table;
  #replicas;
  #edge;
  /** Cores that the replicas use without clients. */
  #idle = 0;

  /**
   * @param {InstanceType<typeof Table>} table
   * @param {Replica[]} replicas
   * @param {{ url: string, pid: number }} edge
   */
  constructor(table, replicas, edge) {
    this.#table = table;
    this.#replicas = replicas;
    this.#edge = edge;
  }

  async idle() {
    // Waits until the past of the window is rendered.
    await pause(IDLE_SECONDS * 1000);
    const before = this.#cpu();
    await pause(IDLE_SECONDS * 1000);
    this.#idle = (this.#cpu() - before) / IDLE_SECONDS;
    this.#table.figure('both replicas without clients', `${this.#idle.toFixed(2)} cores`);
  }

  /** @param {Format} format */
  async format(format) {
    const reached = [];
    for (const clients of CLIENTS) reached.push(await this.#clients(format, clients));
    const [half, all] = reached.slice(-2);
    const growth = all / half;
    this.#table.figure(
      `${format}: requests that reach a replica, ${MOST} clients / ${MOST / 2}`, growth.toFixed(2),
      [`at most ${MOST_GROWTH}`, growth <= MOST_GROWTH],
    );
  }

  async oneEnds() {
    const end = pause((SECONDS * 1000) / 2).then(() => this.#replicas[0].end());
    const [total] = await Promise.all([load(this.#edge.url, ['LL-HLS', 'LL-DASH'], MOST), end]);
    this.#judge(`${MOST} clients of each format, one of two replicas ends`, total);
  }

  /** @param {Format} format @param {number} clients @returns {Promise<number>} requests a second that reach a replica */
  async #clients(format, clients) {
    const before = { edge: cpuSeconds(this.#edge.pid), replicas: this.#cpu(), ...await answered(this.#replicas) };
    const total = await load(this.#edge.url, [format], clients);
    const after = await answered(this.#replicas);
    const thousand = (/** @type {number} */ seconds) => ((seconds / SECONDS) * (1000 / clients)).toFixed(2);
    const edge = thousand(cpuSeconds(this.#edge.pid) - before.edge);
    const replicas = thousand(this.#cpu() - before.replicas - this.#idle * SECONDS);
    const name = `${clients} clients of ${format}`;
    this.#judge(name, total);
    this.#table.figure(`${name}: processor for 1000, edge and replicas`, `${edge}, ${replicas} cores`);
    this.#table.figure(`${name}: media after its end, median, 99 %`, `${total.late_ms.p50}, ${total.late_ms.p99} ms`);
    const [manifests, media] = [after.manifest - before.manifest, after.media - before.media];
    const sent = `${(total.requests / SECONDS).toFixed(0)}/s`;
    this.#table.figure(`${name}: requests; manifests, media at the replicas`, `${sent}; ${(manifests / SECONDS).toFixed(1)}, ${(media / SECONDS).toFixed(1)}/s`);
    const cached = 1 - media / total.media_requests;
    const judged = /** @type {[string, boolean]} */ ([`at least ${LEAST_CACHED * 100} %`, cached >= LEAST_CACHED]);
    this.#table.figure(`${name}: media from the cache`, `${(cached * 100).toFixed(1)} %`, clients === MOST ? judged : undefined);
    return (manifests + media) / SECONDS;
  }

  /** @param {string} name @param {{ requests: number, errors: number, errors_by_kind: Record<string, number> }} total */
  #judge(name, { requests, errors, errors_by_kind: kinds }) {
    const broken = kinds[BROKEN] ?? 0;
    this.#table.figure(`${name}: requests, broken off, failed`, `${requests}, ${broken}, ${errors - broken}`, ['none fails', errors === broken]);
    if (errors > 0) console.log(`    ${JSON.stringify(kinds)}`);
  }

  #cpu() {
    return this.#replicas.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0);
  }
}

/** @param {keyof typeof CACHES} name */
async function measure(name) {
  const table = new Table(`What do clients cost behind ${name}, and what reaches the replicas?`);
  const replicas = /** @type {Replica[]} */ ([]);
  /** @type {Awaited<ReturnType<typeof startEdge | typeof startVarnish>> | undefined} */
  let edge;
  try {
    for (let i = 0; i < 2; i += 1) replicas.push(await Server.start('--max-connections-per-address', '10000'));
    edge = await CACHES[name](replicas.map(({ url }) => url));
    const bench = new Bench(table, replicas, edge);
    await bench.idle();
    for (const format of /** @type {Format[]} */ (Object.keys(FORMATS))) await bench.format(format);
    await bench.oneEnds();
  } finally {
    await edge?.stop();
    for (const replica of replicas) await replica.stop();
  }
}

await measure('nginx');
await measure('varnish');
