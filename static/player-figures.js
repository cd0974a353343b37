// @ts-check
// <player-figures>: how the player does. Call `show` with the state in words and the meter's figures.

import { find, html, render, setText } from './html.js';
import { seconds } from './words.js';

/** @typedef {'idle' | 'opening' | 'playing' | 'paused' | 'stalled' | 'failed'} PlayerState */

/** The mark of a state is that of the phase it resembles. @type {Record<PlayerState, string>} */
const MARKS = { idle: 'stopped', opening: 'starting', playing: 'running', paused: 'stopped', stalled: 'waiting', failed: 'failed' };

const ROWS = [
  { id: 'latency', label: 'Latency', hint: 'From the clock in the picture to the server’s clock' },
  { id: 'buffer', label: 'Buffer', hint: 'Media ahead of the picture' },
  { id: 'size', label: 'Size', hint: 'The rendition that is shown' },
  { id: 'dropped', label: 'Dropped frames', hint: 'Frames that were decoded too late, of all' },
  { id: 'stalls', label: 'Stalls', hint: 'Times that playback stood still for half a second or more' },
];

export class PlayerFigures extends HTMLElement {
  connectedCallback() {
    render(this, html`
      <dl>
        <div class="figure">
          <dt>State</dt>
          <dd class="state"><span class="phase-mark" aria-hidden="true"></span><span role="status" class="state-word"></span></dd>
        </div>
        ${ROWS.map(({ id, label, hint }) => html`<div class="figure" title="${hint}"><dt>${label}</dt><dd data-figure="${id}"></dd></div>`)}
        <div class="figure last-error"><dt>Last error</dt><dd data-figure="error"></dd></div>
      </dl>`);
    this.show('idle', null, '');
  }

  /**
   * @param {PlayerState} state
   * @param {import('./meter.js').Figures | null} figures null while nothing plays
   * @param {string} error the last one, empty for none
   */
  show(state, figures, error) {
    find(this, '.state', HTMLElement).dataset.phase = MARKS[state];
    setText(find(this, '.state-word', HTMLElement), state);
    this.#set('latency', seconds(figures?.latencySeconds ?? null, 2));
    this.#set('buffer', seconds(figures?.bufferedSeconds ?? null, 1));
    this.#set('size', figures?.size || '–');
    this.#set('dropped', figures === null ? '–' : `${figures.droppedFrames} of ${figures.totalFrames}`);
    this.#set('stalls', figures === null ? '–' : String(figures.stalls));
    this.#set('error', error || 'none');
  }

  /** @param {string} id @param {string} text */
  #set(id, text) {
    setText(find(this, `[data-figure=${id}]`, HTMLElement), text);
  }
}

customElements.define('player-figures', PlayerFigures);
