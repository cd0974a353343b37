// @ts-check
// One life of a player on one video element: loads the bundle, opens, opens again after a fatal error, closes.

import { loadBundle } from './player/bundle.js';
import { player as dash } from './player/dash.js';
import { player as hls } from './player/hls.js';
import { player as shaka } from './player/shaka.js';
import { timeOfDay } from './words.js';

/** @typedef {{ fatal: boolean, text: string }} PlaybackError */
/** @typedef {{ video: HTMLVideoElement, url: string, lowLatency: boolean, onError: (error: PlaybackError) => void }} Source */
/**
 * A vendored player. `open` returns at once; what it returns closes the player and resolves when nothing is left of it.
 * @typedef {{ bundle: string, open: (source: Source) => () => Promise<void> }} Player
 */
/** @typedef {'opening' | 'open' | 'failed' | 'closed'} PlaybackState */

/** @type {Record<import('./choice.js').PlayerName, Player>} */
const PLAYERS = { 'hls.js': hls, 'dash.js': dash, 'shaka-player': shaka };

const REOPEN_AFTER_MS = 3000;

export class Playback {
  /** @type {PlaybackState} */
  state = 'opening';
  /** With its time; empty for none. */
  lastError = '';
  /** @type {Player} */
  #player;
  /** @type {Source} */
  #source;
  /** @type {(() => Promise<void>) | null} */
  #closePlayer = null;
  #retry = 0;

  /**
   * Starts to play.
   * @param {import('./choice.js').PlayerName} name
   * @param {Omit<Source, 'onError'>} source
   */
  constructor(name, source) {
    this.#player = PLAYERS[name];
    this.#source = { ...source, onError: () => {} };
    void this.#open();
  }

  /** @returns {Promise<void>} resolves when the player has let go of the video element */
  async close() {
    this.state = 'closed';
    clearTimeout(this.#retry);
    await this.#letGo();
  }

  async #open() {
    this.state = 'opening';
    try {
      await loadBundle(this.#player.bundle);
      if (this.#isClosed()) return;
      this.state = 'open';
      // A player that was let go may still speak; only the present one is heard.
      let present = true;
      const onError = (/** @type {PlaybackError} */ error) => {
        if (present) this.#hear(error);
      };
      const close = this.#player.open({ ...this.#source, onError });
      this.#closePlayer = () => {
        present = false;
        return close();
      };
    } catch (error) {
      this.#hear({ fatal: true, text: error instanceof Error ? error.message : String(error) });
    }
  }

  /** @param {PlaybackError} error */
  #hear({ fatal, text }) {
    if (this.#isClosed() || this.state === 'failed') return;
    const next = fatal ? `; opens again in ${REOPEN_AFTER_MS / 1000} s` : '';
    this.lastError = `${timeOfDay(Date.now())}: ${text}${next}`;
    if (!fatal) return;
    this.state = 'failed';
    this.#retry = setTimeout(async () => {
      await this.#letGo();
      if (!this.#isClosed()) await this.#open();
    }, REOPEN_AFTER_MS);
  }

  async #letGo() {
    const close = this.#closePlayer;
    this.#closePlayer = null;
    await close?.();
  }

  #isClosed() {
    return this.state === 'closed';
  }
}
