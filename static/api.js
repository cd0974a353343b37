// @ts-check
// The server's REST API; the only file that calls fetch.

import { definitionFrom, record, streamFrom, text, urlsFrom } from './answers.js';

/** @typedef {import('./answers.js').Stream} Stream */
/** @typedef {import('./answers.js').Tagged} Tagged */
/** @typedef {import('./definition.js').Definition} Definition */

/** Where the browser keeps the token that changes need. */
const TOKEN_KEY = 'barstone-token';
const ANSWER_TIMEOUT_MS = 5000;
const STREAMS = 'api/v1/streams';

/** The server answered, but not with what was asked for (RFC 9457). */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {Record<string, unknown>} document
   */
  constructor(status, document) {
    const title = text(document.title) || `The server answered with status ${status}`;
    super(crowding(document, title) || withoutField(document) || title);
    this.status = status;
    this.title = title;
    this.code = text(document.code);
    /** Path of the bad field in the definition, or empty. */
    this.field = text(document.field);
  }
}

/**
 * Keeps the token of a link such as `/#token=…`, and takes it out of the address, which may be shown to others.
 */
export function takeToken() {
  const [, token] = /^#token=([\w-]+)$/.exec(location.hash) ?? [];
  if (token === undefined) return;
  localStorage.setItem(TOKEN_KEY, token);
  history.replaceState(null, '', location.pathname + location.search);
}

/** No answer came: the server is away, or too slow. */
export class NoConnection extends Error {}

/** @returns {Promise<Stream[]>} sorted by name */
export async function listStreams() {
  const answer = await ask('GET', STREAMS);
  const list = Array.isArray(answer) ? answer : record(answer).streams;
  if (!Array.isArray(list)) throw new Problem(200, { title: 'The server sent no list of streams' });
  return list.map(streamFrom).sort((a, b) => a.name.localeCompare(b.name));
}

/** @param {Definition} definition */
export async function createStream(definition) {
  await ask('POST', STREAMS, definition);
}

/** @param {string} name @returns {Promise<Tagged>} */
export async function definitionOf(name) {
  const response = await send('GET', streamPath(name));
  return definitionFrom(await json(response), response.headers.get('ETag') ?? '*');
}

/**
 * @param {string} name
 * @param {Record<string, unknown>} definition
 * @param {string} tag of the definition that it takes the place of
 */
export async function replaceStream(name, definition, tag) {
  await send('PUT', streamPath(name), definition, { 'If-Match': tag });
}

/** @param {string} name */
export async function startStream(name) {
  await ask('POST', `${streamPath(name)}/start`);
}

/** @param {string} name */
export async function stopStream(name) {
  await ask('POST', `${streamPath(name)}/stop`);
}

/** @param {string} name */
export async function deleteStream(name) {
  await ask('DELETE', streamPath(name));
}

/**
 * @param {string} name
 * @param {number} seconds for which they are good
 * @returns {Promise<Record<string, string>>} URLs under a viewer token, by protocol
 */
export async function viewerLinks(name, seconds) {
  return urlsFrom(record(await ask('POST', `${streamPath(name)}/tokens`, { seconds })).urls);
}

/**
 * The server's clock.
 * @returns {Promise<number>} milliseconds of Unix time at the server when it answered
 */
export async function serverTime() {
  const ms = Date.parse((await (await send('GET', 'time')).text()).trim());
  if (Number.isNaN(ms)) throw new Problem(200, { title: 'The server sent no time' });
  return ms;
}

/** @param {string} name */
function streamPath(name) {
  return `${STREAMS}/${encodeURIComponent(name)}`;
}

/**
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @returns {Promise<unknown>} the JSON of the answer, null where it has none
 */
async function ask(method, path, body) {
  return json(await send(method, path, body));
}

/** @param {Response} response @returns {Promise<unknown>} its JSON, null where it has none */
async function json(response) {
  if (!isJson(response)) return null;
  return response.json().catch(() => {
    throw new NoConnection('The answer of the server broke off.');
  });
}

/**
 * @param {string} method
 * @param {string} path relative to the page
 * @param {unknown} [body]
 * @param {Record<string, string>} [headers] more of them
 */
async function send(method, path, body, headers) {
  /** @type {Response} */
  let response;
  try {
    response = await fetch(path, {
      method,
      cache: 'no-store',
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
      headers: {
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(method === 'GET' ? {} : authorization()),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch {
    throw new NoConnection('The server does not answer.');
  }
  if (response.ok) return response;
  if (response.status === 401 && localStorage.getItem(TOKEN_KEY) !== null) {
    // It was that of an earlier server; this one may need none.
    localStorage.removeItem(TOKEN_KEY);
    return send(method, path, body, headers);
  }
  throw new Problem(response.status, isJson(response) ? record(await response.json().catch(() => null)) : {});
}

/** @returns {Record<string, string>} */
function authorization() {
  const token = localStorage.getItem(TOKEN_KEY);
  return token === null ? {} : { Authorization: `Bearer ${token}` };
}

/** @param {Response} response */
function isJson(response) {
  return /[/+]json\b/.test(response.headers.get('Content-Type') ?? '');
}

/** For how many pictures there is no room, empty if that is not it. @param {Record<string, unknown>} document @param {string} title */
function crowding({ pixels_per_second }, title) {
  if (pixels_per_second === undefined) return '';
  const { wanted, used, capacity } = record(pixels_per_second);
  const [it, others, most] = [wanted, used, capacity].map((pixels) => (Number(pixels) / 1e6).toFixed(1));
  return `${title}: this takes ${it} million pixels a second, and others take ${others} of ${most} million.`;
}

/** What is wrong, without the field's path where it stands beside the field. @param {Record<string, unknown>} document */
function withoutField(document) {
  const [detail, path] = [text(document.detail), `${text(document.field)}: `];
  return detail.startsWith(path) ? detail.slice(path.length) : detail;
}
