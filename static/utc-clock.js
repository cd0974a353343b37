// @ts-check
// <utc-clock>: shows the server's UTC to the second.

import { serverNow } from './clock.js';
import { setText } from './html.js';
import { timeOfDay } from './words.js';

/** Until the first measurement of the server's time. */
const RETRY_MS = 200;

export class UtcClock extends HTMLElement {
  #timer = 0;

  connectedCallback() {
    this.#tick();
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
  }

  #tick() {
    const now = serverNow();
    setText(this, now === null ? '--:--:-- UTC' : timeOfDay(now));
    this.#timer = setTimeout(() => this.#tick(), now === null ? RETRY_MS : 1000 - (now % 1000));
  }
}

customElements.define('utc-clock', UtcClock);
