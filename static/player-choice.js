// @ts-check
// <player-choice>: the protocol and the player as two rows of radio buttons. Set `choice` and `offered`; fires `choose`.

import { choose, PLAYERS, protocol, PROTOCOLS } from './choice.js';
import { find, html, render } from './html.js';

/** @typedef {import('./choice.js').Choice} Choice */

export class PlayerChoice extends HTMLElement {
  /** @type {Choice | null} */
  #choice = null;

  connectedCallback() {
    render(this, html`
      ${row('protocol', 'Protocol', PROTOCOLS)}
      ${row('player', 'Player', PLAYERS.map((id) => ({ id, label: id })))}`);
    this.addEventListener('change', () => this.#changed());
    this.choice = null;
  }

  /** @param {Choice | null} choice */
  set choice(choice) {
    this.#choice = choice;
    const players = protocol(choice?.protocol ?? '')?.players ?? [];
    for (const input of this.#inputs('protocol')) input.checked = input.value === choice?.protocol;
    for (const input of this.#inputs('player')) {
      input.checked = input.value === choice?.player;
      input.disabled = !players.some((player) => player === input.value);
    }
  }

  /** @param {readonly string[]} protocols for which the stream has a URL */
  set offered(protocols) {
    for (const input of this.#inputs('protocol')) input.disabled = !protocols.includes(input.value);
  }

  #changed() {
    if (this.#choice === null) return;
    const { stream } = this.#choice;
    const detail = choose(stream, this.#checked('protocol'), this.#checked('player'));
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
