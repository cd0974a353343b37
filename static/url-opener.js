// @ts-check
// <url-opener>: plays any HLS or DASH URL, through a CDN or a packager of the user. Fires `choose` or `compare` (detail: the choice).

import { chooseUrl } from './choice.js';
import { find, html, render, setText } from './html.js';
import { icon } from './icons.js';

const HINT = 'The latency is measured if the picture has the strip. The other server must allow this page by CORS.';

export class UrlOpener extends HTMLElement {
  connectedCallback() {
    render(this, html`
      <form novalidate>
        <label for="any-url">Play any HLS or DASH URL</label>
        <div class="opener-row">
          <input id="any-url" type="url" required placeholder="https://cdn.example/live/test/llhls.m3u8" autocomplete="off" spellcheck="false" aria-describedby="h-any-url">
          <button type="submit">${icon('play')}<span>Play</span></button>
          <button type="button" data-action="beside">${icon('beside')}<span>Compare</span></button>
        </div>
        <p class="hint" id="h-any-url">${HINT}</p>
      </form>`);
    find(this, 'form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      this.#open('choose');
    });
    find(this, '[data-action=beside]', HTMLElement).addEventListener('click', () => this.#open('compare'));
  }

  /** @param {string} event */
  #open(event) {
    const input = find(this, 'input', HTMLInputElement);
    const url = input.value.trim();
    const isUrl = /^https?:\/\/./.test(url) && URL.canParse(url);
    this.classList.toggle('faulty', !isUrl);
    input.setAttribute('aria-invalid', String(!isUrl));
    const hint = find(this, '.hint', HTMLElement);
    hint.parentElement?.classList.toggle('faulty', !isUrl);
    setText(hint, isUrl ? HINT : 'Enter a URL that begins with http:// or https://.');
    if (isUrl) this.dispatchEvent(new CustomEvent(event, { bubbles: true, detail: chooseUrl(url) }));
    else input.focus();
  }
}

customElements.define('url-opener', UrlOpener);
