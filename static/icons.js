// @ts-check
// The icons of the page, drawn on a grid of 16 × 16. They repeat what words beside them say, so screen readers skip them.

import { html } from './html.js';

const PATHS = {
  play: 'M4 2.5v11l9-5.5z',
  pause: 'M4 3h3v10H4zM9 3h3v10H9z',
  stop: 'M3.5 3.5h9v9h-9z',
  sound: 'M2 6v4h2.5L8 13V3L4.5 6zM10.5 5.5a3.5 3.5 0 0 1 0 5M12.5 3.5a6.5 6.5 0 0 1 0 9',
  silent: 'M2 6v4h2.5L8 13V3L4.5 6zM10.5 6l4 4M14.5 6l-4 4',
  full: 'M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10',
  live: 'M3 2.5v11l6-5.5zM11.5 2.5v11',
  copy: 'M5.5 5.5h8v8h-8zM10.5 2.5h-8v8',
  done: 'm2.5 8.5 3.5 3.5 7.5-8',
  more: 'M3 8h.01M8 8h.01M13 8h.01',
  plus: 'M8 2.5v11M2.5 8h11',
  close: 'm3.5 3.5 9 9M12.5 3.5l-9 9',
  beside: 'M2 3h5v10H2zM9 3h5v10H9z',
  edit: 'm10.5 3 2.5 2.5-7.5 7.5H3v-2.5z',
  lock: 'M5 7V5a3 3 0 0 1 6 0v2M3.5 7h9v6.5h-9z',
  key: 'M9.5 6.5a3 3 0 1 1-2.5-2 3 3 0 0 1 2.5 2zM9 7.5l5 5M12 10.5l-1.5 1.5',
  download: 'M8 2.5v8M4.5 7.5 8 11l3.5-3.5M2.5 13.5h11',
  search: 'M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9zM10.5 10.5l3.5 3.5',
  link: 'M6.5 9.5a3 3 0 0 0 4.2 0l2.2-2.2a3 3 0 0 0-4.2-4.2l-.9.9M9.5 6.5a3 3 0 0 0-4.2 0L3.1 8.7a3 3 0 0 0 4.2 4.2l.9-.9',
};
/** Icons that are filled; the others are lines. */
const FILLED = ['play', 'pause', 'stop'];

/** @param {keyof typeof PATHS} name */
export function icon(name) {
  return html`<svg class="icon${FILLED.includes(name) ? ' filled' : ''}" viewBox="0 0 16 16" aria-hidden="true" focusable="false"><path d="${PATHS[name]}"/></svg>`;
}
