// @ts-check
// Creates, changes, stops and deletes streams on servers that share a store, in turn, and records the acknowledged
// writes.

import { setTimeout as pause } from 'node:timers/promises';

const REST_MS = 1500;
const PATIENCE_MS = 4000;

/** @typedef {{ title: string, enabled: boolean }} Known */
/**
 * The writes to one stream, in order.
 * @type {[method: string, path: string, change: (known: Known) => Known | null][]}
 */
const OPERATIONS = [
  ['PUT', '', (known) => known],
  ['PUT', '', (known) => ({ ...known, title: 'changed' })],
  ['POST', '/stop', (known) => ({ ...known, enabled: false })],
  ['POST', '/start', (known) => ({ ...known, enabled: true })],
  ['POST', '/stop', (known) => ({ ...known, enabled: false })],
  ['DELETE', '', () => null],
];
/** Each start encodes the whole window on every server. With a short one, the machine has time for the players. */
const WINDOW_SECONDS = 10;
/** One in so many streams is not deleted. */
const DELETED_EXCEPT_ONE_IN = 4;

export class Writer {
  acknowledged = 0;
  /** Unexpected answers: neither a success nor 503. @type {string[]} */
  strange = [];
  /** Refusals with 503 while a server was cut off. */
  refused = 0;
  /** Writes that a server without the store acknowledged. @type {string[]} */
  impossible = [];
  /** The server that is cut off from the store. @type {import('../players/server.mjs').Server | null} */
  cutOff = null;
  /** The server that may not know all writes yet. @type {import('../players/server.mjs').Server | null} */
  behind = null;
  #servers;
  #headers;
  #over = false;
  /** Last acknowledged state of each stream; null if deleted. @type {Map<string, Known | null>} */
  #known = new Map();
  /** Last write without an acknowledgement, which may or may not have happened. @type {Map<string, Known | null>} */
  #unacknowledged = new Map();
  #run;

  /** @param {import('../players/server.mjs').Server[]} servers @param {string} token */
  constructor(servers, token) {
    this.#servers = servers;
    this.#headers = { Authorization: `Bearer ${token}` };
    this.#run = this.#write();
  }

  async stop() {
    this.#over = true;
    await this.#run;
  }

  /** @returns {Promise<string[]>} streams that differ from the acknowledged state, or between servers */
  async wrong() {
    const wrong = [];
    for (const name of new Set([...this.#known.keys(), ...this.#unacknowledged.keys()])) {
      const found = await Promise.all(this.#servers.map((server) => this.#find(server, name)));
      const known = this.#known.get(name) ?? null;
      const allowed = [known, this.#unacknowledged.has(name) ? this.#unacknowledged.get(name) : known].map((one) => JSON.stringify(one));
      const isRight = allowed.includes(found[0]) && found.every((one) => one === found[0]);
      if (!isRight) wrong.push(`${name} is ${found.join(' and ')}, not ${allowed.join(' or ')}`);
    }
    return wrong;
  }

  /** @returns {string} a line for the log of the test */
  get figures() {
    return `${this.acknowledged} writes acknowledged for ${this.#known.size} streams, ${this.refused} refused while away, `
      + `${this.#unacknowledged.size} not acknowledged`;
  }

  async #write() {
    for (let stream = 0, turn = 0; !this.#over; stream += 1) {
      const name = `written-${stream}`;
      /** @type {Known | null} */
      let known = { title: 'new', enabled: true };
      for (const [method, path, change] of stream % DELETED_EXCEPT_ONE_IN === 0 ? OPERATIONS.slice(0, -1) : OPERATIONS) {
        if (this.#over) return;
        known = change(/** @type {Known} */ (known));
        turn += 1;
        if (!(await this.#ask(this.#servers[turn % this.#servers.length], { name, method, path, known }))) break;
        await pause(REST_MS);
      }
    }
  }

  /**
   * @param {import('../players/server.mjs').Server} server
   * @param {{ name: string, method: string, path: string, known: Known | null }} write
   * @returns {Promise<boolean>} whether the write was acknowledged
   */
  async #ask(server, { name, method, path, known }) {
    const wasCutOff = this.cutOff === server;
    const wasBehind = this.behind === server;
    const body = path === '' && known !== null ? { ...known, video: [], audio: {}, window_seconds: WINDOW_SECONDS } : undefined;
    const more = { headers: this.#headers, signal: AbortSignal.timeout(PATIENCE_MS) };
    const status = await server.api(method, `/${name}${path}`, body, more).then(({ status }) => status, () => null);
    const isCutOff = wasCutOff && this.cutOff === server;
    if (status !== null && status < 300) {
      this.acknowledged += 1;
      this.#known.set(name, known);
      if (isCutOff) this.impossible.push(`${status} ${method} ${name}${path}`);
      return true;
    }
    this.#unacknowledged.set(name, known);
    if (status === 503 && isCutOff) this.refused += 1;
    const isLeftOut = status === 404 && (wasCutOff || wasBehind);
    if (status !== null && status !== 503 && !isLeftOut) this.strange.push(`${status} ${method} ${name}${path}`);
    return false;
  }

  /** @param {import('../players/server.mjs').Server} server @param {string} name @returns {Promise<string>} */
  async #find(server, name) {
    const { status, answer } = await server.api('GET', `/${name}`);
    if (status === 404) return 'null';
    const { title, enabled } = answer;
    return JSON.stringify({ title, enabled });
  }
}
