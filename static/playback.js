// @ts-check
// Plays one URL in one video element: loads the player, opens it, opens it again after a fatal error, closes it.

import { BASE } from './address.js';
import { checkManifest, NoConnection, Problem } from './api.js';
import { loadBundle } from './player/bundle.js';
import { player as dash } from './player/dash.js';
import { player as hls } from './player/hls.js';
import { player as native } from './player/native.js';
import { player as shaka } from './player/shaka.js';
import { timeOfDay } from './words.js';

/** @typedef {{ fatal: boolean, text: string }} PlaybackError */
/**
 * `onChange`: `isBlocked` or `failure` has changed. `onError`: each error, fatal or not.
 * @typedef {object} Source
 * @property {HTMLVideoElement} video
 * @property {string} url
 * @property {boolean} lowLatency
 * @property {() => void} onChange
 * @property {(text: string) => void} onError
 */
/** @typedef {Omit<Source, 'onChange' | 'onError'> & { onError: (error: PlaybackError) => void, onBlocked: () => void }} PlayerSource */
/** A rendition that the player can be held to. @typedef {{ id: string, label: string }} Quality */
/**
 * A player that is open. `close` resolves when it has released the video element.
 * @typedef {object} Opened
 * @property {() => Promise<void>} close
 * @property {() => Quality[]} [qualities] the largest first
 * @property {() => { held: string | null, playing: string | null }} [quality] ids; `held` is null if the player chooses
 * @property {(id: string | null) => void} [hold] null to let the player choose
 * @property {() => number | null} [bandwidth] bits per second, as the player estimates it
 * @property {() => { start: number, end: number } | null} [range] positions that the user can seek to
 */
/** A vendored player, or the browser's own. `open` returns before anything plays. @typedef {{ bundle: string | null, open: (source: PlayerSource) => Opened }} Player */
/** @typedef {'opening' | 'open' | 'failed' | 'closed'} PlaybackState */

/** @type {Record<import('./choice.js').PlayerName, Player>} */
const PLAYERS = { 'hls.js': hls, 'dash.js': dash, 'shaka-player': shaka, native };

const REOPEN_AFTER_MS = 3000;

export class Playback {
  /** @type {PlaybackState} */
  state = 'opening';
  /** Whether the browser refuses to play before the user acts. */
  isBlocked = false;
  /** Why nothing plays, after a fatal error and until a picture plays; empty otherwise. */
  failure = '';
  /** With its time; empty for none. */
  lastError = '';
  /** @type {Player} */
  #player;
  /** @type {Source} */
  #source;
  /** @type {Opened | null} */
  #opened = null;
  /** Set while a player reports. @type {{ isCurrent: boolean }} */
  #session = { isCurrent: false };
  #retry = 0;

  /**
   * Starts to play.
   * @param {import('./choice.js').PlayerName} name
   * @param {Source} source
   */
  constructor(name, source) {
    this.#player = PLAYERS[name];
    this.#source = source;
    source.video.addEventListener('playing', () => this.#setFailure(''));
    void this.#open();
  }

  /** What the player can do now; null while it is not open. */
  get opened() {
    return this.#opened;
  }

  /** Positions that the user can seek to. @returns {{ start: number, end: number } | null} */
  get range() {
    const range = this.#opened?.range?.();
    if (range) return range;
    const { seekable } = this.#source.video;
    return seekable.length === 0 ? null : { start: seekable.start(0), end: seekable.end(seekable.length - 1) };
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
    this.#source.onChange();
  }

  /** @param {string} failure */
  #setFailure(failure) {
    if (this.failure === failure) return;
    this.failure = failure;
    this.#source.onChange();
  }

  /** Players do not pass on why a server refuses a manifest. @param {string} text what the player says */
  async #explain(text) {
    if (this.failure === '') this.#setFailure(text);
    const reason = await checkManifest(this.#source.url).then(() => null, (problem) => problem);
    if (this.state === 'failed') this.#setFailure(explanation(text, reason, this.#source.url));
  }

  async #open() {
    this.state = 'opening';
    this.#setBlocked(false);
    try {
      if (this.#player.bundle !== null) await loadBundle(this.#player.bundle);
      if (this.#isClosed()) return;
      this.state = 'open';
      // A player may still report after it was closed.
      const session = { isCurrent: true };
      this.#session = session;
      const onError = (/** @type {PlaybackError} */ error) => {
        if (session.isCurrent) this.#report(error);
      };
      const onBlocked = () => {
        if (session.isCurrent) this.#setBlocked(true);
      };
      this.#opened = this.#player.open({ ...this.#source, onError, onBlocked });
    } catch (error) {
      this.#report({ fatal: true, text: error instanceof Error ? error.message : String(error) });
    }
  }

  /** @param {PlaybackError} error */
  #report({ fatal, text }) {
    if (this.#isClosed() || this.state === 'failed') return;
    const next = fatal ? `; retries in ${REOPEN_AFTER_MS / 1000} s` : '';
    this.lastError = `${timeOfDay(Date.now())}: ${text}${next}`;
    this.#source.onError(text + next);
    if (!fatal) return;
    this.state = 'failed';
    void this.#explain(text);
    this.#retry = setTimeout(async () => {
      await this.#release();
      if (!this.#isClosed()) await this.#open();
    }, REOPEN_AFTER_MS);
  }

  async #release() {
    const opened = this.#opened;
    this.#opened = null;
    this.#session.isCurrent = false;
    await opened?.close();
  }

  #isClosed() {
    return this.state === 'closed';
  }
}

/** @param {string} text what the player says @param {unknown} reason why this page cannot load the manifest either @param {string} url */
function explanation(text, reason, url) {
  if (reason instanceof Problem) return reason.message;
  if (!(reason instanceof NoConnection)) return text;
  const isOurs = new URL(url, BASE).origin === BASE.origin;
  return `${text}: the server does not answer${isOurs ? '' : ', or does not allow pages of other origins (CORS)'}`;
}
