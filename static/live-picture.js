// @ts-check
// <live-picture>: the picture of one player, with its measurements and its log. Call `show` and `close`; a note over the picture is
// the owner's child. Fires `picture-changed` when the player's state changes at a moment that is not a measurement's.

import { playbackUrl } from './address.js';
import { format, sourceName, write } from './choice.js';
import { serverNow } from './clock.js';
import { History } from './history.js';
import { Meter } from './meter.js';
import { Playback } from './playback.js';
import { SoundOffset } from './sound-offset.js';

/** @typedef {import('./choice.js').Choice} Choice */
/** @typedef {import('./meter.js').Figures} Figures */
/** @typedef {{ at: number, kind: 'error' | 'stall' | 'switch' | 'state' | 'request', text: string }} LogEntry */
/** `url` is that of the manifest; `openedAt` is of `performance.now()`. @typedef {{ key: string, url: string, openedAt: number, choice: Choice, playback: Playback, video: HTMLVideoElement, meter: Meter, history: History }} Showing */
/** @typedef {'idle' | 'opening' | 'playing' | 'paused' | 'stalled' | 'failed'} PlayerState */

const READ_EVERY_MS = 240;
const WATCH_EVERY_MS = 100;
const RECORD_EVERY_MS = 250;
const MOST_LOG_ENTRIES = 500;

export class LivePicture extends HTMLElement {
  /** Interval at which the strip is read, which costs several milliseconds of the processor each time. */
  readEveryMs = READ_EVERY_MS;
  /** The oldest first. @type {LogEntry[]} */
  log = [];
  /** @type {Showing | null} */
  #showing = null;
  #muted = true;
  #volume = 1;
  /** @type {SoundOffset | null} */
  #sound = null;
  #timers = [0];
  /** Of the last record, to see what changed. @type {{ stalls: number, size: string }} */
  #before = { stalls: 0, size: '' };

  connectedCallback() {
    this.classList.add('stage');
    this.#timers = [
      setInterval(() => this.#showing?.meter.watch(), WATCH_EVERY_MS),
      setInterval(() => this.#record(), RECORD_EVERY_MS),
    ];
  }

  disconnectedCallback() {
    for (const timer of this.#timers) clearInterval(timer);
    void this.close();
  }

  /** What plays; null while nothing does. */
  get showing() {
    return this.#showing;
  }

  get muted() {
    return this.#muted;
  }

  /** @param {boolean} muted */
  set muted(muted) {
    this.#muted = muted;
    if (this.#sound) this.#sound.muted = muted;
    else if (this.#showing) this.#showing.video.muted = muted;
  }

  get volume() {
    return this.#volume;
  }

  /** @param {number} volume 0 to 1 */
  set volume(volume) {
    this.#volume = volume;
    if (this.#sound) this.#sound.volume = volume;
    else if (this.#showing) this.#showing.video.volume = volume;
  }

  /**
   * Plays, unless this plays already. A stream that changes its picture stays the same stream.
   * @param {Choice} choice
   * @param {string} url of the manifest
   */
  show(choice, url) {
    const key = JSON.stringify([write(choice), url]);
    if (this.#showing?.key === key) return;
    void this.#end();
    const video = document.createElement('video');
    Object.assign(video, { muted: this.#muted, volume: this.#volume, playsInline: true, crossOrigin: 'anonymous' });
    video.setAttribute('aria-label', `Picture of ${sourceName(choice)}`);
    this.prepend(video);
    this.#before = { stalls: 0, size: '' };
    this.log = [];
    const playback = new Playback(choice.player, {
      video,
      url: choice.url === '' ? playbackUrl(url) : url,
      lowLatency: format(choice.format)?.lowLatency ?? false,
      onError: (text) => this.note('error', text),
      onChange: () => this.#changed(),
    });
    const meter = new Meter(video, this.readEveryMs);
    this.#showing = { key, url, openedAt: performance.now(), choice, playback, video, meter, history: new History() };
    this.note('state', 'opened');
    this.#changed();
  }

  /** Starts to measure the sound against the picture; call it when the user acts. */
  async measureSound() {
    const showing = this.#showing;
    if (showing === null || this.#sound !== null) return;
    const sound = new SoundOffset(showing.video, this.#muted, () => showing.meter.seen);
    this.#sound = sound;
    await sound.start();
  }

  /** How late the sound is in milliseconds; null if it is not measured yet, undefined if nobody asked. */
  get soundOffset() {
    return this.#sound === null ? undefined : this.#sound.milliseconds;
  }

  async close() {
    if (this.#showing === null) return;
    const ended = this.#end();
    this.#changed();
    await ended;
  }

  /** Ends the player without an event, because an owner that hears of it might open the next one. */
  async #end() {
    const showing = this.#showing;
    if (showing === null) return;
    this.#showing = null;
    this.#sound?.close();
    this.#sound = null;
    showing.meter.close();
    showing.video.remove();
    await showing.playback.close();
    // Frees the decoder, whatever the player left on the element.
    showing.video.removeAttribute('src');
    showing.video.load();
  }

  /** @returns {{ state: PlayerState, figures: Figures | null, error: string }} */
  read() {
    if (this.#showing === null) return { state: 'idle', figures: null, error: '' };
    const { playback, meter, video } = this.#showing;
    const figures = meter.read();
    return { state: playerState(playback, figures, video), figures, error: playback.lastError };
  }

  /** Adds to the log. @param {LogEntry['kind']} kind @param {string} text */
  note(kind, text) {
    this.log.push({ at: serverNow() ?? Date.now(), kind, text });
    if (this.log.length > MOST_LOG_ENTRIES) this.log.splice(0, this.log.length - MOST_LOG_ENTRIES);
  }

  #record() {
    const at = serverNow();
    if (this.#showing === null || at === null || document.hidden) return;
    const { state, figures } = this.read();
    if (figures === null) return;
    const { stalls, size } = this.#before;
    this.#before = { stalls: figures.stalls, size: figures.size };
    if (figures.stalls > stalls) this.note('stall', 'playback stands still');
    if (figures.size !== size && figures.size !== '') this.note('switch', size === '' ? `first picture, ${figures.size}` : `from ${size} to ${figures.size}`);
    this.#showing.history.add({
      at,
      latency: state === 'opening' ? null : figures.latencySeconds,
      buffer: figures.bufferedSeconds,
      size: figures.size,
      dropped: figures.droppedFrames,
      repeated: figures.repeatedFrames,
      frozen: figures.frozen,
      stalls: figures.stalls,
      offset: this.soundOffset ?? null,
    });
  }

  #changed() {
    this.dispatchEvent(new CustomEvent('picture-changed'));
  }
}

/**
 * @param {Playback} playback
 * @param {Figures} figures
 * @param {HTMLVideoElement} video
 * @returns {PlayerState}
 */
function playerState(playback, figures, video) {
  if (playback.state === 'failed') return 'failed';
  if (playback.isBlocked) return 'paused';
  if (playback.state === 'opening' || !figures.begun) return 'opening';
  if (figures.stalled) return 'stalled';
  return video.paused ? 'paused' : 'playing';
}

customElements.define('live-picture', LivePicture);
