// @ts-check
// <stream-list>: a card for each stream. Set `streams` and `chosen`. Updates reuse the cards, so that the focus stays.

import { html, render } from './html.js';
import { StreamCard } from './stream-card.js';

/** @typedef {import('./answers.js').Stream} Stream */

export class StreamList extends HTMLElement {
  /** @type {Map<string, StreamCard>} */
  #cards = new Map();
  /** @type {string | null} */
  #chosen = null;

  connectedCallback() {
    render(this, html`<ul></ul><p class="empty">Loading the streams…</p>`);
  }

  /** @param {readonly Stream[]} streams sorted */
  set streams(streams) {
    this.#drop(streams);
    for (const stream of streams) {
      const card = this.#cards.get(stream.name) ?? this.#add(stream.name);
      card.stream = stream;
      card.chosen = stream.name === this.#chosen;
    }
    this.#sort(streams);
    const empty = this.querySelector('.empty');
    if (empty) render(empty, html`${streams.length === 0 ? 'No streams yet. Create one under New stream.' : ''}`);
  }

  /** @param {string | null} name of the stream in the player panel */
  set chosen(name) {
    this.#chosen = name;
    for (const [each, card] of this.#cards) card.chosen = each === name;
  }

  /** Scrolls the card of a stream into view and gives it the focus. @param {string} name @returns {boolean} whether there is such a card */
  reveal(name) {
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
