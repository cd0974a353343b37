// @ts-check
// <event-log>: what the player reported, with UTC, the newest first, and the export of all measurements. Call `show`.

import { find, html, render, setText } from './html.js';
import { toCsv } from './history.js';
import { icon } from './icons.js';

/** @typedef {import('./live-picture.js').LivePicture} LivePicture */

const SHOWN = 100;

export class EventLog extends HTMLElement {
  /** @type {LivePicture | null} */
  #picture = null;
  #shown = '';

  connectedCallback() {
    render(this, html`
      <div class="actions">
        <button type="button" data-export="csv">${icon('download')}<span>Measurements as CSV</span></button>
        <button type="button" data-export="json">${icon('download')}<span>All as JSON</span></button>
      </div>
      <p class="hint">Four measurements a second, of the last ten minutes.</p>
      <ol class="log" reversed tabindex="0" aria-label="Events of the player, the newest first"></ol>`);
    this.addEventListener('click', ({ target }) => {
      const button = target instanceof Element ? target.closest('button') : null;
      if (button?.dataset.export) this.#export(button.dataset.export);
    });
  }

  /** @param {LivePicture | null} picture null while nothing plays */
  show(picture) {
    this.#picture = picture;
    const entries = (picture?.log ?? []).slice(-SHOWN);
    const shown = `${picture?.showing?.key} ${picture?.log.length} ${entries.at(-1)?.at}`;
    if (shown === this.#shown || this.hidden) return;
    this.#shown = shown;
    render(find(this, 'ol', HTMLElement), html`${entries.reverse().map(({ at, kind, text }) => html`
      <li data-kind="${kind}"><time>${new Date(at).toISOString().slice(11, 23)}</time> <b>${kind}</b> <span>${text}</span></li>`)}`);
    if (entries.length === 0) setText(find(this, 'ol', HTMLElement), 'Nothing plays.');
  }

  /** @param {string} kind `csv` or `json` */
  #export(kind) {
    const showing = this.#picture?.showing;
    if (!showing) return;
    const rows = showing.history.rows();
    const utc = (/** @type {{ at: number }} */ { at, ...rest }) => ({ utc: new Date(at).toISOString(), ...rest });
    const content = kind === 'csv'
      ? toCsv(rows)
      : JSON.stringify({ choice: showing.choice, page: location.href, measurements: rows.map(utc), events: this.#picture?.log.map(utc) }, null, 1);
    const url = URL.createObjectURL(new Blob([content], { type: kind === 'csv' ? 'text/csv' : 'application/json' }));
    const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '');
    Object.assign(document.createElement('a'), { href: url, download: `barstone-${showing.choice.stream || 'url'}-${stamp}.${kind}` }).click();
    URL.revokeObjectURL(url);
  }
}

customElements.define('event-log', EventLog);
