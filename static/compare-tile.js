// @ts-check
// <compare-tile>: one player of a comparison. Set `place`, `choice` and `streams`; call `update` several times a second.
// Fires `tile-changed` (detail: the new choice, or null to remove the tile), `sound-wanted` and `streams-changed`.

import { playbackUrl, withConditions } from './address.js';
import { change, format, FORMATS, sourceName, write } from './choice.js';
import { find, html, render, setText } from './html.js';
import { icon } from './icons.js';
import { PLOT_SECONDS } from './latency-plot.js';
import { LivePicture } from './live-picture.js';
import { obstacle, remark } from './obstacle.js';
import { PlayerNote } from './player-note.js';
import { latencyText } from './words.js';

/** @typedef {import('./answers.js').Stream} Stream */
/** @typedef {import('./choice.js').Choice} Choice */

/** Several players share the processor. */
const READ_EVERY_MS = 480;

export class CompareTile extends HTMLElement {
  /** @type {Choice | null} */
  #choice = null;
  /** @type {readonly Stream[] | null} */
  #streams = null;

  connectedCallback() {
    if (this.firstChild) return;
    render(this, html`
      <div class="tile-head">
        <svg class="series" viewBox="0 0 28 8" aria-hidden="true"><path d="M0 4h28"/></svg>
        <h3></h3>
        <button type="button" class="quiet" data-action="sound" aria-pressed="false" aria-label="Sound">${icon('silent')}</button>
        <button type="button" class="quiet" data-action="remove" aria-label="Remove">${icon('close')}</button>
      </div>
      <div class="tile-choice">
        <select data-control="format" aria-label="Format">${FORMATS.map(({ id, label }) => html`<option value="${id}">${label}</option>`)}</select>
        <select data-control="player" aria-label="Player"></select>
      </div>
      <live-picture><player-note></player-note></live-picture>
      <dl class="tile-figures">
        <div class="readout-now"><dt>Latency</dt><dd data-figure="latency">–</dd></div>
        <div><dt>Median</dt><dd data-figure="median">–</dd></div>
        <div><dt>95 %</dt><dd data-figure="p95">–</dd></div>
        <div><dt>Stalls</dt><dd data-figure="stalls">–</dd></div>
        <div><dt>Dropped</dt><dd data-figure="dropped">–</dd></div>
        <div><dt>State</dt><dd data-figure="state">idle</dd></div>
      </dl>`);
    this.picture.readEveryMs = READ_EVERY_MS;
    this.picture.addEventListener('picture-changed', () => this.#settle());
    for (const control of ['format', 'player']) this.#select(control).addEventListener('change', () => this.#changed());
    this.#button('remove').addEventListener('click', () => this.#fire('tile-changed', null));
    this.#button('sound').addEventListener('click', () => this.#fire('sound-wanted', null));
  }

  get picture() {
    return find(this, 'live-picture', LivePicture);
  }

  /** What plays, as the address writes it. */
  get key() {
    return this.#choice === null ? '' : write(this.#choice);
  }

  /** @returns {string} like `test, LL-HLS in hls.js` */
  get label() {
    const choice = this.#choice;
    return choice === null ? '' : `${sourceName(choice)}, ${format(choice.format)?.label} in ${choice.player}`;
  }

  /** @param {number} place from 0, which decides the line in the plot */
  set place(place) {
    this.dataset.place = String(place + 1);
  }

  /** @param {Choice} choice */
  set choice(choice) {
    this.#choice = choice;
    setText(find(this, 'h3', HTMLElement), sourceName(choice));
    this.#select('format').value = choice.format;
    const players = format(choice.format)?.players ?? [];
    render(this.#select('player'), html`${players.map((id) => html`<option value="${id}">${id === 'native' ? 'browser' : id}</option>`)}`);
    this.#select('player').value = choice.player;
    this.#button('remove').setAttribute('aria-label', `Remove ${this.label}`);
    this.#button('sound').setAttribute('aria-label', `Sound of ${this.label}`);
    this.#settle();
  }

  /** @param {readonly Stream[] | null} streams null before the first list */
  set streams(streams) {
    this.#streams = streams;
    this.#settle();
  }

  /** Shows the measurements. */
  update() {
    const { state, figures } = this.picture.read();
    const { median, p95 } = this.picture.showing?.history.latency(PLOT_SECONDS) ?? { median: null, p95: null };
    this.#set('latency', latencyText(figures?.latencySeconds ?? null));
    this.#set('median', latencyText(median));
    this.#set('p95', latencyText(p95));
    this.#set('stalls', figures === null ? '–' : String(figures.stalls));
    this.#set('dropped', figures === null ? '–' : String(Math.max(figures.droppedFrames, figures.lateFrames)));
    this.#set('state', state);
    const { muted } = this.picture;
    const sound = this.#button('sound');
    if (sound.getAttribute('aria-pressed') === String(!muted)) return;
    sound.setAttribute('aria-pressed', String(!muted));
    render(sound, icon(muted ? 'silent' : 'sound'));
  }

  #settle() {
    const choice = this.#choice;
    if (choice === null) return;
    const stream = this.#streams?.find(({ name }) => name === choice.stream) ?? null;
    const found = { choice, stream, isListed: this.#streams !== null, plays: this.picture.showing !== null };
    const why = obstacle(found, () => this.#fire('streams-changed', null));
    const url = choice.url || stream?.urls[choice.format];
    if (why !== null) void this.picture.close();
    else if (url) this.picture.show(choice, choice.url === '' ? withConditions(playbackUrl(url), choice.conditions) : url);
    find(this, 'player-note', PlayerNote).show(why ?? remark(stream, this.picture.showing?.playback ?? null));
  }

  #changed() {
    if (this.#choice !== null) this.#fire('tile-changed', change(this.#choice, this.#select('format').value, this.#select('player').value));
  }

  /** @param {string} name @param {unknown} detail */
  #fire(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
  }

  /** @param {string} id @param {string} text */
  #set(id, text) {
    setText(find(this, `[data-figure=${id}]`, HTMLElement), text);
  }

  /** @param {string} control */
  #select(control) {
    return find(this, `[data-control=${control}]`, HTMLSelectElement);
  }

  /** @param {string} action */
  #button(action) {
    return find(this, `[data-action=${action}]`, HTMLButtonElement);
  }
}

customElements.define('compare-tile', CompareTile);
