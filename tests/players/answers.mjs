// @ts-check
// Records every answer that a page gets: status, headers, timing, and the text of manifests.

/**
 * @typedef {object} Answer
 * @property {string} url
 * @property {number} status 0 without an answer
 * @property {string} condition value of the header Barstone-Condition; empty without it
 * @property {number} sentAt Unix time in ms
 * @property {number} firstByteMs time until the first byte; NaN without one
 * @property {number} lastByteMs time until the last byte; NaN without one
 * @property {string} text of a manifest; empty for other answers
 * @property {string} failure how the browser says that the answer broke off; empty for a complete answer
 */

/** How Chromium says that a player no longer wanted an answer. */
const GIVEN_UP = 'net::ERR_ABORTED';

export class Answers {
  /** @type {Answer[]} */
  #all = [];

  /** @param {import('playwright-core').Page} page */
  constructor(page) {
    for (const event of /** @type {const} */ (['requestfinished', 'requestfailed'])) {
      // Nothing is known of a request once its page is closed.
      page.on(event, (request) => void this.#record(request).catch(() => {}));
    }
  }

  /** @returns {readonly Answer[]} those of which everything is known, without those that the player gave up */
  get all() {
    return this.#all;
  }

  /** @param {import('playwright-core').Request} request */
  async #record(request) {
    const failure = request.failure()?.errorText ?? '';
    if (failure === GIVEN_UP) return;
    const url = request.url();
    const response = await request.response();
    const headers = (await response?.allHeaders()) ?? {};
    const { startTime, responseStart, responseEnd } = request.timing();
    this.#all.push({
      url,
      status: response?.status() ?? 0,
      condition: headers['barstone-condition'] ?? '',
      sentAt: startTime,
      firstByteMs: responseStart < 0 ? NaN : responseStart,
      lastByteMs: responseEnd < 0 ? NaN : responseEnd,
      text: response !== null && failure === '' && /\.(m3u8|mpd)(\?|$)/.test(url) ? await response.text() : '',
      failure,
    });
  }
}
