// @ts-check
// ffmpeg as a player that decodes everything and reports errors.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { remove, temporaryDirectory } from '../players/leftovers.mjs';
import { Process } from '../players/process.mjs';

export class Decoder {
  #own = temporaryDirectory('ffmpeg');
  #progress = join(this.#own, 'progress');
  #ffmpeg;

  /** @param {string} url */
  constructor(url) {
    const args = ['-nostdin', '-hide_banner', '-loglevel', 'error', '-progress', this.#progress, '-threads', '1', '-i', url];
    this.#ffmpeg = new Process('ffmpeg', [...args, '-map', '0:v', '-map', '0:a', '-f', 'null', '-']);
  }

  /** @returns {Promise<{ seconds: number, log: string }>} media decoded so far, and errors */
  async end() {
    const log = this.#ffmpeg.hasEnded ? `${this.#ffmpeg.log}it has ended by itself` : this.#ffmpeg.log;
    const times = [...readFileSync(this.#progress, 'utf8').matchAll(/^out_time_us=(\d+)$/gm)];
    await this.stop();
    return { seconds: Number(times.at(-1)?.[1] ?? 0) / 1e6, log };
  }

  async stop() {
    await this.#ffmpeg.stop();
    remove(this.#own);
  }
}
