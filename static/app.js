// @ts-check
// The page: polls the list of streams, keeps the choice in the fragment of the address, and passes both to the elements.

import './api-token.js';
import { listStreams, NoConnection } from './api.js';
import { choose, DEFAULT_FORMAT, fragment, parse, suggest } from './choice.js';
import { followServerTime } from './clock.js';
import { find, setText } from './html.js';
import { PlayerPanel } from './player-panel.js';
import './stream-form.js';
import { StreamList } from './stream-list.js';
import { takeToken } from './token.js';
import './utc-clock.js';
import { watchable } from './viewing.js';
import { sentence, timeOfDay } from './words.js';

/** @typedef {import('./answers.js').Stream} Stream */
/** @typedef {import('./choice.js').Choice} Choice */

const POLL_EVERY_MS = 2000;

const list = find(document, 'stream-list', StreamList);
const panel = find(document, 'player-panel', PlayerPanel);
const connection = find(document, '#connection', HTMLElement);
const news = find(document, '#news', HTMLElement);

/** @type {readonly Stream[]} */
let streams = [];
/** @type {Choice | null} */
let choice = null;
/** Whether the page may still choose a stream for the user. */
let isUndecided = true;
/** A new stream whose card has to come into view. */
let created = '';
/** @type {number | null} */
let listedAt = null;
let polls = 0;
let pollTimer = 0;

/** Requests the list now and then every POLL_EVERY_MS; ignores every answer but the one to the latest request. */
async function poll() {
  clearTimeout(pollTimer);
  if (document.hidden) return;
  const number = (polls += 1);
  try {
    const answer = await watchable(await listStreams());
    if (number === polls) showStreams(answer);
  } catch (reason) {
    if (number === polls) showFailure(reason);
  }
  if (number === polls) pollTimer = setTimeout(poll, POLL_EVERY_MS);
  document.body.classList.remove('loading');
}

/** @param {readonly Stream[]} now */
function showStreams(now) {
  announceChanges(now);
  streams = now;
  listedAt = Date.now();
  list.streams = now;
  panel.streams = now;
  connection.classList.remove('lost');
  setText(connection, now.length === 1 ? '1 stream' : `${now.length} streams`);
  if (isUndecided) chooseFirst();
  if (created !== '' && list.reveal(created)) created = '';
}

/** @param {unknown} reason */
function showFailure(reason) {
  const what = reason instanceof NoConnection ? 'No connection to the server.' : `No list of streams: ${reason instanceof Error ? reason.message : reason}`;
  connection.classList.add('lost');
  setText(connection, listedAt === null ? what : `${what} Last update ${timeOfDay(listedAt)}.`);
}

/** Tells screen readers which phases have changed since the last list. @param {readonly Stream[]} now */
function announceChanges(now) {
  const changed = now.filter(({ name, phase }) => streams.some((before) => before.name === name && before.phase !== phase));
  if (changed.length > 0) setText(news, changed.map(sentence).join(' '));
}

/** Plays the first stream that runs; until one does, every list is another chance. */
function chooseFirst() {
  const first = suggest(streams);
  if (first !== null) decide(first);
}

/** Writes a choice into the address and plays it. @param {Choice | null} next */
function decide(next) {
  history.replaceState(history.state, '', location.pathname + location.search + fragment(next));
  showChoice(next);
}

/** @param {Choice | null} next */
function showChoice(next) {
  choice = next;
  isUndecided &&= next === null;
  list.chosen = next?.stream ?? null;
  panel.choice = next;
  document.title = next === null ? 'barstone' : `${next.stream} – barstone`;
}

/** @param {Event} event */
function detail(event) {
  return event instanceof CustomEvent ? event.detail : null;
}

document.addEventListener('streams-changed', poll);
document.addEventListener('token-changed', poll);
document.addEventListener('stream-created', (event) => {
  created = detail(event);
  setText(news, `Stream ${created} was created.`);
  find(document, '#create', HTMLDetailsElement).open = false;
  list.focus();
  void poll();
});
document.addEventListener('stream-play', (event) => {
  decide(choose(detail(event), choice?.format ?? DEFAULT_FORMAT, choice?.player ?? ''));
  panel.reveal();
});
document.addEventListener('choose', (event) => {
  isUndecided = false;
  decide(detail(event));
});
document.addEventListener('visibilitychange', poll);
window.addEventListener('hashchange', () => {
  // A link with the token that is opened over this page leaves the choice as it is.
  if (takeToken()) decide(choice);
  else showChoice(parse(location.hash));
});

takeToken();
followServerTime();
showChoice(parse(location.hash));
void poll();
