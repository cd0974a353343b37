// @ts-check
// What several servers serve of a stream, compared byte by byte while it plays.

import { createHash } from 'node:crypto';

const PATIENCE_MS = 3000;

export class Media {
  /** Paths whose bytes are not the same everywhere, or every time. @type {string[]} */
  different = [];
  #servers;
  #tracks;
  /** SHA-256 by path. @type {Map<string, string>} */
  #hashes = new Map();
  /** Paths that each server has been asked for. @type {Set<string>[]} */
  #asked;
  /** Paths that each server has served at some time. @type {Set<string>[]} */
  #served;

  /** @param {import('../players/server.mjs').Server[]} servers @param {string[]} tracks paths */
  constructor(servers, tracks) {
    this.#servers = servers;
    this.#tracks = tracks;
    this.#asked = servers.map(() => new Set());
    this.#served = servers.map(() => new Set());
  }

  get size() {
    return this.#hashes.size;
  }

  /** @returns {string[]} paths that some server has not served yet */
  get missing() {
    return [...this.#hashes.keys()].filter((path) => this.#served.some((served) => !served.has(path)));
  }

  /** Everything that this server lists is looked at again. @param {import('../players/server.mjs').Server} server */
  again(server) {
    this.#asked[this.#servers.indexOf(server)].clear();
  }

  /** Fetches what servers list and have not been asked for; a server that is away is left for the next time. */
  async look() {
    await Promise.all(this.#servers.map((_, index) => this.#lookAt(index).catch(() => null)));
  }

  /** @param {number} index */
  async #lookAt(index) {
    const asked = this.#asked[index];
    const listed = await Promise.all(this.#tracks.map((track) => this.#listed(index, track)));
    // What another has listed may have left the list here, but is kept for longer.
    const others = [...this.#hashes.keys()].filter((path) => !this.#served[index].has(path));
    for (const path of new Set([...listed.flat(), ...others])) {
      if (asked.has(path)) continue;
      const hash = createHash('sha256').update(await this.#get(index, path)).digest('hex');
      if (hash !== (this.#hashes.get(path) ?? hash)) this.different.push(path);
      this.#hashes.set(path, hash);
      asked.add(path);
      this.#served[index].add(path);
    }
  }

  /** @param {number} index @param {string} track @returns {Promise<string[]>} paths */
  async #listed(index, track) {
    const playlist = (await this.#get(index, `${track}/hls.m3u8`)).toString();
    const names = playlist.matchAll(/^(?:#EXT-X-MAP:URI="([^"]+)"|([^#\n].*))$/gm);
    return [...names].map(([, init, segment]) => `${track}/${init ?? segment}`);
  }

  /** @param {number} index @param {string} path @returns {Promise<Buffer>} */
  async #get(index, path) {
    const response = await fetch(this.#servers[index].url + path, { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!response.ok) throw new Error(`${response.status} ${path}`);
    return Buffer.from(await response.arrayBuffer());
  }
}
