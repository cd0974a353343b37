// @ts-check
// <copy-link>: a link with a button that copies its address. Set `label` and `url`.

import { find, html, render } from './html.js';
import { icon } from './icons.js';

const FEEDBACK_MS = 1500;

export class CopyLink extends HTMLElement {
  label = '';
  url = '';
  #feedback = 0;

  connectedCallback() {
    render(this, html`
      <a href="${this.url}">${this.label}</a>
      ${copyButton(`Copy the ${this.label} link`)}
      <span role="status" class="unseen"></span>`);
    find(this, 'button', HTMLButtonElement).addEventListener('click', () => this.#copy());
  }

  disconnectedCallback() {
    clearTimeout(this.#feedback);
  }

  async #copy() {
    const status = find(this, '[role=status]', HTMLElement);
    clearTimeout(this.#feedback);
    this.#feedback = await copyFrom(this, this.url, status);
  }
}

/** A button that shows an icon, and another one once it has copied. @param {string} label */
export function copyButton(label) {
  return html`<button type="button" data-action="copy" title="${label}" aria-label="${label}"><span class="until-copied">${icon('copy')}</span><span class="when-copied">${icon('done')}</span></button>`;
}

/**
 * Copies a text, and shows for a moment whether that worked.
 * @param {HTMLElement} place gets the class `copied`
 * @param {string} text
 * @param {HTMLElement} status says it to screen readers
 * @returns {Promise<number>} the timer that ends the moment
 */
export async function copyFrom(place, text, status) {
  const copied = await toClipboard(text);
  status.textContent = copied ? 'Copied' : 'The browser refused to copy';
  place.classList.toggle('copied', copied);
  return setTimeout(() => {
    status.textContent = '';
    place.classList.remove('copied');
  }, FEEDBACK_MS);
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
