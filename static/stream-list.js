// @ts-check
// <stream-list>: a card for each stream, and a filter. Set `streams` and `chosen`. Updates reuse the cards, so that the focus stays.

import { find, html, render, setText } from './html.js';
import { icon } from './icons.js';
import { StreamCard } from './stream-card.js';

/** @typedef {import('./answers.js').Stream} Stream */

/** So many streams are worth a filter. */
const FILTER_FROM = 4;

export class StreamList extends HTMLElement {
  /** @type {Map<string, StreamCard>} */
  #cards = new Map();
  /** @type {readonly string[]} */
  #chosen = [];
  /** @type {readonly Stream[]} */
  #streams = [];

  connectedCallback() {
    render(this, html`
      <label class="filter" hidden>${icon('search')}<span class="unseen">Filter streams</span>
        <input type="search" placeholder="Filter by name, title or phase" autocomplete="off" spellcheck="false"></label>
      <ul></ul>
      <p class="empty" role="status">Loading the streams…</p>`);
    find(this, 'input', HTMLInputElement).addEventListener('input', () => this.#filter());
  }

  /** @param {readonly Stream[]} streams sorted */
  set streams(streams) {
    this.#drop(streams);
    for (const stream of streams) {
      const card = this.#cards.get(stream.name) ?? this.#add(stream.name);
      card.stream = stream;
      card.chosen = this.#chosen.includes(stream.name);
    }
    this.#sort(streams);
    this.#streams = streams;
    const filter = find(this, '.filter', HTMLElement);
    if (streams.length >= FILTER_FROM) filter.hidden = false;
    this.#filter();
  }

  /** Shows the cards whose stream has the words of the filter. */
  #filter() {
    const wanted = find(this, 'input', HTMLInputElement).value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const { name, title, phase } of this.#streams) {
      const item = this.#cards.get(name)?.parentElement;
      const fits = wanted.every((word) => `${name} ${title} ${phase}`.toLowerCase().includes(word));
      if (fits) shown += 1;
      if (item) item.hidden = !fits;
    }
    const none = this.#streams.length === 0 ? 'No streams yet. Choose New stream to create one.' : 'No stream fits the filter.';
    setText(find(this, '.empty', HTMLElement), shown === 0 ? none : '');
  }

  /** @param {readonly string[]} names of the streams that play in this page */
  set chosen(names) {
    this.#chosen = names;
    for (const [name, card] of this.#cards) card.chosen = names.includes(name);
  }

  /** Scrolls the card of a stream into view and gives it the focus. @param {string} name @returns {boolean} whether there is such a card */
  reveal(name) {
    const filter = find(this, 'input', HTMLInputElement);
    if (this.#cards.get(name)?.parentElement?.hidden) filter.value = '';
    this.#filter();
    const card = this.#cards.get(name);
    card?.focus({ preventScroll: true });
    card?.scrollIntoView({ block: 'nearest' });
    return card !== undefined;
  }

  /** @param {string} name */
  #add(name) {
    const card = new StreamCard();
    card.tabIndex = -1;
    this.#cards.set(name, card);
    return card;
  }

  /** @param {readonly Stream[]} streams */
  #drop(streams) {
    for (const [name, card] of this.#cards) {
      if (streams.some((stream) => stream.name === name)) continue;
      const hadFocus = card.contains(document.activeElement);
      card.parentElement?.remove();
      this.#cards.delete(name);
      if (hadFocus) this.focus();
    }
  }

  /** Moves only cards that are out of place. @param {readonly Stream[]} streams */
  #sort(streams) {
    const list = this.querySelector('ul');
    streams.forEach((stream, i) => {
      const card = this.#cards.get(stream.name);
      if (!list || !card || list.children[i]?.firstElementChild === card) return;
      const item = card.parentElement ?? document.createElement('li');
      item.append(card);
      list.insertBefore(item, list.children[i] ?? null);
    });
  }
}

customElements.define('stream-list', StreamList);
