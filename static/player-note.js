// @ts-check
// <player-note>: says in the place of the picture why nothing plays, with a button that helps. Call `show`.

import { find, html, render, setText } from './html.js';

/**
 * @typedef {object} Note
 * @property {string} text
 * @property {{ label: string, run: () => Promise<unknown>, writes?: boolean }} [remedy] a button and what it does; `writes`: changes a stream
 */

export class PlayerNote extends HTMLElement {
  /** @type {Note | null} */
  #note = null;

  connectedCallback() {
    render(this, html`
      <p class="note-text"></p>
      <button type="button" class="primary" hidden></button>
      <p class="note-fault" role="alert"></p>`);
    this.#button.addEventListener('click', () => this.#help());
    this.show(null);
  }

  /** @param {Note | null} note null if there is nothing to say */
  show(note) {
    if (note?.text !== this.#note?.text) this.#showFault('');
    this.#note = note;
    this.hidden = note === null;
    setText(find(this, '.note-text', HTMLElement), note?.text ?? '');
    setText(this.#button, note?.remedy?.label ?? '');
    this.#button.hidden = note?.remedy === undefined;
    this.#button.toggleAttribute('data-writes', note?.remedy?.writes ?? false);
  }

  async #help() {
    if (this.#button.getAttribute('aria-busy') === 'true') return;
    this.#button.setAttribute('aria-busy', 'true');
    this.#showFault('');
    try {
      await this.#note?.remedy?.run();
    } catch (reason) {
      this.#showFault(reason instanceof Error ? reason.message : String(reason));
    }
    this.#button.removeAttribute('aria-busy');
  }

  /** @param {string} fault of the remedy, empty for none */
  #showFault(fault) {
    setText(find(this, '.note-fault', HTMLElement), fault);
  }

  get #button() {
    return find(this, 'button', HTMLButtonElement);
  }
}

customElements.define('player-note', PlayerNote);
