// @ts-check
// <player-controls>: pause, seek, the way back to the live edge, sound, quality and full screen of a picture. Set `picture`; call
// `update` several times a second.

import { stillUrl } from './address.js';
import { find, html, render, setText } from './html.js';
import { icon } from './icons.js';
import { TimelineThumbnail } from './timeline-thumbnail.js';
import { timeOfDay } from './words.js';

/** @typedef {import('./live-picture.js').LivePicture} LivePicture */

/** So close to the end of the window, playback counts as live. */
const LIVE_WITHIN_S = 6;
/** The live edge is left by this, so that a player has something to play. */
const EDGE_MARGIN_S = 0.5;
const STEPS = 1000;
const SEEK_S = 5;

export class PlayerControls extends HTMLElement {
  /** @type {LivePicture | null} */
  #picture = null;
  #isDragged = false;
  #qualities = '';
  /** Distance from the live edge at which the player began, which is where Live leads. @type {number | null} */
  #liveDistance = null;
  #key = '';

  connectedCallback() {
    render(this, html`
      <div class="timeline">
        <output class="timeline-time" aria-hidden="true">–</output>
        <div class="track">
          <timeline-thumbnail></timeline-thumbnail>
          <input type="range" min="0" max="${STEPS}" step="1" value="${STEPS}" aria-label="Position in the window" aria-keyshortcuts="j ;" title="Position in the window (keys j and ; move it by 5 s)">
        </div>
        <button type="button" data-action="live" aria-keyshortcuts="l" title="Back to the live edge (key l)">${icon('live')}<span>Live</span></button>
      </div>
      <div class="actions">
        <button type="button" class="primary" data-action="pause" aria-keyshortcuts="k" title="Pause or resume (key k)">${icon('pause')}<span>Pause</span></button>
        <button type="button" data-action="mute" aria-keyshortcuts="m" title="Sound on or off (key m)">${icon('silent')}<span>Unmute</span></button>
        <label class="volume"><span class="unseen">Volume</span><input type="range" data-control="volume" min="0" max="1" step="0.05" value="1"></label>
        <label class="quality"><span>Quality</span> <select data-control="quality"><option value="">Automatic</option></select></label>
        <button type="button" data-action="fullscreen" aria-keyshortcuts="f" title="Full screen (key f)">${icon('full')}<span>Full screen</span></button>
      </div>`);
    this.#on('pause', () => this.togglePause());
    this.#on('live', () => this.goLive());
    this.#on('mute', () => this.toggleMute());
    this.#on('fullscreen', () => this.toggleFullScreen());
    this.#button('fullscreen').hidden = !document.fullscreenEnabled;
    const slider = this.#slider;
    slider.addEventListener('pointerdown', () => (this.#isDragged = true));
    slider.addEventListener('pointerup', () => (this.#isDragged = false));
    slider.addEventListener('pointercancel', () => (this.#isDragged = false));
    slider.addEventListener('change', () => this.#seek());
    slider.addEventListener('input', () => {
      this.#sayPosition();
      this.#showThumbnail(Number(slider.value) / STEPS);
    });
    slider.addEventListener('pointermove', ({ clientX, pointerType }) => {
      const { left, width } = slider.getBoundingClientRect();
      if (pointerType === 'mouse' && !this.#isDragged) this.#showThumbnail(Math.min(Math.max((clientX - left) / width, 0), 1));
    });
    for (const end of ['pointerleave', 'change', 'blur']) slider.addEventListener(end, () => this.#thumbnail.hide());
    find(this, '[data-control=volume]', HTMLInputElement).addEventListener('input', ({ target }) => {
      if (this.#picture && target instanceof HTMLInputElement) this.#picture.volume = Number(target.value);
    });
    const quality = find(this, '[data-control=quality]', HTMLSelectElement);
    quality.addEventListener('change', () => this.#picture?.showing?.playback.opened?.hold?.(quality.value || null));
    this.update();
  }

  /** @param {LivePicture} picture */
  set picture(picture) {
    this.#picture = picture;
    this.update();
  }

  togglePause() {
    const video = this.#picture?.showing?.video;
    if (!video) return;
    if (video.paused) video.play().catch(() => {});
    else video.pause();
    this.update();
  }

  toggleMute() {
    if (this.#picture === null) return;
    this.#picture.muted = !this.#picture.muted;
    this.update();
  }

  toggleFullScreen() {
    if (this.#picture?.showing == null) return;
    if (document.fullscreenElement === null) this.#picture.requestFullscreen().catch(() => {});
    else void document.exitFullscreen();
  }

  /** Plays as far behind the live edge as the player began. */
  goLive() {
    const showing = this.#picture?.showing;
    const range = showing?.playback.range;
    if (!showing || !range) return;
    showing.video.currentTime = Math.max(range.start, range.end - (this.#liveDistance ?? EDGE_MARGIN_S));
    showing.video.play().catch(() => {});
  }

  /** @param {number} seconds */
  seekBy(seconds) {
    const showing = this.#picture?.showing;
    const range = showing?.playback.range;
    if (showing && range) showing.video.currentTime = Math.min(Math.max(showing.video.currentTime + seconds, range.start), range.end - EDGE_MARGIN_S);
  }

  /** Shows what the picture does now. */
  update() {
    const picture = this.#picture;
    const showing = picture?.showing ?? null;
    const isBlocked = showing?.playback.isBlocked ?? false;
    const isPaused = showing?.video.paused === true && !isBlocked;
    this.#label('pause', isPaused ? 'play' : 'pause', isPaused ? 'Resume' : 'Pause');
    const isMuted = picture?.muted ?? true;
    this.#label('mute', isMuted ? 'silent' : 'sound', isMuted ? 'Unmute' : 'Mute');
    this.#updateTimeline();
    this.#updateQualities();
    if (showing?.key !== this.#key) {
      this.#key = showing?.key ?? '';
      this.#liveDistance = null;
    }
  }

  /** @param {boolean} enabled @returns {boolean} whether a control that had the focus was disabled */
  enable(enabled) {
    const controls = [...this.querySelectorAll('button, input, select')];
    const hadFocus = controls.some((control) => control === document.activeElement);
    for (const control of controls) /** @type {HTMLButtonElement} */ (control).disabled = !enabled;
    return hadFocus && !enabled;
  }

  #updateTimeline() {
    const showing = this.#picture?.showing;
    const range = showing?.playback.range ?? null;
    const isLive = range !== null && showing !== undefined && showing !== null && range.end - showing.video.currentTime < Math.max(LIVE_WITHIN_S, (this.#liveDistance ?? 0) + 3);
    this.#button('live').setAttribute('aria-pressed', String(isLive));
    this.#button('live').classList.toggle('on', isLive);
    if (!showing || range === null || range.end <= range.start) return;
    const state = this.#picture?.read();
    if (state?.state === 'playing' && this.#liveDistance === null) this.#liveDistance = range.end - showing.video.currentTime;
    if (!this.#isDragged) {
      const share = (showing.video.currentTime - range.start) / (range.end - range.start);
      this.#slider.value = String(Math.round(Math.min(Math.max(share, 0), 1) * STEPS));
    }
    this.#sayPosition();
  }

  /** Says the UTC of the position, which the strip in the picture gives. */
  #sayPosition() {
    const showing = this.#picture?.showing;
    const range = showing?.playback.range;
    if (!showing || !range) return;
    const position = range.start + (Number(this.#slider.value) / STEPS) * (range.end - range.start);
    const behind = Math.max(0, range.end - position);
    const at = utcOf(showing, position);
    const utc = at === null ? '' : timeOfDay(at).slice(0, 8);
    setText(find(this, '.timeline-time', HTMLElement), utc || `−${behind.toFixed(0)} s`);
    this.#slider.setAttribute('aria-valuetext', `${utc === '' ? '' : `${utc} UTC, `}${behind.toFixed(0)} s before the live edge`);
  }

  /** Shows the picture of a place on the timeline. @param {number} share 0 to 1 */
  #showThumbnail(share) {
    const showing = this.#picture?.showing;
    const range = showing?.playback.range;
    const at = showing && range ? utcOf(showing, range.start + share * (range.end - range.start)) : null;
    const isOurs = showing?.choice.url === '' && showing.video.videoWidth > 0;
    if (!showing || at === null || !isOurs) return;
    const seconds = Math.floor(at / 1000);
    this.#thumbnail.show(stillUrl(showing.url), { seconds, words: timeOfDay(seconds * 1000).slice(0, 8), share });
  }

  #seek() {
    this.#isDragged = false;
    const showing = this.#picture?.showing;
    const range = showing?.playback.range;
    if (!showing || !range) return;
    const share = Number(this.#slider.value) / STEPS;
    if (share > 0.99) this.goLive();
    else showing.video.currentTime = range.start + share * (range.end - range.start);
  }

  #updateQualities() {
    const opened = this.#picture?.showing?.playback.opened;
    const qualities = opened?.qualities?.() ?? [];
    const { held, playing } = opened?.quality?.() ?? { held: null, playing: null };
    const select = find(this, '[data-control=quality]', HTMLSelectElement);
    const now = qualities.find(({ id }) => id === playing);
    const automatic = now === undefined ? 'Automatic' : `Automatic (${now.label.split(',')[0]})`;
    const state = JSON.stringify([qualities, automatic]);
    if (state !== this.#qualities) {
      this.#qualities = state;
      render(select, html`<option value="">${automatic}</option>${qualities.map(({ id, label }) => html`<option value="${id}">${label}</option>`)}`);
      select.value = held ?? '';
    }
    if (document.activeElement !== select) select.value = held ?? '';
  }

  /** @param {string} action @param {Parameters<typeof icon>[0]} name @param {string} text */
  #label(action, name, text) {
    const button = this.#button(action);
    if (button.dataset.icon === name) return;
    button.dataset.icon = name;
    render(button, html`${icon(name)}<span>${text}</span>`);
  }

  get #thumbnail() {
    return find(this, 'timeline-thumbnail', TimelineThumbnail);
  }

  get #slider() {
    return find(this, '.timeline input', HTMLInputElement);
  }

  /** @param {string} action @param {() => unknown} act */
  #on(action, act) {
    this.#button(action).addEventListener('click', act);
  }

  /** @param {string} action */
  #button(action) {
    return find(this, `[data-action=${action}]`, HTMLButtonElement);
  }
}

/** The UTC of a position, which the strip in the picture gives. @param {import('./live-picture.js').Showing} showing @param {number} position @returns {number | null} */
function utcOf({ meter: { seen } }, position) {
  return seen === null ? null : seen.timeMs + (position - seen.mediaTime) * 1000;
}

/** What a key does. @type {Record<string, (controls: PlayerControls) => void>} */
export const SHORTCUTS = {
  k: (controls) => controls.togglePause(),
  m: (controls) => controls.toggleMute(),
  f: (controls) => controls.toggleFullScreen(),
  l: (controls) => controls.goLive(),
  j: (controls) => controls.seekBy(-SEEK_S),
  ';': (controls) => controls.seekBy(SEEK_S),
};

customElements.define('player-controls', PlayerControls);
