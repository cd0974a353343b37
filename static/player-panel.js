// @ts-check
// <player-panel>: plays the chosen stream. Set `choice` and `streams`; fires `choose` (detail: a choice, or null to close).

import { PROTOCOLS, protocol } from './choice.js';
import { find, html, render, setText } from './html.js';
import { Meter } from './meter.js';
import { Playback } from './playback.js';
import { PlayerChoice } from './player-choice.js';
import { PlayerFigures } from './player-figures.js';

/** @typedef {import('./answers.js').Stream} Stream */
/** @typedef {import('./choice.js').Choice} Choice */
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
        <p class="stage-note"></p>
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

  /** Brings the heading into view and into focus. */
  reveal() {
    find(this, 'h2', HTMLElement).focus({ preventScroll: true });
    this.scrollIntoView({ block: 'nearest' });
  }

  /** Makes what plays agree with what is chosen and with what the server has. */
  #settle() {
    const choice = this.#choice;
    const stream = this.#streams?.find(({ name }) => name === choice?.stream) ?? null;
    const picker = find(this, 'player-choice', PlayerChoice);
    picker.choice = choice;
    picker.offered = PROTOCOLS.map(({ id }) => id).filter((id) => stream?.urls[id] !== undefined);
    setText(find(this, 'h2', HTMLElement), choice?.stream ?? 'Player');
    for (const button of this.querySelectorAll('button')) button.disabled = choice === null;

    const obstacle = this.#obstacle(stream);
    setText(find(this, '.stage-note', HTMLElement), obstacle);
    const url = choice && stream?.urls[choice.protocol];
    if (obstacle !== '' || !choice || !url) this.#close();
    else this.#show(choice, url, stream?.revision ?? '');
  }

  /** @param {Stream | null} stream @returns {string} why nothing can play, empty if it can */
  #obstacle(stream) {
    const choice = this.#choice;
    if (choice === null) return 'Choose Play on a stream.';
    if (this.#streams === null) return `Looking for ${choice.stream}…`;
    if (stream === null) return `There is no stream ${choice.stream}.`;
    if (stream.private && Object.keys(stream.urls).length === 0) return `${stream.name} is private: open the page by its link with the token.`;
    if (stream.urls[choice.protocol] === undefined) return `${stream.name} is not offered as ${protocol(choice.protocol)?.label}.`;
    // A pause of a run is the player's test: what plays goes on.
    const goesOn = this.#showing !== null && (stream.phase === 'starting' || stream.phase === 'waiting');
    return stream.phase === 'running' || stream.awaited || goesOn ? '' : `${stream.name} is ${stream.phase}.`;
  }

  /**
   * @param {Choice} choice
   * @param {string} url
   * @param {string} revision another one is another stream to a player
   */
  #show(choice, url, revision) {
    const key = JSON.stringify([choice, url, revision]);
    if (this.#showing?.key === key) return;
    this.#close();
    const video = document.createElement('video');
    Object.assign(video, { muted: this.#muted, playsInline: true, crossOrigin: 'anonymous' });
    video.setAttribute('aria-label', `Picture of ${choice.stream}`);
    find(this, '.stage', HTMLElement).prepend(video);
    const lowLatency = protocol(choice.protocol)?.lowLatency ?? false;
    const playback = new Playback(choice.player, { video, url, lowLatency });
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
    setText(find(this, '[data-action=mute]', HTMLElement), muted ? 'Unmute' : 'Mute');
  }

  /** @param {string} action @param {() => unknown} act */
  #on(action, act) {
    find(this, `[data-action=${action}]`, HTMLButtonElement).addEventListener('click', act);
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
  if (playback.state === 'opening' || !figures.begun) return 'opening';
  if (figures.stalled) return 'stalled';
  return video.paused ? 'paused' : 'playing';
}

customElements.define('player-panel', PlayerPanel);
