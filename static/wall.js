// @ts-check
// The wall of a control room: every stream at the same time, each with its phase and its latency, as large as the screen allows. It
// changes nothing, and runs for days.

import { choose } from './choice.js';
import { followServerTime, serverNow } from './clock.js';
import { Follow } from './follow.js';
import { find, html, render, setText } from './html.js';
import { icon } from './icons.js';
import { LivePicture } from './live-picture.js';
import { StreamStill } from './stream-still.js';
import { tiling } from './tiling.js';
import { takeToken } from './token.js';
import './utc-clock.js';
import { audience, census, load, seconds, sentence, situation, timeOfDay } from './words.js';

/** @typedef {import('./answers.js').Stream} Stream */

/** Short requests that nobody holds: a browser opens six connections to a server over HTTP/1.1. */
const FORMAT = 'hls';
const READ_EVERY_MS = 1000;
const SHOW_EVERY_MS = 1000;
/** More players than this are too much for a browser; further streams are shown as stills. */
const MOST_PLAYERS = 9;
/** A player begins three segments behind the live edge. It is late if it is so many segments and seconds behind. */
const LATE_SEGMENTS = 6;
const LATE_S = 10;

const main = find(document, 'main', HTMLElement);
const list = find(document, '.screens', HTMLElement);
const connection = find(document, '#connection', HTMLElement);
const fullScreen = find(document, '[data-action=fullscreen]', HTMLButtonElement);
/** By name of the stream. @type {Map<string, HTMLElement>} */
const screens = new Map();
/** The last list. @type {readonly Stream[]} */
let listed = [];
/** @type {number | null} */
let listedAt = null;

/** @param {Stream} stream */
function screen({ name }) {
  const item = document.createElement('li');
  render(item, html`
    <div class="screen-picture"><stream-still></stream-still><live-picture></live-picture></div>
    <div class="screen-words">
      <h2>${name}</h2>
      <p><span class="unseen">Latency </span><span class="screen-latency"></span></p>
      <p class="screen-why"></p>
      <p class="phase"><span class="phase-mark" aria-hidden="true"></span><span class="phase-word"></span></p>
    </div>`);
  find(item, 'live-picture', LivePicture).readEveryMs = READ_EVERY_MS;
  return item;
}

/** @param {readonly Stream[]} streams sorted */
function show(streams) {
  listed = streams;
  listedAt = Date.now();
  connection.classList.remove('lost');
  setText(connection, census(streams));
  find(document, '.empty', HTMLElement).hidden = streams.length > 0;
  for (const [name, item] of screens) {
    if (streams.some((stream) => stream.name === name)) continue;
    item.remove();
    screens.delete(name);
  }
  let players = 0;
  streams.forEach((stream, i) => {
    const item = screens.get(stream.name) ?? screen(stream);
    screens.set(stream.name, item);
    if (list.children[i] !== item) list.insertBefore(item, list.children[i] ?? null);
    item.dataset.phase = stream.phase;
    setText(find(item, '.phase-word', HTMLElement), stream.phase);
    setText(find(item, '.screen-why', HTMLElement), why(stream));
    find(item, 'stream-still', StreamStill).stream = stream;
    const url = stream.urls[FORMAT];
    const plays = url !== undefined && stream.phase === 'running' && players < MOST_PLAYERS;
    if (plays) players += 1;
    const picture = find(item, 'live-picture', LivePicture);
    if (plays) picture.show(choose(stream.name, FORMAT, ''), url);
    // A player waits while its stream starts again.
    else if (stream.phase !== 'starting' && stream.phase !== 'waiting') void picture.close();
  });
  arrange();
  showPlayers();
}

/**
 * Begins anew at the live edge where a player is late. After stalls, hls.js plays on as late as they have made it.
 * @param {LivePicture} picture
 * @param {number} segmentMs duration of a segment
 */
function catchUp(picture, segmentMs) {
  const { showing } = picture;
  const latency = picture.read().figures?.latencySeconds ?? 0;
  const most = LATE_S + (LATE_SEGMENTS * segmentMs) / 1000;
  if (showing === null || latency <= most || performance.now() - showing.openedAt < most * 1000) return;
  void picture.close();
  picture.show(showing.choice, showing.url);
}

/** What an operator wants to know of a stream beside its phase. @param {Stream} stream */
function why(stream) {
  if (stream.error !== '') return sentence(stream);
  if (stream.private && stream.urls[FORMAT] === undefined) return 'private: open this page by a link with the API token';
  return stream.phase === 'running' ? `${audience(stream.viewers)} · ${load(stream, serverNow())}` : situation(stream);
}

/** Fills the screen with the pictures. */
function arrange() {
  const { columns, width, band, gap } = tiling(list.children.length, { width: list.clientWidth, height: main.clientHeight });
  for (const [name, value] of Object.entries({ columns, width: `${width}px`, band: `${band}px`, gap: `${gap}px` })) {
    list.style.setProperty(`--${name}`, String(value));
  }
  // Keys scroll only what can have the focus.
  main.tabIndex = main.scrollHeight > main.clientHeight ? 0 : -1;
}

/** Shows the states and latencies of the players, and a still where none plays. */
function showPlayers() {
  for (const stream of listed) {
    const item = screens.get(stream.name);
    if (item === undefined) continue;
    const picture = find(item, 'live-picture', LivePicture);
    catchUp(picture, stream.segmentMs);
    const { state, figures } = picture.read();
    const latency = figures?.latencySeconds ?? null;
    item.dataset.player = state;
    find(item, 'stream-still', StreamStill).hidden = figures !== null && figures.size !== '';
    const words = state === 'playing' && latency !== null ? seconds(latency, 1) : state;
    setText(find(item, '.screen-latency', HTMLElement), state === 'idle' ? '' : words);
  }
}

takeToken();
followServerTime();
new Follow(show, () => {
  connection.classList.add('lost');
  setText(connection, `No connection to the server.${listedAt === null ? '' : ` Last update ${timeOfDay(listedAt)}.`}`);
});
setInterval(showPlayers, SHOW_EVERY_MS);
new ResizeObserver(arrange).observe(main);
render(fullScreen, html`${icon('full')}<span>Full screen</span>`);
fullScreen.hidden = !document.fullscreenEnabled;
fullScreen.addEventListener('click', () => document.documentElement.requestFullscreen().catch(() => {}));
document.addEventListener('fullscreenchange', () => (fullScreen.hidden = document.fullscreenElement !== null));
