// @ts-check
// <undo-toast>: says for some seconds that a stream was deleted, and creates it again on request. Listens to `stream-deleted`
// (detail: the name and the definition); fires `streams-changed`.

import { createStream } from './api.js';
import { find, html, render, setText } from './html.js';
import { icon } from './icons.js';

const SHOWN_MS = 20_000;

/** @typedef {{ name: string, definition: Record<string, unknown>, hadFocus: boolean }} Deleted */

export class UndoToast extends HTMLElement {
  /** @type {Deleted | null} */
  #deleted = null;
  #timer = 0;

  connectedCallback() {
    render(this, html`
      <p role="status"></p>
      <button type="button" data-action="undo">Undo</button>
      <button type="button" class="quiet" data-action="dismiss" aria-label="Dismiss">${icon('close')}</button>`);
    this.hidden = true;
    this.#button('undo').addEventListener('click', () => this.#undo());
    this.#button('dismiss').addEventListener('click', () => this.#hide());
    // Nobody has to hurry while the focus or the pointer is here.
    for (const event of ['focusin', 'pointerenter']) this.addEventListener(event, () => clearTimeout(this.#timer));
    for (const event of ['focusout', 'pointerleave']) this.addEventListener(event, () => this.#hideLater());
    document.addEventListener('stream-deleted', (event) => {
      if (event instanceof CustomEvent) this.#show(event.detail);
    });
  }

  /** @param {Deleted} deleted */
  #show(deleted) {
    this.#deleted = deleted;
    this.hidden = false;
    setText(find(this, 'p', HTMLElement), `${deleted.name} was deleted.`);
    this.#button('undo').hidden = false;
    this.#hideLater();
    if (deleted.hadFocus) this.#button('undo').focus();
  }

  async #undo() {
    if (this.#deleted === null || this.#button('undo').getAttribute('aria-busy') === 'true') return;
    const { name, definition } = this.#deleted;
    this.#button('undo').setAttribute('aria-busy', 'true');
    try {
      await createStream({ ...definition, name });
      this.#hide();
      this.dispatchEvent(new CustomEvent('stream-restored', { bubbles: true, detail: name }));
    } catch (reason) {
      setText(find(this, 'p', HTMLElement), reason instanceof Error ? reason.message : String(reason));
    }
    this.#button('undo').removeAttribute('aria-busy');
  }

  #hideLater() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#hide(), SHOWN_MS);
  }

  #hide() {
    clearTimeout(this.#timer);
    this.#deleted = null;
    this.hidden = true;
  }

  /** @param {string} action */
  #button(action) {
    return find(this, `[data-action=${action}]`, HTMLButtonElement);
  }
}

customElements.define('undo-toast', UndoToast);
