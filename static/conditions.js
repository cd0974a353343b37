// @ts-check
// Conditions of a URL: the server's table of them, and how choices of a form become text. Pure, except for the one request.

import { listConditions } from './api.js';
import { record, text } from './answers.js';

/**
 * A condition that the path of a manifest can have.
 * @typedef {object} Condition
 * @property {string} name
 * @property {string} summary
 * @property {string} kind of its value; `none` for a condition without one
 * @property {string} allowed what the value may be, for people
 * @property {readonly string[]} formats
 * @property {readonly string[]} excludes
 * @property {readonly string[]} values of the examples, and words that are allowed
 */

/** @type {Promise<Condition[]> | null} */
let table = null;

/** @returns {Promise<Condition[]>} requested once; again after a failure */
export function conditions() {
  table ??= listConditions().then((list) => list.map(conditionFrom)).catch((error) => {
    table = null;
    throw error;
  });
  return table;
}

/** @param {unknown} value @returns {Condition} */
function conditionFrom(value) {
  const raw = record(value);
  const of = record(raw.value);
  const name = text(raw.name);
  const values = strings(raw.examples).flatMap((example) => (example.startsWith(`${name}=`) ? [example.slice(name.length + 1)] : []));
  return {
    name,
    summary: text(raw.summary),
    kind: text(of.kind),
    allowed: text(of.allowed),
    formats: strings(raw.formats),
    excludes: strings(raw.excludes),
    values: [...new Set([...values, ...strings(of.words)])],
  };
}

/** @param {unknown} value */
function strings(value) {
  return Array.isArray(value) ? value.map(String) : [];
}

/**
 * Splits the conditions of a URL. A name may occur more than once.
 * @param {string} joined by commas
 * @returns {{ name: string, value: string }[]}
 */
export function split(joined) {
  return joined.split(',').filter(Boolean).map((one) => {
    const at = one.indexOf('=');
    return at < 0 ? { name: one, value: '' } : { name: one.slice(0, at), value: one.slice(at + 1) };
  });
}

/** @param {readonly { name: string, value: string }[]} chosen @returns {string} joined by commas */
export function join(chosen) {
  return chosen.map(({ name, value }) => (value === '' ? name : `${name}=${value}`)).join(',');
}
