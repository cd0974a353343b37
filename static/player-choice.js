// @ts-check
// <player-choice>: the format and the player as two rows of radio buttons. Set `choice` and `offered`; fires `choose`.

import { change, PLAYERS, format, FORMATS } from './choice.js';
import { find, html, render } from './html.js';

/** @typedef {import('./choice.js').Choice} Choice */

export class PlayerChoice extends HTMLElement {
  /** @type {Choice | null} */
  #choice = null;

  connectedCallback() {
    render(this, html`
      ${row('format', 'Format', FORMATS)}
      ${row('player', 'Player', PLAYERS.map((id) => ({ id, label: id === 'native' ? 'browser' : id })))}`);
    this.addEventListener('change', () => this.#changed());
    this.choice = null;
  }

  /** @param {Choice | null} choice */
  set choice(choice) {
    this.#choice = choice;
    const players = format(choice?.format ?? '')?.players ?? [];
    for (const input of this.#inputs('format')) input.checked = input.value === choice?.format;
    for (const input of this.#inputs('player')) {
      input.checked = input.value === choice?.player;
      input.disabled = !players.some((player) => player === input.value);
    }
  }

  /** @param {readonly string[]} formats for which the stream has a URL */
  set offered(formats) {
    for (const input of this.#inputs('format')) input.disabled = !formats.includes(input.value);
  }

  #changed() {
    if (this.#choice === null) return;
    const detail = change(this.#choice, this.#checked('format'), this.#checked('player'));
    this.dispatchEvent(new CustomEvent('choose', { bubbles: true, detail }));
  }

  /** @param {string} name */
  #checked(name) {
    return find(this, `[name=${name}]:checked`, HTMLInputElement).value;
  }

  /** @param {string} name */
  #inputs(name) {
    return [...this.querySelectorAll(`[name=${name}]`)].filter((e) => e instanceof HTMLInputElement);
  }
}

/**
 * @param {string} name
 * @param {string} legend
 * @param {readonly { id: string, label: string }[]} options
 */
function row(name, legend, options) {
  return html`
    <fieldset class="segmented">
      <legend>${legend}</legend>
      ${options.map(({ id, label }) => html`
        <label><input type="radio" name="${name}" value="${id}" disabled><span>${label}</span></label>`)}
    </fieldset>`;
}

customElements.define('player-choice', PlayerChoice);
