// @ts-check
// <one-liner-list>: commands that play a URL elsewhere, each with a button that copies it. Call `show`.

import { copyButton, copyFrom } from './copy-link.js';
import { find, html, render } from './html.js';
import { oneLiners } from './one-liners.js';

export class OneLinerList extends HTMLElement {
  #shown = '';

  connectedCallback() {
    this.addEventListener('click', ({ target }) => {
      const line = target instanceof Element && target.closest('button') ? target.closest('.one-liner') : null;
      if (line instanceof HTMLElement) void copyFrom(line, find(line, 'code', HTMLElement).textContent ?? '', find(line, '[role=status]', HTMLElement));
    });
  }

  /** @param {string} url @param {{ isDash: boolean, lowLatency: boolean }} format */
  show(url, format) {
    const shown = JSON.stringify([url, format]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    render(this, html`<ul>${oneLiners(url, format).map(({ tool, text }) => html`
      <li class="one-liner"><b>${tool}</b><code tabindex="0">${text}</code>${copyButton(`Copy the line for ${tool}`)}<span role="status" class="unseen"></span></li>`)}</ul>`);
  }
}

customElements.define('one-liner-list', OneLinerList);
