// @ts-check
// Plays a URL by one of the players on the stage, and tells how it went.

import assert from 'node:assert/strict';

import { until } from './deadline.mjs';
import { startOrigin } from './origin.mjs';
import { waitedForProcessorMs } from './pressure.mjs';

/** @typedef {import('./stage/measure.js').Report} Measured */
/** @typedef {import('./stage/stage.js').PlayerError} PlayerError */
/** `waitedMs` is how long programs on this machine waited for a processor meanwhile. */
/** @typedef {Measured & { errors: PlayerError[], waitedMs: number }} Report */

/** Time for a start, and for a machine that is busy, on top of what is to be played. */
const SLACK_S = 20;

export class Play {
  /** Every URL that was asked for. @type {string[]} */
  requests = [];
  /** Answers of 400 and more. @type {string[]} */
  refused = [];
  /** Requests that got no answer. @type {string[]} */
  unanswered = [];
  player;
  #page;
  #origin;
  #waitedMs = waitedForProcessorMs();

  /**
   * @param {import('playwright-core').Page} page
   * @param {string} player
   * @param {{ url: string, close: () => void }} origin
   */
  constructor(page, player, origin) {
    this.#page = page;
    this.player = player;
    this.#origin = origin;
    page.on('request', (request) => this.requests.push(request.url()));
    page.on('requestfailed', (request) => this.unanswered.push(request.url()));
    page.on('response', (response) => {
      if (response.status() >= 400) this.refused.push(`${response.status()} ${response.url()}`);
    });
  }

  /**
   * Plays that are open together share no connection, of which a browser opens six to a server.
   * @param {Awaited<ReturnType<typeof import('./browser.mjs').launch>>} browser
   * @param {string} player
   * @param {string} url
   */
  static async open(browser, player, url) {
    const context = await browser.newContext();
    const play = new Play(await context.newPage(), player, await startOrigin());
    try {
      await play.#begin(url);
    } catch (error) {
      await play.close();
      throw error;
    }
    return play;
  }

  /** @returns {Promise<Report>} */
  async report() {
    const report = await this.#page.evaluate('stage.report()');
    return { ...report, waitedMs: waitedForProcessorMs() - this.#waitedMs };
  }

  /**
   * @param {string} what
   * @param {number} seconds in which it ought to happen; it gets some more
   * @param {(report: Report) => unknown} isSo
   * @returns {Promise<Report>} the first of which it is so; fails at once on a fatal error
   */
  async until(what, seconds, isSo) {
    const report = await until(`${this.player}: ${what}`, seconds + SLACK_S, async () => {
      const now = await this.report();
      return isSo(now) || now.errors.some(({ fatal }) => fatal) ? now : null;
    });
    const gaveUpFor = report.errors.filter(({ fatal }) => fatal).map(({ what }) => what);
    assert.deepEqual(gaveUpFor, [], `${this.player} gave up; refused were ${JSON.stringify(this.refused)}`);
    return report;
  }

  /** @param {number} seconds of media, from the first picture on */
  played(seconds) {
    return this.until(`${seconds} s are played`, seconds, ({ playedMs }) => playedMs >= seconds * 1000);
  }

  /** @param {number} height of the rendition to show from now on */
  async pin(height) {
    await this.#page.evaluate(`stage.pin(${height})`);
  }

  async close() {
    await this.#page.context().close();
    this.#origin.close();
  }

  /** @param {string} url */
  async #begin(url) {
    await this.#page.goto(this.#origin.url);
    await this.#page.evaluate(`stage.play(${JSON.stringify(this.player)}, ${JSON.stringify(url)})`);
  }
}
