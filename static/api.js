// @ts-check
// The server's REST API; the only file that calls fetch.

import { BASE, playbackUrl, publicUrl } from './address.js';
import { definitionFrom, record, streamFrom, text, urlsFrom } from './answers.js';
import { apiToken, refuseToken, requestToken } from './token.js';

/** @typedef {import('./answers.js').Stream} Stream */
/** @typedef {import('./answers.js').Tagged} Tagged */
/** @typedef {import('./definition.js').Definition} Definition */

const ANSWER_TIMEOUT_MS = 5000;
const UNAUTHORIZED = 401;
const DAY_S = 86_400;
const STREAMS = 'api/v1/streams';

/** A refusal or a failure that the server reports (RFC 9457). */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {Record<string, unknown>} document
   */
  constructor(status, document) {
    const title = text(document.title) || `The server answered with status ${status}`;
    super(lackOfCapacity(document) || withoutField(document) || title);
    this.status = status;
    this.title = title;
    this.code = text(document.code);
    /** Path of the bad field in the definition, or empty. */
    this.field = text(document.field);
  }
}

/** The server sent no answer, or not all of it, within ANSWER_TIMEOUT_MS. */
export class NoConnection extends Error {}

/** @returns {Promise<Stream[]>} sorted by name */
export async function listStreams() {
  const answer = await ask('GET', STREAMS);
  const list = Array.isArray(answer) ? answer : record(answer).streams;
  if (!Array.isArray(list)) throw new Problem(200, { title: 'The answer of the server is not a list of streams' });
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
 * @param {string} tag of the definition that it replaces; the server refuses the change if another one is stored by now
 */
export async function replaceStream(name, definition, tag) {
  await send('PUT', streamPath(name), { body: definition, headers: { 'If-Match': tag } });
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
 * @param {number} seconds for which they are valid
 * @returns {Promise<Record<string, string>>} URLs with a viewer token, by format; does not ask the user for the API token
 */
export async function viewerLinks(name, seconds) {
  const response = await send('POST', `${streamPath(name)}/tokens`, { body: { seconds }, background: true });
  return urlsFrom(record(await json(response)).urls);
}

/**
 * @param {string} name
 * @returns {Promise<string>} URL at which this page may publish to the stream for a day
 */
export async function publishUrl(name) {
  const answer = record(await ask('POST', `${streamPath(name)}/tokens`, { purpose: 'publish', seconds: DAY_S }));
  return playbackUrl(text(record(answer.urls).whip));
}

/** @returns {Promise<unknown[]>} the conditions that the path of a manifest can have */
export async function listConditions() {
  const answer = await ask('GET', 'api/v1/conditions');
  if (!Array.isArray(answer)) throw new Problem(200, { title: 'The answer of the server is not a list of conditions' });
  return answer;
}

/** Requests a manifest, to see whether the server has it. @param {string} url absolute; rejects with the problem of the server */
export async function checkManifest(url) {
  await send('GET', url, { background: true });
}

/**
 * Opens a session of WebRTC (WHEP or WHIP).
 * @param {string} url absolute
 * @param {string} offer
 * @returns {Promise<{ answer: string, session: string }>} the answer, and the URL of the session
 */
export async function openSession(url, offer) {
  const response = await request('POST', url, null, { body: offer, headers: { 'Content-Type': 'application/sdp' } });
  if (!response.ok) throw await problemOf(response);
  return { answer: await response.text(), session: publicUrl(new URL(response.headers.get('Location') ?? '', url).href) };
}

/** Closes a session of WebRTC. A server that gets no request closes the session later. @param {string} session its URL */
export async function closeSession(session) {
  await request('DELETE', session, null, {}).catch(() => {});
}

/** @returns {Promise<string>} version of the server */
export async function serverVersion() {
  return text(record(await ask('GET', 'whoami')).version);
}

/**
 * The server's clock.
 * @returns {Promise<number>} milliseconds of Unix time at the server when it answered
 */
export async function serverTime() {
  const ms = Date.parse((await (await send('GET', 'time')).text()).trim());
  if (Number.isNaN(ms)) throw new Problem(200, { title: 'The answer of the server is not a time' });
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
  return json(await send(method, path, { body }));
}

/** @param {Response} response @returns {Promise<unknown>} its JSON, null where it has none */
async function json(response) {
  if (!isJson(response)) return null;
  return response.json().catch(() => {
    throw new NoConnection('The connection broke before the whole answer arrived. Try again.');
  });
}

/**
 * Sends a request. If the server wants the API token, asks the user for it and sends the request again.
 * @param {string} method
 * @param {string} path relative to the page
 * @param {Content & { background?: boolean }} [options] `background`: nobody waits for the answer, so the user is not asked
 * @returns {Promise<Response>} with a status below 300
 */
async function send(method, path, { background = false, ...content } = {}) {
  for (;;) {
    const token = method === 'GET' ? null : apiToken();
    const response = await request(method, path, token, content);
    if (response.ok) return response;
    const problem = await problemOf(response);
    if (problem.status !== UNAUTHORIZED) throw problem;
    refuseToken(token);
    if (background || !(await requestToken())) throw problem;
  }
}

/** @param {Response} response */
async function problemOf(response) {
  return new Problem(response.status, isJson(response) ? record(await response.json().catch(() => null)) : {});
}

/**
 * `body` is text, or what is sent as JSON.
 * @typedef {{ body?: unknown, headers?: Record<string, string> }} Content
 * @param {string} method
 * @param {string} path
 * @param {string | null} token
 * @param {Content} content
 */
async function request(method, path, token, { body, headers }) {
  try {
    return await fetch(new URL(path, BASE), {
      method,
      cache: 'no-store',
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
      headers: {
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  } catch {
    throw new NoConnection('The server does not answer. Check that barstone runs, then try again.');
  }
}

/** @param {Response} response */
function isJson(response) {
  return /[/+]json\b/.test(response.headers.get('Content-Type') ?? '');
}

/** @param {Record<string, unknown>} document @returns {string} what the machine cannot encode as well, empty for other problems */
function lackOfCapacity({ pixels_per_second }) {
  if (pixels_per_second === undefined) return '';
  const { wanted, used, capacity } = record(pixels_per_second);
  const mega = (/** @type {number} */ pixels) => (Math.max(pixels, 0) / 1e6).toFixed(1);
  const free = mega(Number(capacity) - Number(used));
  return `Not enough capacity: this stream needs ${mega(Number(wanted))} Mpixel/s, and ${free} of ${mega(Number(capacity))} are free. `
    + 'Choose fewer or smaller renditions or a lower frame rate, or stop another stream.';
}

/** The detail of a problem, without the path of the field that it is shown at. @param {Record<string, unknown>} document */
function withoutField(document) {
  const [detail, path] = [text(document.detail), `${text(document.field)}: `];
  return detail.startsWith(path) ? detail.slice(path.length) : detail;
}
