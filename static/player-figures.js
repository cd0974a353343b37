// @ts-check
// <player-figures>: what is measured beside the latency, and the last error. Call `show`.

import { find, html, render, setText } from './html.js';
import { bits, seconds } from './words.js';

/** @typedef {import('./live-picture.js').LivePicture} LivePicture */
/** @typedef {import('./live-picture.js').PlayerState} PlayerState */

/** Phase of a stream whose mark and colour stand for the state. @type {Record<PlayerState, string>} */
const MARKS = { idle: 'stopped', opening: 'starting', playing: 'running', paused: 'stopped', stalled: 'waiting', failed: 'failed' };

const ROWS = [
  { id: 'buffer', label: 'Buffer', hint: 'Media downloaded ahead of the picture' },
  { id: 'size', label: 'Size', hint: 'Size of the rendition that plays' },
  { id: 'bandwidth', label: 'Download rate', hint: 'Rate of downloads as the player estimates it' },
  { id: 'rate', label: 'Playback rate', hint: 'Players play faster or slower to reach their latency' },
  { id: 'dropped', label: 'Dropped frames', hint: 'Frames that were never shown: by the strip in the picture, and by the browser’s decoder' },
  { id: 'repeated', label: 'Repeated frames', hint: 'Pictures that were shown again in place of the next one' },
  { id: 'frozen', label: 'Frozen', hint: 'Number of times that the picture stood still for 0.5 s while the sound went on' },
  { id: 'stalls', label: 'Stalls', hint: 'Number of times that playback stood still for 0.5 s or longer' },
  { id: 'switches', label: 'Switches', hint: 'Changes of the rendition' },
];

export class PlayerFigures extends HTMLElement {
  /** @type {LivePicture | null} */
  #picture = null;

  connectedCallback() {
    render(this, html`
      <dl>
        <div class="figure">
          <dt>State</dt>
          <dd class="state"><span class="phase-mark" aria-hidden="true"></span><span role="status" class="state-word"></span></dd>
        </div>
        ${ROWS.map(({ id, label, hint }) => html`<div class="figure" title="${hint}"><dt>${label}</dt><dd data-figure="${id}"></dd></div>`)}
        <div class="figure sound-figure" title="How late the beep is against the picture of its second, by the player’s timeline"><dt>Sound against picture</dt>
          <dd><span data-figure="offset">–</span> <button type="button" data-action="sound-offset" disabled>Measure</button></dd></div>
        <div class="figure last-error"><dt>Last error</dt><dd data-figure="error"></dd></div>
      </dl>`);
    const button = find(this, '[data-action=sound-offset]', HTMLButtonElement);
    button.addEventListener('click', () => {
      this.#picture?.measureSound().catch((reason) => this.#picture?.note('error', `no measurement of the sound: ${reason.message}`));
      this.show(this.#picture);
    });
    this.show(null);
  }

  /** @param {LivePicture | null} picture null while nothing plays */
  show(picture) {
    this.#picture = picture;
    this.#showSound(picture?.soundOffset, picture !== null);
    const { state, figures, error } = picture?.read() ?? { state: 'idle', figures: null, error: '' };
    const bandwidth = picture?.showing?.playback.opened?.bandwidth?.() ?? null;
    const switches = picture?.log.filter(({ kind }) => kind === 'switch').length ?? 0;
    find(this, '.state', HTMLElement).dataset.phase = MARKS[state];
    setText(find(this, '.state-word', HTMLElement), state);
    this.#set('buffer', seconds(figures?.bufferedSeconds ?? null, 1));
    this.#set('size', figures?.size || '–');
    this.#set('bandwidth', bandwidth === null ? '–' : bits(bandwidth));
    this.#set('rate', figures === null ? '–' : `${(picture?.showing?.video.playbackRate ?? 1).toFixed(2)} ×`);
    this.#set('dropped', figures === null ? '–' : `${Math.max(figures.droppedFrames, figures.lateFrames)} of ${figures.totalFrames}`);
    this.#set('repeated', figures === null ? '–' : String(figures.repeatedFrames));
    this.#set('frozen', figures === null ? '–' : String(figures.frozen));
    this.#set('stalls', figures === null ? '–' : String(figures.stalls));
    // The first picture is in the log too.
    this.#set('switches', figures === null ? '–' : String(Math.max(0, switches - 1)));
    this.#set('error', error || 'none');
  }

  /** @param {number | null | undefined} offset milliseconds; undefined if nobody asked @param {boolean} plays */
  #showSound(offset, plays) {
    const button = find(this, '[data-action=sound-offset]', HTMLButtonElement);
    button.disabled = !plays;
    button.hidden = offset !== undefined;
    const ms = Math.round(offset ?? 0);
    const words = ms === 0 ? 'in time' : ms > 0 ? `${ms} ms late` : `${-ms} ms early`;
    this.#set('offset', offset === undefined ? '–' : offset === null ? 'listening…' : words);
  }

  /** @param {string} id @param {string} text */
  #set(id, text) {
    setText(find(this, `[data-figure=${id}]`, HTMLElement), text);
  }
}

customElements.define('player-figures', PlayerFigures);
