// @ts-check
// <stream-still>: a small picture of a stream: its pattern, its title and, while it runs, the time. Set `stream`.

import { BASE } from './address.js';
import { serverNow } from './clock.js';
import { find, html, render, setText } from './html.js';
import { timeOfDay } from './words.js';

/** @typedef {import('./answers.js').Stream} Stream */

/** Whether the server paints stills at `live/{stream}/still.jpg`; until it does, the page draws the pattern itself. */
const SERVER_PAINTS = false;
const STILL_WIDTH = 320;
const REFRESH_MS = 1000;

/** Bars from left to right. */
const SMPTE = ['#c0c0c0', '#c0c000', '#00c0c0', '#00c000', '#c000c0', '#c00000', '#0000c0'];
const EBU = ['#ffffff', '#bfbf00', '#00bfbf', '#00bf00', '#bf00bf', '#bf0000', '#0000bf', '#000000'];

export class StreamStill extends HTMLElement {
  /** @type {Stream | null} */
  #stream = null;
  #shown = '';
  #timer = 0;

  connectedCallback() {
    this.#timer = setInterval(() => this.#tick(), REFRESH_MS);
  }

  disconnectedCallback() {
    clearInterval(this.#timer);
  }

  /** @param {Stream} stream */
  set stream(stream) {
    this.#stream = stream;
    const shown = JSON.stringify([stream.name, stream.title, stream.pattern, stream.video.length, stream.phase]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    render(this, SERVER_PAINTS ? html`<img src="${this.#url()}" alt="" width="16" height="9">` : drawing(stream));
    this.#tick();
  }

  /** Shows a stream that does not exist yet. @param {{ name: string, title: string, pattern: string, video: unknown[] }} filled */
  preview({ name, title, pattern, video }) {
    render(this, drawing({ name, title, pattern, video, phase: 'stopped' }));
  }

  #url() {
    return new URL(`live/${encodeURIComponent(this.#stream?.name ?? '')}/still.jpg?width=${STILL_WIDTH}`, BASE).href;
  }

  #tick() {
    const stream = this.#stream;
    const now = serverNow();
    if (stream === null || document.hidden) return;
    if (SERVER_PAINTS) find(this, 'img', HTMLImageElement).src = this.#url();
    else setText(find(this, '.still-time', SVGElement), stream.phase !== 'running' || now === null ? '' : timeOfDay(now).slice(0, 8));
  }
}

/** @param {{ name: string, title: string, pattern: string, video: unknown[], phase: string }} stream */
function drawing({ name, title, pattern, video, phase }) {
  return html`
    <svg viewBox="0 0 160 90" aria-hidden="true" focusable="false">
      <rect width="160" height="90" fill="#101010"/>
      ${video.length === 0 ? sound() : background(pattern)}
      <rect x="12" y="22" width="136" height="42" fill="#000"/>
      <text class="still-title" x="80" y="${phase === 'running' ? 38 : 47}" text-anchor="middle" fill="#ddd">${(title || name).slice(0, 18)}</text>
      <text class="still-time" x="80" y="57" text-anchor="middle" fill="#fff"></text>
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
  return html`<path fill="none" stroke="#5a9" stroke-width="2" d="M0 45h30l4-30 6 60 6-50 5 30 4-10h50l4-30 6 60 6-50 5 30 4-10h30"/>`;
}

customElements.define('stream-still', StreamStill);
