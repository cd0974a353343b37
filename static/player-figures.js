// @ts-check
// <player-figures>: the player's state, measurements and last error. Call `show`.

import { find, html, render, setText } from './html.js';
import { seconds } from './words.js';

/** @typedef {'idle' | 'opening' | 'playing' | 'paused' | 'stalled' | 'failed'} PlayerState */

/** Phase of a stream whose mark and colour stand for the state. @type {Record<PlayerState, string>} */
const MARKS = { idle: 'stopped', opening: 'starting', playing: 'running', paused: 'stopped', stalled: 'waiting', failed: 'failed' };

const ROWS = [
  { id: 'latency', label: 'Latency', hint: 'The server’s time minus the time in the picture' },
  { id: 'buffer', label: 'Buffer', hint: 'Media downloaded ahead of the picture' },
  { id: 'size', label: 'Size', hint: 'Size of the rendition that plays' },
  { id: 'dropped', label: 'Dropped frames', hint: 'Frames decoded too late to be shown, of all frames' },
  { id: 'stalls', label: 'Stalls', hint: 'Number of times that playback stood still for 0.5 s or longer' },
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
   * @param {string} error the last error, empty for none
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
