// @ts-check
// The page: polls the list of streams, keeps the choice in the URL hash, and hands both to the elements.

import { listStreams, NoConnection, takeToken } from './api.js';
import { choose, format, parse } from './choice.js';
import { keepTime } from './clock.js';
import { find, setText } from './html.js';
import { PlayerPanel } from './player-panel.js';
import './stream-form.js';
import { StreamList } from './stream-list.js';
import './utc-clock.js';
import { watchable } from './viewing.js';
import { timeOfDay } from './words.js';

/** @typedef {import('./answers.js').Stream} Stream */
/** @typedef {import('./choice.js').Choice} Choice */

const POLL_EVERY_MS = 2000;

const list = find(document, 'stream-list', StreamList);
const panel = find(document, 'player-panel', PlayerPanel);
const connection = find(document, '#connection', HTMLElement);
const news = find(document, '#news', HTMLElement);

/** @type {readonly Stream[]} */
let streams = [];
/** @type {number | null} */
let listedAt = null;
let asked = 0;
let pollTimer = 0;

/** Asks for the list now and then every POLL_EVERY_MS; only the latest question's answer counts. */
async function poll() {
  clearTimeout(pollTimer);
  if (document.hidden) return;
  const question = (asked += 1);
  try {
    const answer = await watchable(await listStreams());
    if (question === asked) showStreams(answer);
  } catch (reason) {
    if (question === asked) showSilence(reason);
  }
  if (question === asked) pollTimer = setTimeout(poll, POLL_EVERY_MS);
  document.body.classList.remove('loading');
}

/** @param {readonly Stream[]} now */
function showStreams(now) {
  tellNews(now);
  streams = now;
  listedAt = Date.now();
  list.streams = now;
  panel.streams = now;
  connection.classList.remove('lost');
  setText(connection, now.length === 1 ? '1 stream' : `${now.length} streams`);
}

/** @param {unknown} reason */
function showSilence(reason) {
  const what = reason instanceof NoConnection ? 'No connection to the server.' : `No list: ${reason instanceof Error ? reason.message : reason}`;
  connection.classList.add('lost');
  setText(connection, listedAt === null ? what : `${what} Shown is the list of ${timeOfDay(listedAt)}.`);
}

/** Tells listeners, not lookers, what changed since the last list. @param {readonly Stream[]} now */
function tellNews(now) {
  const changed = now.filter(({ name, phase }) => streams.some((before) => before.name === name && before.phase !== phase));
  if (changed.length > 0) setText(news, changed.map(({ name, phase }) => `${name} is ${phase}.`).join(' '));
}

/** @param {Choice | null} choice */
function keepChoice(choice) {
  history.replaceState(null, '', format(choice) || location.pathname + location.search);
  showChoice();
}

function showChoice() {
  const choice = parse(location.hash);
  list.chosen = choice?.stream ?? null;
  panel.choice = choice;
  document.title = choice === null ? 'barstone' : `${choice.stream} – barstone`;
}

/** @param {Event} event */
function detail(event) {
  return event instanceof CustomEvent ? event.detail : null;
}

document.addEventListener('streams-changed', poll);
document.addEventListener('stream-created', (event) => {
  setText(news, `${detail(event)} is created.`);
  find(document, '#create', HTMLDetailsElement).open = false;
  list.focus();
  void poll();
});
document.addEventListener('stream-play', (event) => {
  const before = parse(location.hash);
  keepChoice(choose(detail(event), before?.protocol ?? 'hls', before?.player ?? ''));
  panel.reveal();
});
document.addEventListener('choose', (event) => keepChoice(detail(event)));
document.addEventListener('visibilitychange', poll);
window.addEventListener('hashchange', () => {
  takeToken();
  showChoice();
});

takeToken();
keepTime();
showChoice();
void poll();
