// @ts-check
// Follows the streams: requests the list when the server reports an event, and every few seconds, because viewers cause no events.

import { BASE } from './address.js';
import { listStreams } from './api.js';
import { watchable } from './viewing.js';

/** @typedef {import('./answers.js').Stream} Stream */

/** All events that change what the list says. */
const EVENTS = ['phase', 'created', 'replaced', 'removed', 'first_viewer', 'last_viewer', 'overflow', 'push', 'missed'];
const POLL_EVERY_MS = 5000;
/** While the server sends no events, or does not answer. */
const POLL_WITHOUT_EVENTS_MS = 2000;
/** Several events of one change lead to one request. */
const SETTLE_MS = 150;

export class Follow {
  #onList;
  #onFailure;
  /** @type {EventSource | null} */
  #events = null;
  #wantsEvents = true;
  #isLost = false;
  #number = 0;
  #timer = 0;

  /**
   * @param {(streams: Stream[]) => void} onList
   * @param {(reason: unknown) => void} onFailure
   */
  constructor(onList, onFailure) {
    this.#onList = onList;
    this.#onFailure = onFailure;
    document.addEventListener('visibilitychange', () => this.now());
    this.now();
  }

  /**
   * A browser opens six connections to a server over HTTP/1.1. The one of events is given up while players need them.
   * @param {boolean} wanted
   */
  set events(wanted) {
    this.#wantsEvents = wanted;
    this.#connect();
  }

  /** Requests the list now; ignores every answer but the one to the latest request. */
  async now() {
    clearTimeout(this.#timer);
    this.#connect();
    if (document.hidden) return;
    const number = (this.#number += 1);
    try {
      const answer = await watchable(await listStreams());
      if (number !== this.#number) return;
      this.#isLost = false;
      this.#onList(answer);
    } catch (reason) {
      if (number !== this.#number) return;
      this.#isLost = true;
      this.#onFailure(reason);
    }
    const isTold = !this.#isLost && this.#events?.readyState === EventSource.OPEN;
    this.#timer = setTimeout(() => this.now(), isTold ? POLL_EVERY_MS : POLL_WITHOUT_EVENTS_MS);
  }

  /** Opens or closes the connection for events. A hidden page needs none. */
  #connect() {
    const wanted = this.#wantsEvents && !document.hidden;
    if (wanted === (this.#events !== null)) return;
    if (!wanted) {
      this.#events?.close();
      this.#events = null;
      return;
    }
    const events = new EventSource(new URL('api/v1/events', BASE));
    this.#events = events;
    for (const name of EVENTS) events.addEventListener(name, () => this.#soon());
    events.addEventListener('error', () => {
      this.#soon();
      // A browser gives up after an answer that is no event stream.
      if (events.readyState === EventSource.CLOSED && this.#events === events) this.#events = null;
    });
  }

  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.now(), SETTLE_MS);
  }
}
