// @ts-check
// <stream-still>: a small picture of a stream: a still that the server paints, or a drawing of the pattern where there is none. Set
// `stream`.

import { BASE } from './address.js';
import { serverNow } from './clock.js';
import { html, render } from './html.js';

/** @typedef {import('./answers.js').Stream} Stream */
/** @typedef {{ name: string, title: string, pattern: string, video: unknown[] }} Drawn */
/** @typedef {import('./definition.js').Filled} Filled */

const STILL_WIDTH = 320;
/** Stills are of multiples of this, so that all pages request the same. */
const REFRESH_MS = 10_000;
const LOOK_EVERY_MS = 1000;

/** Bars from left to right. */
const SMPTE = ['#c0c0c0', '#c0c000', '#00c0c0', '#00c000', '#c000c0', '#c00000', '#0000c0'];
const EBU = ['#ffffff', '#bfbf00', '#00bfbf', '#00bf00', '#bf00bf', '#bf0000', '#0000bf', '#000000'];

export class StreamStill extends HTMLElement {
  /** @type {Stream | null} */
  #stream = null;
  /** What the picture follows from, apart from the time. */
  #shown = '';
  /** The still that was requested last. */
  #url = '';
  /** The still of the last call of `preview`. */
  #wanted = '';
  #isLoading = false;
  #isVisible = false;
  #timer = 0;
  #observer = new IntersectionObserver((entries) => {
    this.#isVisible = entries.some(({ isIntersecting }) => isIntersecting);
    this.#look();
  });

  connectedCallback() {
    this.#observer.observe(this);
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  disconnectedCallback() {
    this.#observer.disconnect();
    clearInterval(this.#timer);
  }

  /** @param {Stream} stream */
  set stream(stream) {
    this.#stream = stream;
    const shown = JSON.stringify([stream.name, stream.title, stream.pattern, stream.revision, stream.video.length, stream.private]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#url = '';
    // The still of before stands until there is another.
    if (this.querySelector('img') === null || !hasStill(stream)) render(this, drawing(stream));
    this.#look();
  }

  /**
   * Shows a stream that does not exist yet: a still of its first rendition. The picture stays while the server does not accept
   * the values.
   * @param {Filled} filled
   */
  preview({ name, title, pattern, fps, segment_frames, chunk_frames, video }) {
    if (video[0] === undefined || this.querySelector('img') === null) render(this, drawing({ name, title, pattern, video }));
    if (video[0] === undefined) return;
    const definition = { name, title, pattern, fps, segment_frames, chunk_frames, video: [video[0]] };
    const seconds = (Math.floor((serverNow() ?? 0) / REFRESH_MS) * REFRESH_MS) / 1000;
    const query = new URLSearchParams({ definition: JSON.stringify(definition), at: String(seconds), width: String(STILL_WIDTH) });
    this.#wanted = new URL(`still.jpg?${query}`, BASE).href;
    void this.#request(this.#wanted);
  }

  /** Requests a still if there is a newer one and somebody sees it. */
  #look() {
    const stream = this.#stream;
    const now = serverNow();
    if (stream === null || now === null || !hasStill(stream)) return;
    if (!this.#isVisible || document.hidden) return;
    if (stream.phase !== 'running' && this.#url !== '') return;
    const seconds = (Math.floor(now / REFRESH_MS) * REFRESH_MS) / 1000;
    const query = `at=${seconds}&width=${STILL_WIDTH}&revision=${stream.revision}`;
    void this.#request(new URL(`live/${encodeURIComponent(stream.name)}/still.jpg?${query}`, BASE).href);
  }

  /** Shows a still once it is there, so that nothing flickers; one request at a time. @param {string} url */
  async #request(url) {
    if (url === this.#url || this.#isLoading) return;
    this.#url = url;
    this.#isLoading = true;
    const image = Object.assign(new Image(), { alt: '', src: url });
    const isThere = await image.decode().then(() => true, () => false);
    this.#isLoading = false;
    // An empty URL: the definition has changed meanwhile.
    if (isThere && this.#url === url) this.replaceChildren(image);
    if (this.#wanted !== '') void this.#request(this.#wanted);
  }
}

/** Whether this page can request stills; those of a private stream need a viewer token. @param {Stream} stream */
function hasStill(stream) {
  return !stream.private && stream.video.length > 0;
}

/** @param {Drawn} stream */
function drawing({ name, title, pattern, video }) {
  return html`
    <svg viewBox="0 0 160 90" aria-hidden="true" focusable="false">
      <rect width="160" height="90" fill="#101010"/>
      ${video.length === 0 ? sound() : html`${background(pattern)}<rect x="12" y="22" width="136" height="42" fill="#000"/>`}
      <text class="still-title" x="80" y="${video.length === 0 ? 22 : 47}" text-anchor="middle" fill="#ddd">${(title || name).slice(0, 18)}</text>
    </svg>`;
}

/** @param {string} pattern */
function background(pattern) {
  if (pattern === 'black') return html``;
  if (pattern === 'grid') {
    const lines = Array.from({ length: 17 }, (_, i) => html`<path d="M${i * 10} 0v90M0 ${i * 10}h160"/>`);
    return html`<g fill="none" stroke="#8a8a8a" stroke-width="0.75">${lines}</g>`;
  }
  const bars = pattern === 'ebu' ? EBU : SMPTE;
  const height = pattern === 'ebu' ? 90 : 66;
  const width = 160 / bars.length;
  const columns = bars.map((colour, i) => html`<rect x="${i * width}" width="${width + 0.2}" height="${height}" fill="${colour}"/>`);
  return html`${columns}${pattern === 'ebu' ? '' : html`<path fill="#fff" d="M46 66h40v24H46z"/><path fill="#3a3a3a" d="M0 66h30v24H0z"/>`}`;
}

/** A stream without pictures. */
function sound() {
  return html`<path fill="none" stroke="#5a9" stroke-width="2" stroke-linejoin="round" d="M0 57h30l4-20 6 40 6-34 5 20 4-6h50l4-20 6 40 6-34 5 20 4-6h30"/>`;
}

customElements.define('stream-still', StreamStill);
