// @ts-check
// <player-panel>: plays the chosen stream, or says why it does not play and what helps. Set `choice` and `streams`.
// Fires `choose` (detail: a choice, or null to close) and `streams-changed`.

import { startStream } from './api.js';
import { FORMATS, format } from './choice.js';
import { playbackUrl } from './address.js';
import { find, html, render, setText } from './html.js';
import { Meter } from './meter.js';
import { Playback } from './playback.js';
import { PlayerChoice } from './player-choice.js';
import { PlayerFigures } from './player-figures.js';
import { PlayerNote } from './player-note.js';
import { requestToken } from './token.js';
import { sentence } from './words.js';

/** @typedef {import('./answers.js').Stream} Stream */
/** @typedef {import('./choice.js').Choice} Choice */
/** @typedef {import('./player-note.js').Note} Note */
/** @typedef {{ key: string, playback: Playback, video: HTMLVideoElement, meter: Meter }} Showing */

const WATCH_EVERY_MS = 100;
const SHOW_EVERY_MS = 500;

export class PlayerPanel extends HTMLElement {
  /** @type {Choice | null} */
  #choice = null;
  /** Null until the first list. @type {readonly Stream[] | null} */
  #streams = null;
  /** @type {Showing | null} */
  #showing = null;
  #muted = true;
  #timers = [0];

  connectedCallback() {
    render(this, html`
      <div class="panel-head">
        <h2 id="player-heading" tabindex="-1">Player</h2>
        <button type="button" class="quiet" data-action="close">Close</button>
      </div>
      <player-choice></player-choice>
      <div class="stage">
        <player-note></player-note>
      </div>
      <div class="actions">
        <button type="button" class="primary" data-action="mute"></button>
        <button type="button" data-action="fullscreen">Full screen</button>
      </div>
      <player-figures></player-figures>`);
    this.#on('close', () => this.dispatchEvent(new CustomEvent('choose', { bubbles: true, detail: null })));
    this.#on('mute', () => this.#mute(!this.#muted));
    this.#on('fullscreen', () => find(this, '.stage', HTMLElement).requestFullscreen());
    find(this, '[data-action=fullscreen]', HTMLElement).hidden = !document.fullscreenEnabled;
    this.#mute(true);
    this.#timers = [
      setInterval(() => this.#showing?.meter.watch(), WATCH_EVERY_MS),
      setInterval(() => this.#showFigures(), SHOW_EVERY_MS),
    ];
    this.#settle();
  }

  disconnectedCallback() {
    for (const timer of this.#timers) clearInterval(timer);
    this.#close();
  }

  /** @param {Choice | null} choice */
  set choice(choice) {
    this.#choice = choice;
    this.#settle();
  }

  /** @param {readonly Stream[]} streams */
  set streams(streams) {
    this.#streams = streams;
    this.#settle();
  }

  /** Scrolls the heading into view and gives it the focus. */
  reveal() {
    find(this, 'h2', HTMLElement).focus({ preventScroll: true });
    this.scrollIntoView({ block: 'nearest' });
  }

  /** Plays what is chosen if the server has it; otherwise plays nothing. */
  #settle() {
    const choice = this.#choice;
    const stream = this.#streams?.find(({ name }) => name === choice?.stream) ?? null;
    const picker = find(this, 'player-choice', PlayerChoice);
    picker.choice = choice;
    picker.offered = FORMATS.map(({ id }) => id).filter((id) => stream?.urls[id] !== undefined);
    setText(find(this, 'h2', HTMLElement), choice?.stream ?? 'Player');
    this.#button('close').disabled = choice === null;

    const url = choice && stream?.urls[choice.format];
    const obstacle = this.#obstacle(stream);
    if (choice && stream && url && obstacle === null) this.#show(choice, playbackUrl(url), stream.revision);
    else this.#close();
    this.#enablePicture(this.#showing !== null);
    this.#showNote(obstacle ?? this.#remark(stream));
  }

  /** Enables the buttons that need a picture. A button that had the focus hands it on. @param {boolean} enabled */
  #enablePicture(enabled) {
    const buttons = ['mute', 'fullscreen'].map((action) => this.#button(action));
    const hadFocus = buttons.some((button) => button === document.activeElement);
    for (const button of buttons) button.disabled = !enabled;
    if (hadFocus && !enabled) find(this, 'h2', HTMLElement).focus();
  }

  /** @param {Stream | null} stream the one that is chosen @returns {Note | null} why nothing can play */
  #obstacle(stream) {
    const choice = this.#choice;
    if (choice === null) return { text: 'Nothing plays. Choose Play on a stream.' };
    if (this.#streams === null) return { text: `Loading ${choice.stream}…` };
    if (stream === null) return { text: `There is no stream ${choice.stream}.` };
    if (stream.private && Object.keys(stream.urls).length === 0) {
      const text = `${stream.name} is private. Paste the API token, or open the link that barstone printed when it started.`;
      return { text, remedy: { label: 'Enter token', run: requestToken } };
    }
    if (stream.urls[choice.format] === undefined) return { text: `${stream.name} is not available as ${format(choice.format)?.label}.` };
    const text = sentence(stream);
    switch (stream.phase) {
      case 'running':
      case 'on demand': return null;
      case 'starting':
      case 'waiting': return this.#showing === null ? { text } : null;
      case 'stopped': return { text, remedy: this.#start(stream, 'Start and play') };
      case 'failed': return { text, remedy: this.#start(stream, 'Start again') };
    }
  }

  /** A player goes on while its stream starts again, which is what people test. @param {Stream | null} stream @returns {Note | null} */
  #remark(stream) {
    if (this.#showing?.playback.isBlocked) {
      const { playback } = this.#showing;
      return { text: 'The browser has blocked playback.', remedy: { label: 'Play', run: () => playback.resume() } };
    }
    return stream?.phase === 'starting' || stream?.phase === 'waiting' ? { text: sentence(stream) } : null;
  }

  /** @param {Stream} stream @param {string} label */
  #start({ name }, label) {
    const run = async () => {
      await startStream(name);
      this.dispatchEvent(new CustomEvent('streams-changed', { bubbles: true }));
    };
    return { label, run };
  }

  /** @param {Note | null} note */
  #showNote(note) {
    const element = find(this, 'player-note', PlayerNote);
    const hadFocus = element.contains(document.activeElement);
    element.show(note);
    if (hadFocus && !note?.remedy) find(this, 'h2', HTMLElement).focus();
  }

  /**
   * @param {Choice} choice
   * @param {string} url
   * @param {string} revision to a player, another revision is another stream
   */
  #show(choice, url, revision) {
    const key = JSON.stringify([choice, url, revision]);
    if (this.#showing?.key === key) return;
    this.#close();
    const video = document.createElement('video');
    Object.assign(video, { muted: this.#muted, playsInline: true, crossOrigin: 'anonymous' });
    video.setAttribute('aria-label', `Picture of ${choice.stream}`);
    find(this, '.stage', HTMLElement).prepend(video);
    const lowLatency = format(choice.format)?.lowLatency ?? false;
    const onBlocked = () => {
      this.#showFigures();
      this.#settle();
    };
    const playback = new Playback(choice.player, { video, url, lowLatency, onBlocked });
    this.#showing = { key, playback, video, meter: new Meter(video) };
    this.#showFigures();
  }

  async #close() {
    const showing = this.#showing;
    if (showing === null) return;
    this.#showing = null;
    this.#showFigures();
    showing.video.remove();
    await showing.playback.close();
    // Frees the decoder, whatever the player left on the element.
    showing.video.removeAttribute('src');
    showing.video.load();
  }

  #showFigures() {
    const panel = find(this, 'player-figures', PlayerFigures);
    if (this.#showing === null) return panel.show('idle', null, '');
    const { playback, meter, video } = this.#showing;
    const figures = meter.read();
    panel.show(playerState(playback, figures, video), figures, playback.lastError);
  }

  /** @param {boolean} muted */
  #mute(muted) {
    this.#muted = muted;
    if (this.#showing) this.#showing.video.muted = muted;
    setText(this.#button('mute'), muted ? 'Unmute' : 'Mute');
  }

  /** @param {string} action @param {() => unknown} act */
  #on(action, act) {
    this.#button(action).addEventListener('click', act);
  }

  /** @param {string} action */
  #button(action) {
    return find(this, `[data-action=${action}]`, HTMLButtonElement);
  }
}

/**
 * @param {Playback} playback
 * @param {import('./meter.js').Figures} figures
 * @param {HTMLVideoElement} video
 * @returns {import('./player-figures.js').PlayerState}
 */
function playerState(playback, figures, video) {
  if (playback.state === 'failed') return 'failed';
  if (playback.isBlocked) return 'paused';
  if (playback.state === 'opening' || !figures.begun) return 'opening';
  if (figures.stalled) return 'stalled';
  return video.paused ? 'paused' : 'playing';
}

customElements.define('player-panel', PlayerPanel);
