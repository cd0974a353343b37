// @ts-check
// The page: keeps what is chosen in the fragment of the address, and passes it and the list of streams to the elements.

import './api-token.js';
import { NoConnection, serverVersion } from './api.js';
import { choose, DEFAULT_FORMAT, sourceName, suggest } from './choice.js';
import { followServerTime } from './clock.js';
import { ComparePanel } from './compare-panel.js';
import { Follow } from './follow.js';
import { find, html, render, setText } from './html.js';
import { icon } from './icons.js';
import { PlayerPanel } from './player-panel.js';
import { PublishDialog } from './publish-dialog.js';
import { MOST_CHOICES, parseRoute, writeRoute } from './route.js';
import { StreamEditor } from './stream-editor.js';
import { StreamList } from './stream-list.js';
import { takeToken } from './token.js';
import './undo-toast.js';
import './url-opener.js';
import './utc-clock.js';
import { sentence, timeOfDay } from './words.js';

/** @typedef {import('./answers.js').Stream} Stream */
/** @typedef {import('./choice.js').Choice} Choice */
/** @typedef {import('./route.js').Route} Route */

const list = find(document, 'stream-list', StreamList);
const panel = find(document, 'player-panel', PlayerPanel);
const comparison = find(document, 'compare-panel', ComparePanel);
const editor = find(document, 'stream-editor', StreamEditor);
const publisher = find(document, 'publish-dialog', PublishDialog);
const connection = find(document, '#connection', HTMLElement);
const news = find(document, '#news', HTMLElement);

/** @type {Follow | null} */
let follow = null;
/** @type {readonly Stream[]} */
let streams = [];
/** @type {Route} */
let route = { choices: [], tool: 'figures' };
/** Whether the page may still choose a stream for the user. */
let isUndecided = true;
/** A new stream whose card has to come into view. */
let created = '';
/** @type {number | null} */
let listedAt = null;

/** @param {readonly Stream[]} now */
function showStreams(now) {
  announceChanges(now);
  streams = now;
  listedAt = Date.now();
  list.streams = now;
  panel.streams = now;
  comparison.streams = now;
  connection.classList.remove('lost');
  setText(connection, now.length === 1 ? '1 stream' : `${now.length} streams`);
  document.body.classList.remove('loading');
  if (isUndecided) chooseFirst();
  if (created !== '' && list.reveal(created)) created = '';
}

/** @param {unknown} reason */
function showFailure(reason) {
  const what = reason instanceof NoConnection ? 'No connection to the server.' : `No list of streams: ${reason instanceof Error ? reason.message : reason}`;
  connection.classList.add('lost');
  setText(connection, listedAt === null ? what : `${what} Last update ${timeOfDay(listedAt)}.`);
  document.body.classList.remove('loading');
}

/** Says what went wrong before a form opened. @param {unknown} reason */
function showTrouble(reason) {
  connection.classList.add('lost');
  setText(connection, reason instanceof Error ? reason.message : String(reason));
}

/** Tells screen readers which phases have changed since the last list. @param {readonly Stream[]} now */
function announceChanges(now) {
  const changed = now.filter(({ name, phase }) => streams.some((before) => before.name === name && before.phase !== phase));
  if (changed.length > 0) setText(news, changed.map(sentence).join(' '));
}

/** Plays the first stream that runs; until one does, every list is another chance. */
function chooseFirst() {
  const first = suggest(streams);
  if (first !== null) decide({ ...route, choices: [first] });
}

/** Writes a route into the address and follows it. @param {Route} next */
function decide(next) {
  history.replaceState(history.state, '', location.pathname + location.search + writeRoute(next));
  showRoute(next);
}

/** @param {Route} next */
function showRoute(next) {
  route = next;
  const [choice = null] = next.choices;
  isUndecided &&= choice === null;
  list.chosen = next.choices.map(({ stream }) => stream);
  const compares = next.choices.length > 1;
  panel.hidden = compares;
  comparison.hidden = !compares;
  panel.choice = compares ? null : choice;
  panel.tool = next.tool;
  comparison.choices = compares ? next.choices : [];
  if (follow) follow.events = !compares;
  document.title = choice === null ? 'barstone' : `${compares ? 'Comparison' : sourceName(choice)} – barstone`;
}

/** @param {Event} event */
function detail(event) {
  return event instanceof CustomEvent ? event.detail : null;
}

takeToken();
followServerTime();
showRoute(parseRoute(location.hash));
follow = new Follow(showStreams, showFailure);
follow.events = route.choices.length < 2;

serverVersion().then((version) => setText(find(document, '#version', HTMLElement), `barstone ${version}`), () => {});

document.addEventListener('streams-changed', () => follow?.now());
document.addEventListener('token-changed', () => follow?.now());
document.addEventListener('stream-created', (event) => {
  created = detail(event);
  setText(news, `Stream ${created} was created.`);
  void follow?.now();
});
document.addEventListener('stream-restored', (event) => {
  created = detail(event);
  setText(news, `Stream ${created} is back.`);
  void follow?.now();
});
const create = find(document, '[data-action=create]', HTMLButtonElement);
render(create, html`${icon('plus')}<span>New stream</span>`);
create.addEventListener('click', () => editor.create());
document.addEventListener('stream-edit', (event) => editor.edit(detail(event)).catch(showTrouble));
document.addEventListener('stream-copy', (event) => editor.copy(detail(event)).catch(showTrouble));
document.addEventListener('stream-publish', (event) => publisher.open(detail(event)));
document.addEventListener('stream-play', (event) => {
  const [choice] = route.choices;
  const next = choose(detail(event), choice?.format ?? DEFAULT_FORMAT, choice?.player ?? '');
  decide({ ...route, choices: [next] });
  panel.reveal();
});
document.addEventListener('choose', (event) => {
  isUndecided = false;
  const choice = detail(event);
  decide({ ...route, choices: choice === null ? [] : [choice] });
});
// The fragment of the address is not free for the names of elements.
find(document, '.skip', HTMLAnchorElement).addEventListener('click', (event) => {
  event.preventDefault();
  find(document, '#streams-heading', HTMLElement).focus();
});
document.addEventListener('compare', (event) => {
  isUndecided = false;
  decide({ ...route, choices: [...route.choices, detail(event)].slice(-MOST_CHOICES) });
  if (route.choices.length > 1) comparison.reveal();
});
document.addEventListener('compared', (event) => {
  const wasOpen = route.choices.length > 1;
  decide({ ...route, choices: detail(event) });
  if (wasOpen && route.choices.length < 2) panel.reveal();
});
document.addEventListener('tool', (event) => decide({ ...route, tool: detail(event) }));
window.addEventListener('hashchange', () => {
  // A link with the token that is opened over this page leaves the choice as it is.
  if (takeToken()) decide(route);
  else showRoute(parseRoute(location.hash));
});
