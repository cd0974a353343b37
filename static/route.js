// @ts-check
// What the fragment of the address says: what plays, what plays beside it, and which tool is open. A link reproduces it.
// `#test/llhls/hls.js`, `#test/llhls/hls.js&beside=test/lldash/dash.js`, `#test/llhls/hls.js/delay=3s&tool=url`.

import { parse, write } from './choice.js';

/** @typedef {import('./choice.js').Choice} Choice */
/** @typedef {'figures' | 'url' | 'log'} Tool */
/** `choices` has up to MOST_CHOICES entries; with two or more the page compares them. @typedef {{ choices: Choice[], tool: Tool }} Route */

export const MOST_CHOICES = 4;
/** The first one is open unless the address says otherwise. @type {readonly Tool[]} */
export const TOOLS = ['figures', 'url', 'log'];

/** @param {string} fragment without a token @returns {Route} */
export function parseRoute(fragment) {
  const [first = '', ...more] = fragment.replace(/^#/, '').split('&');
  const values = (/** @type {string} */ name) => more.filter((part) => part.startsWith(`${name}=`)).map((part) => part.slice(name.length + 1));
  const choices = [first, ...values('beside')].map(parse).filter((choice) => choice !== null);
  const tool = TOOLS.find((each) => values('tool').includes(each)) ?? 'figures';
  return { choices: choices.slice(0, MOST_CHOICES), tool };
}

/** @param {Route} route @returns {string} empty, or with `#` */
export function writeRoute({ choices, tool }) {
  const [first, ...beside] = choices.map(write);
  if (first === undefined) return '';
  const more = [...beside.map((choice) => `beside=${choice}`), ...(tool === 'figures' ? [] : [`tool=${tool}`])];
  return `#${[first, ...more].join('&')}`;
}
