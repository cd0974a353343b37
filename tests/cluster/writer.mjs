// @ts-check
// Creates, changes, stops and removes streams on servers that share a store, in turn, and keeps account of what they have
// said to have done.

import { setTimeout as pause } from 'node:timers/promises';

const REST_MS = 700;
const PATIENCE_MS = 4000;

/** @typedef {{ title: string, enabled: boolean }} Known */
/**
 * What is done with one stream, one after the other.
 * @type {[method: string, path: string, change: (known: Known) => Known | null][]}
 */
const LIFE = [
  ['PUT', '', (known) => known],
  ['PUT', '', (known) => ({ ...known, title: 'changed' })],
  ['POST', '/stop', (known) => ({ ...known, enabled: false })],
  ['POST', '/start', (known) => ({ ...known, enabled: true })],
  ['POST', '/stop', (known) => ({ ...known, enabled: false })],
  ['DELETE', '', () => null],
];
/** Of so many streams one is not removed. */
const STAYS = 4;

export class Writer {
  acknowledged = 0;
  /** Answers that are neither done nor 503. @type {string[]} */
  strange = [];
  /** Refusals with 503 while a server was cut off. */
  refused = 0;
  /** What a server that is cut off from the store has said to have done. @type {string[]} */
  impossible = [];
  /** Cut off from the store. @type {import('../players/server.mjs').Server | null} */
  cutOff = null;
  /** May not know yet what others have made. @type {import('../players/server.mjs').Server | null} */
  behind = null;
  #servers;
  #headers;
  #over = false;
  /** What was acknowledged last, null for removed. @type {Map<string, Known | null>} */
  #known = new Map();
  /** What was written last and not acknowledged: it may have been done or not. @type {Map<string, Known | null>} */
  #doubtful = new Map();
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

  /** @returns {Promise<string[]>} what is not everywhere as it was acknowledged, or not the same everywhere */
  async wrong() {
    const wrong = [];
    for (const name of new Set([...this.#known.keys(), ...this.#doubtful.keys()])) {
      const found = await Promise.all(this.#servers.map((server) => this.#find(server, name)));
      const known = this.#known.get(name) ?? null;
      const allowed = [known, this.#doubtful.has(name) ? this.#doubtful.get(name) : known].map((one) => JSON.stringify(one));
      const isRight = allowed.includes(found[0]) && found.every((one) => one === found[0]);
      if (!isRight) wrong.push(`${name} is ${found.join(' and ')}, not ${allowed.join(' or ')}`);
    }
    return wrong;
  }

  /** @returns {string} for the test's log */
  get figures() {
    return `${this.acknowledged} writes acknowledged for ${this.#known.size} streams, ${this.refused} refused while away, `
      + `${this.#doubtful.size} not acknowledged`;
  }

  async #write() {
    for (let stream = 0, turn = 0; !this.#over; stream += 1) {
      const name = `written-${stream}`;
      /** @type {Known | null} */
      let known = { title: 'new', enabled: true };
      for (const [method, path, change] of stream % STAYS === 0 ? LIFE.slice(0, -1) : LIFE) {
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
   * @returns {Promise<boolean>} whether it was acknowledged
   */
  async #ask(server, { name, method, path, known }) {
    const wasCutOff = this.cutOff === server;
    const wasBehind = this.behind === server;
    const body = path === '' && known !== null ? { ...known, video: [], audio: {} } : undefined;
    const more = { headers: this.#headers, signal: AbortSignal.timeout(PATIENCE_MS) };
    const status = await server.api(method, `/${name}${path}`, body, more).then(({ status }) => status, () => null);
    const isCutOff = wasCutOff && this.cutOff === server;
    if (status !== null && status < 300) {
      this.acknowledged += 1;
      this.#known.set(name, known);
      if (isCutOff) this.impossible.push(`${status} ${method} ${name}${path}`);
      return true;
    }
    this.#doubtful.set(name, known);
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
