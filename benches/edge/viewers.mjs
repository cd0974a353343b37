// @ts-check
// Many low-latency players without a picture: the requests that LL-HLS and LL-DASH players make.

import { Agent, get } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

/** Values of the default stream. */
const SEGMENT_MS = 1920;
const CHUNK_MS = 320;
const CHUNKS = SEGMENT_MS / CHUNK_MS;
const BROKEN_OFF = 'broken off';
const PATIENCE_MS = 15_000;
/** Maximum offset between clients, whose clocks and networks differ. */
const SPREAD_MS = 100;

export class Viewers {
  /** Errors. @type {string[]} */
  failed = [];
  answered = 0;
  /** Cache status and path of each answer. @type {{ cache: string, path: string }[]} */
  answers = [];
  /** Milliseconds from the end of each part to its arrival. @type {number[]} */
  lateMs = [];
  /** Number of segments that broke off while they were made and were requested again, as players do. */
  again = 0;
  #agent = new Agent({ keepAlive: true, maxSockets: Infinity });
  #url;
  #revision;

  /** @param {string} url of a server or a cache @param {string} revision of the default stream */
  constructor(url, revision) {
    this.#url = url;
    this.#revision = revision;
  }

  /** @param {number} hls players @param {number} dash players @param {number} seconds */
  async watch(hls, dash, seconds) {
    const untilMs = Date.now() + seconds * 1000;
    const players = [
      ...Array.from({ length: hls }, () => this.#parts),
      ...Array.from({ length: dash }, () => this.#segments),
    ];
    const tracks = players.flatMap((play) => ['v720', 'a'].map((track) => play.call(this, `/live/test/${track}`, untilMs)));
    await Promise.all(tracks);
    this.#agent.destroy();
  }

  /**
   * Requests one part after another together with the playlist that lists it, both before they exist.
   * @param {string} track
   * @param {number} untilMs
   */
  async #parts(track, untilMs) {
    await pause(Math.random() * SEGMENT_MS);
    for (let chunk = Math.floor(Date.now() / CHUNK_MS) + 1; Date.now() < untilMs; chunk += 1) {
      const [segment, part] = [Math.floor(chunk / CHUNKS), chunk % CHUNKS];
      await Promise.all([
        this.#fetch(`${track}/llhls.m3u8?_HLS_msn=${segment}&_HLS_part=${part}&_HLS_skip=YES`),
        this.#fetch(`${track}/${this.#revision}/${segment}.${part}.m4s`),
      ]);
      this.lateMs.push(Date.now() - (chunk + 1) * CHUNK_MS);
    }
  }

  /** One segment after the other, as soon as its first chunk is there. @param {string} track @param {number} untilMs */
  async #segments(track, untilMs) {
    for (let segment = Math.floor(Date.now() / SEGMENT_MS) + 1; ; segment += 1) {
      const atMs = segment * SEGMENT_MS + CHUNK_MS + Math.random() * SPREAD_MS;
      if (atMs > untilMs) return;
      await pause(Math.max(0, atMs - Date.now()));
      await this.#fetch(`${track}/${this.#revision}/${segment}.m4s`);
    }
  }

  /** @param {string} path @returns {Promise<void>} resolves when the body is complete */
  async #fetch(path) {
    let problem = await this.#ask(path);
    if (problem === BROKEN_OFF) {
      this.again += 1;
      problem = await this.#ask(path);
    }
    if (problem === null) this.answered += 1;
    else this.failed.push(`${path}: ${problem}`);
  }

  /** @param {string} path @returns {Promise<string | null>} the error, if any */
  #ask(path) {
    return new Promise((over) => {
      const headers = path.includes('.m3u8') ? { 'Accept-Encoding': 'gzip' } : {};
      const request = get(this.#url + path, { agent: this.#agent, headers, timeout: PATIENCE_MS }, (response) => {
        this.answers.push({ cache: String(response.headers['x-cache-status']), path });
        response.resume();
        response.once('error', () => over(BROKEN_OFF));
        response.once('end', () => over(response.statusCode === 200 ? null : `${response.statusCode}`));
      });
      request.once('timeout', () => request.destroy(new Error('no answer')));
      request.once('error', (error) => over(error.message));
    });
  }
}
