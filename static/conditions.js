// @ts-check
// Conditions of a URL: the server's table of them, and how choices of a form become text. Pure, except for the one request.

import { listConditions } from './api.js';
import { record, text } from './answers.js';

/** A parameter of a fault. @typedef {{ name: string, summary: string, kind: string, allowed: string, words: readonly string[] }} Parameter */
/** A fault in a URL. @typedef {{ name: string, value: string, parameters: readonly { name: string, value: string }[] }} Fault */
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
 * @property {boolean} fault whether it may occur several times, with parameters
 * @property {readonly Parameter[]} parameters
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
  const [name, fault] = [text(raw.name), raw.fault === true];
  const values = strings(raw.examples).flatMap((example) => (example.startsWith(`${name}=`) ? [example.slice(name.length + 1)] : []));
  return {
    name,
    summary: text(raw.summary),
    kind: text(of.kind),
    allowed: text(of.allowed),
    formats: strings(raw.formats),
    excludes: strings(raw.excludes),
    values: [...new Set([...(fault ? values.map((value) => value.replace(/:.*/, '')) : values), ...strings(of.words)])],
    fault,
    parameters: Array.isArray(raw.parameters) ? raw.parameters.map(parameterFrom) : [],
  };
}

/** @param {unknown} value @returns {Parameter} */
function parameterFrom(value) {
  const raw = record(value);
  const of = record(raw.value);
  return { name: text(raw.name), summary: text(raw.summary), kind: text(of.kind), allowed: text(of.allowed), words: strings(of.words) };
}

/** @param {unknown} value */
function strings(value) {
  return Array.isArray(value) ? value.map(String) : [];
}

/**
 * Splits the conditions of a URL.
 * @param {string} joined by commas
 * @param {readonly Condition[]} table
 * @returns {{ plain: { name: string, value: string }[], faults: string[] }} faults as in a URL
 */
export function split(joined, table) {
  const texts = joined.split(',').filter(Boolean);
  const plain = texts.filter((one) => !isFault(one, table)).map((one) => ({ name: cut(one)[0], value: cut(one)[1] }));
  return { plain, faults: texts.filter((one) => isFault(one, table)) };
}

/**
 * Whether a condition is a fault; a name may be that of both, which parameters tell apart.
 * @param {string} text as in a URL
 * @param {readonly Condition[]} table
 */
function isFault(text, table) {
  const [name] = text.split(/[=:]/, 1);
  const [isPlain, isOther] = [false, true].map((fault) => table.some((each) => each.name === name && each.fault === fault));
  return isOther && (!isPlain || text.includes(':'));
}

/** @param {string} text of a fault in a URL @returns {Fault} */
export function faultFrom(text) {
  const [first = '', ...rest] = text.split(':');
  const [name = '', value = ''] = cut(first);
  // A moment contains colons: what names no parameter continues the one before.
  /** @type {{ name: string, value: string }[]} */
  const parameters = [];
  for (const part of rest) {
    const last = parameters.at(-1);
    if (part.includes('=') || last === undefined) parameters.push({ name: cut(part)[0], value: cut(part)[1] });
    else last.value += `:${part}`;
  }
  return { name, value, parameters };
}

/** @param {Fault} fault @param {readonly Condition[]} table @returns {string} as in a URL, without parameters that say nothing */
export function faultText({ name, value, parameters }, table) {
  const words = table.find((each) => each.fault && each.name === name)?.parameters.find((parameter) => parameter.name === 'on')?.words ?? [];
  const chosen = parameters.filter((parameter) => parameter.value !== '' && !(parameter.name === 'on' && parameter.value === words[0]));
  // Without a parameter it would be the condition of the same name.
  const isAmbiguous = chosen.length === 0 && table.some((each) => !each.fault && each.name === name);
  const needed = isAmbiguous ? parameters.filter((parameter) => parameter.name === 'on') : chosen;
  return [value === '' ? name : `${name}=${value}`, ...needed.map((parameter) => `${parameter.name}=${parameter.value}`)].join(':');
}

/** Cuts at the first equals sign. @param {string} text @returns {[string, string]} */
function cut(text) {
  const at = text.indexOf('=');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** @param {readonly { name: string, value: string }[]} chosen @returns {string} joined by commas */
export function join(chosen) {
  return chosen.map(({ name, value }) => (value === '' ? name : `${name}=${value}`)).join(',');
}
