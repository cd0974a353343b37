// @ts-check
// Compares the media of several servers byte by byte while a stream plays.

import { createHash } from 'node:crypto';

const PATIENCE_MS = 3000;

export class Media {
  /** Paths whose bytes differ between servers or between requests. @type {string[]} */
  different = [];
  #servers;
  #tracks;
  /** SHA-256 by path. @type {Map<string, string>} */
  #hashes = new Map();
  /** Paths that were requested from each server. @type {Set<string>[]} */
  #requested;
  /** Paths that each server has served. @type {Set<string>[]} */
  #served;

  /** @param {import('../players/server.mjs').Server[]} servers @param {string[]} tracks paths */
  constructor(servers, tracks) {
    this.#servers = servers;
    this.#tracks = tracks;
    this.#requested = servers.map(() => new Set());
    this.#served = servers.map(() => new Set());
  }

  get size() {
    return this.#hashes.size;
  }

  /** @returns {string[]} paths that at least one server has not served */
  get missing() {
    return [...this.#hashes.keys()].filter((path) => this.#served.some((served) => !served.has(path)));
  }

  /** Requests everything that this server lists again. @param {import('../players/server.mjs').Server} server */
  again(server) {
    this.#requested[this.#servers.indexOf(server)].clear();
  }

  /** Requests all listed files once from each server. A server that does not answer is skipped this time. */
  async compare() {
    await Promise.all(this.#servers.map((_, index) => this.#compareFiles(index).catch(() => null)));
  }

  /** @param {number} index */
  async #compareFiles(index) {
    const requested = this.#requested[index];
    const listed = await Promise.all(this.#tracks.map((track) => this.#listed(index, track)));
    // A file in the list of another server may have left the list of this one, but is still available.
    const others = [...this.#hashes.keys()].filter((path) => !this.#served[index].has(path));
    for (const path of new Set([...listed.flat(), ...others])) {
      if (requested.has(path)) continue;
      const hash = createHash('sha256').update(await this.#get(index, path)).digest('hex');
      if (hash !== (this.#hashes.get(path) ?? hash)) this.different.push(path);
      this.#hashes.set(path, hash);
      requested.add(path);
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
