// @ts-check
// Writes the table of docs/players-and-faults.md from the last run of tests/faults.test.mjs:
//   node --test tests/faults.test.mjs && node tests/players/fault_table.mjs

import { readFileSync, writeFileSync } from 'node:fs';

import { OUTCOMES } from './behaviour.mjs';
import { FAULTS } from './faults.mjs';

export const PAGE = new URL('../../docs/players-and-faults.md', import.meta.url);
const VERSIONS = new URL('../../static/vendor/VERSIONS.txt', import.meta.url);
/** Names of the players in the list of versions. @type {Record<string, string>} */
const PACKAGES = { 'hls.js': 'hls.js', 'dash.js': 'dashjs', 'shaka-player': 'shaka-player' };
/** The line above the table. */
const HEAD = '| fault | player | manifest | what the player does |\n|---|---|---|---|\n';

/** Players with their versions. @returns {string} */
export function versions() {
  const text = readFileSync(VERSIONS, 'utf8');
  const version = (/** @type {string} */ name) => new RegExp(`^name +${name.replace('.', '\\.')}\nversion +(\\S+)$`, 'm').exec(text)?.[1];
  return Object.entries(PACKAGES).map(([player, name]) => `${player} ${version(name)}`).join(', ');
}

/** Beginnings of the rows, in order. @returns {string[]} */
export function rows() {
  const plays = FAULTS.flatMap(({ condition, plays }) => plays.map(([player, file]) => ({ condition, player, file })));
  return plays.map(({ condition, player, file }) => `| \`${condition}\` | ${player} | \`${file}\` | `);
}

/** @param {readonly import('./behaviour.mjs').Outcome[]} outcomes */
function table(outcomes) {
  const did = new Map(outcomes.map(({ condition, player, file, did }) => [`| \`${condition}\` | ${player} | \`${file}\` | `, did]));
  return HEAD + rows().map((row) => `${row}${did.get(row) ?? 'not measured'} |\n`).join('');
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const outcomes = JSON.parse(readFileSync(OUTCOMES, 'utf8'));
  const page = readFileSync(PAGE, 'utf8');
  const [before = '', after = ''] = page.split(/\| fault \| player [^]*\|\n(?!\|)/);
  writeFileSync(PAGE, before.replace(/^Measured with .*$/m, `Measured with ${versions()}.`) + table(outcomes) + after);
}
