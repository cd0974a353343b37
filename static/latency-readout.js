// @ts-check
// <latency-readout>: the latency now as the largest figure of the page, its median and 95th percentile, and its plot. Call `show`.

import { find, html, render, setText } from './html.js';
import { LatencyPlot, PLOT_SECONDS } from './latency-plot.js';
import { latencyText } from './words.js';

/** @typedef {import('./history.js').History} History */

export class LatencyReadout extends HTMLElement {
  connectedCallback() {
    render(this, html`
      <dl class="readout">
        <div class="readout-now" title="The server’s time minus the time in the picture">
          <dt>Latency</dt>
          <dd><span data-figure="latency">–</span></dd>
        </div>
        <div><dt>Median</dt><dd data-figure="median">–</dd></div>
        <div title="95 % of the measurements are at most this value"><dt>95 %</dt><dd data-figure="p95">–</dd></div>
      </dl>
      <latency-plot></latency-plot>`);
    this.show(null, null);
  }

  /**
   * @param {number | null} latency now, in seconds
   * @param {History | null} history null while nothing plays
   */
  show(latency, history) {
    const { median, p95 } = history?.latency(PLOT_SECONDS) ?? { median: null, p95: null };
    this.#set('latency', latencyText(latency));
    this.#set('median', latencyText(median));
    this.#set('p95', latencyText(p95));
    find(this, 'latency-plot', LatencyPlot).show(history === null ? [] : [{ label: 'latency', rows: history.rows(PLOT_SECONDS) }]);
  }

  /** @param {string} id @param {string} text */
  #set(id, text) {
    setText(find(this, `[data-figure=${id}]`, HTMLElement), text);
  }
}

customElements.define('latency-readout', LatencyReadout);
