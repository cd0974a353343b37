// @ts-check
// The wall of a control room: every stream at the same time, each with its phase and its latency. It changes nothing, and runs for days.

import { choose } from './choice.js';
import { followServerTime } from './clock.js';
import { Follow } from './follow.js';
import { find, html, render, setText } from './html.js';
import { LivePicture } from './live-picture.js';
import './utc-clock.js';
import { audience, seconds, sentence, situation, timeOfDay } from './words.js';

/** @typedef {import('./answers.js').Stream} Stream */

/** Short requests that nobody holds: a browser opens six connections to a server over HTTP/1.1. */
const FORMAT = 'hls';
const READ_EVERY_MS = 1000;
const SHOW_EVERY_MS = 1000;
/** More players than this are too much for a browser; further streams are shown without a picture. */
const MOST_PLAYERS = 9;

const list = find(document, '.screens', HTMLElement);
const connection = find(document, '#connection', HTMLElement);
/** @type {Map<string, HTMLElement>} */
const screens = new Map();
/** @type {number | null} */
let listedAt = null;

/** @param {Stream} stream */
function screen({ name }) {
  const item = document.createElement('li');
  render(item, html`
    <live-picture></live-picture>
    <div class="screen-words">
      <h2>${name}</h2>
      <p class="phase"><span class="phase-mark" aria-hidden="true"></span><span class="phase-word"></span></p>
      <p class="screen-latency" aria-label="Latency"></p>
      <p class="screen-why"></p>
    </div>`);
  find(item, 'live-picture', LivePicture).readEveryMs = READ_EVERY_MS;
  return item;
}

/** @param {readonly Stream[]} streams sorted */
function show(streams) {
  listedAt = Date.now();
  connection.classList.remove('lost');
  setText(connection, streams.length === 1 ? '1 stream' : `${streams.length} streams`);
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
    setText(find(item, '.screen-why', HTMLElement), stream.error === '' ? `${audience(stream.viewers)} · ${situation(stream)}` : sentence(stream));
    const url = stream.urls[FORMAT];
    const plays = url !== undefined && stream.phase === 'running' && players < MOST_PLAYERS;
    if (plays) players += 1;
    const picture = find(item, 'live-picture', LivePicture);
    if (plays) picture.show(choose(stream.name, FORMAT, ''), url);
    // A player waits while its stream starts again.
    else if (stream.phase !== 'starting' && stream.phase !== 'waiting') void picture.close();
  });
  list.dataset.count = String(Math.min(streams.length, MOST_PLAYERS));
}

function showLatencies() {
  for (const item of screens.values()) {
    const { state, figures } = find(item, 'live-picture', LivePicture).read();
    setText(find(item, '.screen-latency', HTMLElement), state === 'playing' ? seconds(figures?.latencySeconds ?? null, 1) : state === 'idle' ? '' : state);
  }
}

followServerTime();
new Follow(show, () => {
  connection.classList.add('lost');
  setText(connection, `No connection to the server.${listedAt === null ? '' : ` Last update ${timeOfDay(listedAt)}.`}`);
});
setInterval(showLatencies, SHOW_EVERY_MS);
