// @ts-check
// Plays one URL in one video element: loads the player, opens it, opens it again after a fatal error, closes it.

import { loadBundle } from './player/bundle.js';
import { player as dash } from './player/dash.js';
import { player as hls } from './player/hls.js';
import { player as shaka } from './player/shaka.js';
import { timeOfDay } from './words.js';

/** @typedef {{ fatal: boolean, text: string }} PlaybackError */
/**
 * `onBlocked`: whether the browser refuses to play before the user acts.
 * @typedef {{ video: HTMLVideoElement, url: string, lowLatency: boolean, onBlocked: (isBlocked: boolean) => void }} Source
 */
/** @typedef {Omit<Source, 'onBlocked'> & { onError: (error: PlaybackError) => void, onBlocked: () => void }} PlayerSource */
/**
 * A vendored player. `open` returns before anything plays. The function that it returns closes the player, and resolves when
 * the player has released the video element.
 * @typedef {{ bundle: string, open: (source: PlayerSource) => () => Promise<void> }} Player
 */
/** @typedef {'opening' | 'open' | 'failed' | 'closed'} PlaybackState */

/** @type {Record<import('./choice.js').PlayerName, Player>} */
const PLAYERS = { 'hls.js': hls, 'dash.js': dash, 'shaka-player': shaka };

const REOPEN_AFTER_MS = 3000;

export class Playback {
  /** @type {PlaybackState} */
  state = 'opening';
  isBlocked = false;
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
   * @param {Source} source
   */
  constructor(name, source) {
    this.#player = PLAYERS[name];
    this.#source = source;
    void this.#open();
  }

  /** Plays after the browser has blocked playback; call it when the user acts. */
  async resume() {
    await this.#source.video.play();
    this.#setBlocked(false);
  }

  /** @returns {Promise<void>} resolves when the player has released the video element */
  async close() {
    this.state = 'closed';
    clearTimeout(this.#retry);
    await this.#release();
  }

  /** @param {boolean} isBlocked */
  #setBlocked(isBlocked) {
    if (this.isBlocked === isBlocked) return;
    this.isBlocked = isBlocked;
    this.#source.onBlocked(isBlocked);
  }

  async #open() {
    this.state = 'opening';
    this.#setBlocked(false);
    try {
      await loadBundle(this.#player.bundle);
      if (this.#isClosed()) return;
      this.state = 'open';
      // A player may still report after it was closed.
      let isCurrent = true;
      const onError = (/** @type {PlaybackError} */ error) => {
        if (isCurrent) this.#report(error);
      };
      const onBlocked = () => {
        if (isCurrent) this.#setBlocked(true);
      };
      const close = this.#player.open({ ...this.#source, onError, onBlocked });
      this.#closePlayer = () => {
        isCurrent = false;
        return close();
      };
    } catch (error) {
      this.#report({ fatal: true, text: error instanceof Error ? error.message : String(error) });
    }
  }

  /** @param {PlaybackError} error */
  #report({ fatal, text }) {
    if (this.#isClosed() || this.state === 'failed') return;
    const next = fatal ? `; retries in ${REOPEN_AFTER_MS / 1000} s` : '';
    this.lastError = `${timeOfDay(Date.now())}: ${text}${next}`;
    if (!fatal) return;
    this.state = 'failed';
    this.#retry = setTimeout(async () => {
      await this.#release();
      if (!this.#isClosed()) await this.#open();
    }, REOPEN_AFTER_MS);
  }

  async #release() {
    const close = this.#closePlayer;
    this.#closePlayer = null;
    await close?.();
  }

  #isClosed() {
    return this.state === 'closed';
  }
}
