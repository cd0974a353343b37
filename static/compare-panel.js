// @ts-check
// <compare-panel>: two to four players side by side, and their latencies on one plot. Set `choices` and `streams`.
// Fires `compared` (detail: the choices from now on).

import { choose, write } from './choice.js';
import { CompareTile } from './compare-tile.js';
import { find, html, render, setText } from './html.js';
import { icon } from './icons.js';
import { LatencyPlot, PLOT_SECONDS } from './latency-plot.js';
import { MOST_CHOICES } from './route.js';

/** @typedef {import('./answers.js').Stream} Stream */
/** @typedef {import('./choice.js').Choice} Choice */

const SHOW_EVERY_MS = 500;
/** Manners to add, each with the first player that no other tile has. */
const NEXT = [['lldash', 'dash.js'], ['llhls', 'shaka-player'], ['hls', 'hls.js'], ['dash', 'shaka-player'], ['llhls', 'hls.js']];

export class ComparePanel extends HTMLElement {
  /** @type {Choice[]} */
  #choices = [];
  /** @type {readonly Stream[] | null} */
  #streams = null;
  #timer = 0;

  connectedCallback() {
    render(this, html`
      <div class="panel-head">
        <h2 id="compare-heading" tabindex="-1">Comparison</h2>
        <div class="actions">
          <button type="button" data-action="add">${icon('plus')}<span>Add a player</span></button>
          <button type="button" class="quiet" data-action="close">${icon('close')}<span>Close</span></button>
        </div>
      </div>
      <p class="hint connections" role="status"></p>
      <div class="tiles"></div>
      <latency-plot></latency-plot>`);
    this.#button('add').addEventListener('click', () => this.#add());
    this.#button('close').addEventListener('click', () => this.#fire(this.#choices.slice(0, 1)));
    this.addEventListener('tile-changed', (event) => {
      if (event instanceof CustomEvent && event.target instanceof CompareTile) this.#replace(event.target, event.detail);
    });
    this.addEventListener('sound-wanted', ({ target }) => {
      for (const tile of this.#tiles) tile.picture.muted = tile === target ? !tile.picture.muted : true;
      this.#update();
    });
    this.#timer = setInterval(() => this.#update(), SHOW_EVERY_MS);
  }

  disconnectedCallback() {
    clearInterval(this.#timer);
  }

  /** @param {Choice[]} choices none to close all players */
  set choices(choices) {
    this.#choices = choices;
    const before = this.#tiles;
    const place = find(this, '.tiles', HTMLElement);
    choices.forEach((choice, i) => {
      const at = before.findIndex((tile) => tile.key === write(choice));
      const tile = at < 0 ? new CompareTile() : /** @type {CompareTile} */ (before.splice(at, 1)[0]);
      // A video that moves in the document stops, so only what is new is put in its place.
      if (place.children[i] !== tile) place.insertBefore(tile, at < 0 ? place.children[i] ?? null : null);
      tile.place = i;
      if (at < 0) tile.choice = choice;
      tile.streams = this.#streams;
    });
    for (const tile of before) tile.remove();
    place.dataset.count = String(choices.length);
    this.#button('add').disabled = choices.length >= MOST_CHOICES;
  }

  /** @param {readonly Stream[]} streams */
  set streams(streams) {
    this.#streams = streams;
    for (const tile of this.#tiles) tile.streams = streams;
  }

  /** Gives the heading the focus. */
  reveal() {
    find(this, 'h2', HTMLElement).focus({ preventScroll: true });
    this.scrollIntoView({ block: 'nearest' });
  }

  #add() {
    const stream = this.#choices.find((choice) => choice.stream !== '')?.stream ?? this.#streams?.[0]?.name;
    if (stream === undefined) return;
    const taken = this.#choices.map(({ format, player }) => `${format} ${player}`);
    const [format = 'hls', player = ''] = NEXT.find(([id, name]) => !taken.includes(`${id} ${name}`)) ?? [];
    this.#fire([...this.#choices, choose(stream, format, player)]);
  }

  /** @param {CompareTile} tile @param {Choice | null} choice */
  #replace(tile, choice) {
    const at = this.#tiles.indexOf(tile);
    const next = this.#choices.flatMap((each, i) => (i !== at ? [each] : choice === null ? [] : [choice]));
    // The tile goes on as it is, so that the focus stays.
    if (choice !== null) tile.choice = choice;
    this.#fire(next);
    if (choice === null) find(this, 'h2', HTMLElement).focus();
  }

  #update() {
    if (this.hidden) return;
    for (const tile of this.#tiles) tile.update();
    find(this, 'latency-plot', LatencyPlot).show(this.#tiles.map(({ label, picture }) => ({ label, rows: picture.showing?.history.rows(PLOT_SECONDS) ?? [] })));
    const isShared = location.protocol === 'http:' && this.#choices.filter(({ format }) => format.startsWith('ll')).length > 1;
    setText(find(this, '.connections', HTMLElement), isShared ? 'Over HTTP/1.1, all players share six connections, which adds latency. Compare low latency over HTTPS, which has HTTP/2.' : '');
  }

  /** @param {Choice[]} choices */
  #fire(choices) {
    this.dispatchEvent(new CustomEvent('compared', { bubbles: true, detail: choices }));
  }

  get #tiles() {
    return [...this.querySelectorAll('compare-tile')].filter((tile) => tile instanceof CompareTile);
  }

  /** @param {string} action */
  #button(action) {
    return find(this, `.panel-head [data-action=${action}]`, HTMLButtonElement);
  }
}

customElements.define('compare-panel', ComparePanel);
