// @ts-check
// <copy-link>: a link with a button that copies its address. Set `label` and `url`.

import { find, html, render } from './html.js';

const FEEDBACK_MS = 1500;

export class CopyLink extends HTMLElement {
  label = '';
  url = '';
  #feedback = 0;

  connectedCallback() {
    render(this, html`
      <a href="${this.url}">${this.label}</a>
      <button type="button" title="Copy the ${this.label} link" aria-label="Copy the ${this.label} link">
        <svg class="todo" viewBox="0 0 16 16" aria-hidden="true"><rect x="5.5" y="5.5" width="8" height="8" rx="1.5"/><path d="M10.5 2.5h-6a2 2 0 0 0-2 2v6"/></svg>
        <svg class="done" viewBox="0 0 16 16" aria-hidden="true"><path d="m2.5 8.5 3.5 3.5 7.5-8"/></svg>
      </button>
      <span role="status" class="unseen"></span>`);
    find(this, 'button', HTMLButtonElement).addEventListener('click', () => this.#copy());
  }

  disconnectedCallback() {
    clearTimeout(this.#feedback);
  }

  async #copy() {
    const status = find(this, '[role=status]', HTMLElement);
    const copied = await toClipboard(this.url);
    status.textContent = copied ? 'Copied' : 'The browser refused to copy';
    this.classList.toggle('copied', copied);
    clearTimeout(this.#feedback);
    this.#feedback = setTimeout(() => {
      status.textContent = '';
      this.classList.remove('copied');
    }, FEEDBACK_MS);
  }
}

/** @param {string} text @returns {Promise<boolean>} whether the clipboard has the text */
async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

/** Browsers offer `navigator.clipboard` over HTTPS and on localhost only. @param {string} text */
function copyBySelection(text) {
  const focused = document.activeElement;
  const area = document.createElement('textarea');
  area.className = 'unseen';
  area.value = text;
  document.body.append(area);
  area.select();
  const copied = document.execCommand('copy');
  area.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return copied;
}

customElements.define('copy-link', CopyLink);
