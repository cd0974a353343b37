// @ts-check
// <latency-plot>: latencies over the last two minutes, drawn on a canvas. Call `show` with a series for each player.

import { find, html, render } from './html.js';

/** @typedef {import('./history.js').Row} Row */
/** @typedef {{ label: string, rows: readonly Row[] }} Series */

export const PLOT_SECONDS = 120;
const MARKS_EVERY_S = 30;
/** A narrower plot has half of the marks. */
const NARROW_PX = 280;
/** Heights of the plot in seconds, with round quarters; the first one that has room is used. */
const HEIGHTS_S = [1, 2, 4, 6, 8, 12, 16, 20, 32, 40, 60, 80, 120, 200, 400, 800, 2000, 4000];
/** From this latency on, the plot begins just below the smallest value, so that changes are visible. */
const FAR_S = 30;
const DASHES = [[], [6, 3], [2, 3], [8, 3, 2, 3]];
const EDGE = { left: 34, right: 8, top: 8, bottom: 18 };
/** Without a row for this long, the line has a gap. */
const GAP_MS = 1500;

export class LatencyPlot extends HTMLElement {
  /** @type {readonly Series[]} */
  #series = [];
  #observer = new ResizeObserver(() => this.#draw());

  connectedCallback() {
    render(this, html`<canvas role="img" aria-label="Latency of the last two minutes"></canvas>`);
    this.#observer.observe(this);
  }

  disconnectedCallback() {
    this.#observer.disconnect();
  }

  /** @param {readonly Series[]} series */
  show(series) {
    this.#series = series;
    this.#draw();
  }

  #draw() {
    const canvas = find(this, 'canvas', HTMLCanvasElement);
    const [width, tall, scale] = [this.clientWidth, this.clientHeight, devicePixelRatio];
    const context = canvas.getContext('2d');
    if (!context || width === 0 || tall === 0 || document.hidden) return;
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(tall * scale)) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(tall * scale);
    }
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, tall);
    const end = Math.max(...this.#series.map(({ rows }) => rows.at(-1)?.at ?? 0));
    const values = this.#series.flatMap(({ rows }) => rows.flatMap(({ latency }) => (latency === null ? [] : [latency])));
    const smallest = Math.min(...values);
    const from = smallest >= FAR_S && smallest < Infinity ? Math.floor(smallest - 1) : 0;
    const largest = Math.max(0.5, ...values) - from;
    const height = HEIGHTS_S.find((seconds) => seconds >= largest * 1.1) ?? largest * 1.1;
    const axis = { from, height };
    const area = { x: EDGE.left, y: EDGE.top, width: width - EDGE.left - EDGE.right, height: tall - EDGE.top - EDGE.bottom };
    const style = getComputedStyle(this);
    drawGrid(context, area, axis, style);
    this.#series.forEach(({ rows }, i) => {
      context.strokeStyle = style.getPropertyValue(`--series-${i + 1}`);
      context.setLineDash(DASHES[i] ?? []);
      drawLine(context, area, rows, { end, ...axis });
    });
    context.setLineDash([]);
  }
}

/** @typedef {{ x: number, y: number, width: number, height: number }} Area */

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Area} area
 * @param {{ from: number, height: number }} axis seconds of latency
 * @param {CSSStyleDeclaration} style
 */
function drawGrid(context, area, { from, height }, style) {
  context.font = `11px ${style.fontFamily}`;
  context.fillStyle = style.getPropertyValue('--soft');
  context.strokeStyle = style.getPropertyValue('--edge');
  context.lineWidth = 1;
  context.textBaseline = 'middle';
  context.textAlign = 'right';
  const steps = area.height < 70 ? 2 : 4;
  for (let step = 0; step <= steps; step += 1) {
    const y = Math.round(area.y + area.height * (1 - step / steps)) + 0.5;
    line(context, area.x, y, area.x + area.width, y);
    context.fillText(String(Math.round((from + (height * step) / steps) * 100) / 100), area.x - 6, y);
  }
  context.textBaseline = 'top';
  for (let ago = 0; ago <= PLOT_SECONDS; ago += area.width < NARROW_PX ? 2 * MARKS_EVERY_S : MARKS_EVERY_S) {
    const x = area.x + area.width * (1 - ago / PLOT_SECONDS);
    context.textAlign = ago === 0 ? 'right' : ago === PLOT_SECONDS ? 'left' : 'center';
    context.fillText(ago === 0 ? 'now' : `−${ago} s`, x, area.y + area.height + 5);
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Area} area
 * @param {readonly Row[]} rows
 * @param {{ end: number, from: number, height: number }} axes
 */
function drawLine(context, area, rows, { end, from, height }) {
  context.lineWidth = 1.75;
  context.lineJoin = 'round';
  context.beginPath();
  let before = -Infinity;
  for (const { at, latency } of rows) {
    const x = area.x + area.width * (1 - (end - at) / (PLOT_SECONDS * 1000));
    if (latency === null || x < area.x) continue;
    const y = area.y + area.height * (1 - Math.min(Math.max(latency - from, 0), height) / height);
    if (at - before > GAP_MS) context.moveTo(x, y);
    else context.lineTo(x, y);
    before = at;
  }
  context.stroke();
}

/** @param {CanvasRenderingContext2D} context @param {number} x1 @param {number} y1 @param {number} x2 @param {number} y2 */
function line(context, x1, y1, x2, y2) {
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
  context.stroke();
}

customElements.define('latency-plot', LatencyPlot);
