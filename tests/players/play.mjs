// @ts-check
// Plays a URL with one of the players of the test page and reports the result.

import assert from 'node:assert/strict';

import { Answers } from './answers.mjs';
import { until } from './deadline.mjs';
import { startOrigin } from './origin.mjs';
import { waitedForProcessorMs } from './pressure.mjs';

/** @typedef {import('./stage/measure.js').Report} Measured */
/** @typedef {import('./stage/stage.js').PlayerError} PlayerError */
/** `waitedMs` is the time during which programs on this machine waited for a processor. */
/** @typedef {Measured & { errors: PlayerError[], ended: boolean, offMs: number | null, soundLateMs: number | null, waitedMs: number }} Report */

/** Seconds for a start on a busy machine, in addition to those to be played. */
const SLACK_S = 20;

export class Play {
  /** All requested URLs. @type {string[]} */
  requests = [];
  /** Answers with status 400 or higher. @type {string[]} */
  refused = [];
  /** Requests without an answer. @type {string[]} */
  unanswered = [];
  answers;
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
    this.answers = new Answers(page);
    page.on('request', (request) => this.requests.push(request.url()));
    page.on('requestfailed', (request) => this.unanswered.push(request.url()));
    page.on('response', (response) => {
      if (response.status() >= 400) this.refused.push(`${response.status()} ${response.url()}`);
    });
  }

  /**
   * Each play has its own connections, because a browser opens at most six to a server.
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
   * @param {number} seconds in which it should happen; some seconds are added
   * @param {(report: Report) => unknown} isSo
   * @returns {Promise<Report>} the first report that satisfies `isSo`; fails immediately on a fatal error
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

  /** @param {number} seconds of media to play, from the first picture on */
  played(seconds) {
    return this.until(`${seconds} s are played`, seconds, ({ playedMs }) => playedMs >= seconds * 1000);
  }

  /**
   * @param {number} seconds after the first position that can be played
   * @returns {Promise<number>} the new position in seconds
   */
  seek(seconds) {
    return this.#page.evaluate(`stage.seek(${seconds})`);
  }

  /** Starts to measure how late the sound is, which reports contain from then on. */
  async listen() {
    await this.#page.evaluate('stage.listen()');
  }

  /**
   * Plays at a distance from UTC from now on, by the time that the player knows.
   * @param {number} latencyMs
   * @param {number} toleranceMs the first report within it is returned
   */
  async follow(latencyMs, toleranceMs) {
    await this.#page.evaluate(`stage.follow(${latencyMs})`);
    return this.until(`it plays ${latencyMs} ms behind UTC`, SLACK_S, ({ offMs }) => offMs !== null && Math.abs(offMs) <= toleranceMs);
  }

  /** @returns {Promise<import('/static/strip.js').Timecode | null>} what the strip of a publisher at the bottom says */
  bottomStrip() {
    return this.#page.evaluate('stage.bottomStrip()');
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
