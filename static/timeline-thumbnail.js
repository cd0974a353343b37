// @ts-check
// <timeline-thumbnail>: the picture of the moment under the pointer, above the timeline of a player. Call `show` and `hide`.

import { find, html, render, setText } from './html.js';

const WIDTH = 160;
const HEIGHT = 90;

export class TimelineThumbnail extends HTMLElement {
  /** Where the stills of the stream are. */
  #base = '';
  /** Seconds of Unix time of the still that is wanted; null for none. @type {number | null} */
  #wanted = null;
  #isLoading = false;

  connectedCallback() {
    this.hidden = true;
    this.setAttribute('aria-hidden', 'true');
    render(this, html`<img alt="" width="${WIDTH}" height="${HEIGHT}"><span></span>`);
  }

  /**
   * Shows a moment.
   * @param {string} base URL of the still without a query
   * @param {{ seconds: number, words: string, share: number }} moment `seconds` of Unix time; `share`: place on the timeline, 0 to 1
   */
  show(base, { seconds, words, share }) {
    this.#base = base;
    this.#wanted = seconds;
    this.style.setProperty('--share', String(share));
    setText(find(this, 'span', HTMLElement), words);
    void this.#load();
  }

  hide() {
    this.#wanted = null;
    this.hidden = true;
  }

  /** Requests one still at a time, so that a fast pointer costs the server little. */
  async #load() {
    if (this.#isLoading) return;
    this.#isLoading = true;
    for (let shown = null; this.#wanted !== null && this.#wanted !== shown;) {
      shown = this.#wanted;
      const image = find(this, 'img', HTMLImageElement);
      const src = `${this.#base}?at=${shown}&width=${WIDTH}`;
      if (image.src !== src) image.src = src;
      const isThere = await image.decode().then(() => true, () => false);
      this.hidden = !isThere || this.#wanted === null;
    }
    this.#isLoading = false;
  }
}

customElements.define('timeline-thumbnail', TimelineThumbnail);
