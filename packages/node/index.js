// @ts-check
// Starts barstone for a test, and stops it.

import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

import { Launched } from './launch.js';
import { url } from './url.js';

const STARTS_WITHIN_S = 30;
const ASK_EVERY_MS = 50;

export class Barstone {
  /** URL of the server, without a slash at the end. */
  base;
  /** The API token, which changes need. */
  token;
  #launched;

  /** @param {Launched} launched @param {string} base @param {string} token */
  constructor(launched, base, token) {
    this.#launched = launched;
    this.base = base;
    this.token = token;
  }

  /** The newest part of the log. */
  get log() {
    return this.#launched.log;
  }

  /** @param {string} stream @param {string} format @param {import('./index.js').Conditions} conditions */
  url(stream, format = 'hls', conditions = {}) {
    return url(this.base, stream, format, conditions);
  }

  /** Sends a request to the API. @param {string} method @param {string} path below `/api/v1` @param {unknown} [body] @returns {Promise<any>} */
  async api(method, path, body) {
    const response = await fetch(`${this.base}/api/v1${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${this.token}`,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${problem(text) ?? `status ${response.status}`}`);
    return text === '' ? null : JSON.parse(text);
  }

  async stop() {
    await this.#launched.stop();
  }

  async [Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')]() {
    await this.stop();
  }
}

/** @param {import('./index.js').Options} options */
export async function start(options = {}) {
  const token = randomBytes(16).toString('hex');
  const launched = new Launched(options, token);
  const seconds = options.timeoutSeconds ?? STARTS_WITHIN_S;
  const deadline = performance.now() + seconds * 1000;
  /** @template T @param {string} what @param {() => T | Promise<T>} ask @returns {Promise<NonNullable<T>>} */
  const until = async (what, ask) => {
    for (;;) {
      await launched.check();
      const answer = await ask();
      if (answer) return answer;
      if (performance.now() > deadline) throw new Error(`not within ${seconds} s: ${what}; the log:\n${launched.tail}`);
      await pause(ASK_EVERY_MS);
    }
  };
  try {
    const base = await until('barstone listens', () => launched.address());
    const answers = () => fetch(`${base}/livez`).then(({ ok }) => ok, () => false);
    await until('barstone answers', answers);
    const barstone = new Barstone(launched, base, token);
    if (options.streams !== undefined) await replace(barstone, options.streams);
    await until('every stream plays', () => plays(barstone));
    return barstone;
  } catch (error) {
    await launched.stop();
    throw error;
  }
}

/**
 * Replaces the stream that runs without configuration. A stream of the same name is deleted, too, because a change of a
 * running stream takes effect at a later segment.
 * @param {Barstone} barstone @param {readonly import('./index.js').Stream[]} streams
 */
async function replace(barstone, streams) {
  const existing = /** @type {{ name: string }[]} */ (await barstone.api('GET', '/streams'));
  for (const { name } of existing) await barstone.api('DELETE', `/streams/${name}`);
  for (const stream of streams) await barstone.api('POST', '/streams', stream);
}

/** @param {Barstone} barstone @returns {Promise<boolean>} fails if a stream has failed */
async function plays(barstone) {
  const streams = /** @type {{ name: string, phase: string, error?: string }[]} */ (await barstone.api('GET', '/streams'));
  const failed = streams.find(({ phase }) => phase === 'failed');
  if (failed) throw new Error(`the stream ${failed.name} has failed: ${failed.error}`);
  return streams.every(({ phase }) => phase !== 'starting') && (await fetch(`${barstone.base}/readyz`)).ok;
}

/** @param {string} text @returns {string | undefined} what a problem document (RFC 9457) says */
function problem(text) {
  try {
    const { title, detail } = JSON.parse(text);
    return detail ?? title;
  } catch {
    return undefined;
  }
}
