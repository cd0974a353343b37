// @ts-check
// The player for frames: `/embed/{stream}?format=llhls&player=hls.js&with=delay=3s&latency`. It shows one stream and changes nothing.

import { decode, withConditions } from './address.js';
import { choose, DEFAULT_FORMAT, format } from './choice.js';
import { followServerTime } from './clock.js';
import { Follow } from './follow.js';
import { find, setText } from './html.js';
import { LivePicture } from './live-picture.js';
import { obstacle, remark } from './obstacle.js';
import { PlayerNote } from './player-note.js';
import { seconds } from './words.js';

const SHOW_EVERY_MS = 500;

const parameters = new URLSearchParams(location.search);
const stream = decode(location.pathname.split('/').at(-1) ?? '');
const choice = {
  ...choose(stream, format(parameters.get('format') ?? '')?.id ?? DEFAULT_FORMAT, parameters.get('player') ?? ''),
  conditions: parameters.get('with') ?? '',
};
const picture = find(document, 'live-picture', LivePicture);
const note = find(document, 'player-note', PlayerNote);
/** @type {readonly import('./answers.js').Stream[] | null} */
let streams = null;

function settle() {
  const found = streams?.find(({ name }) => name === choice.stream) ?? null;
  const why = obstacle({ choice, stream: found, isListed: streams !== null, plays: picture.showing !== null }, () => {});
  const url = found?.urls[choice.format];
  if (why === null && url) picture.show(choice, withConditions(url, choice.conditions));
  else void picture.close();
  const what = why ?? remark(found, picture.showing?.playback ?? null);
  // A page that others frame must not offer what changes a stream.
  note.show(what === null || picture.showing?.playback.isBlocked ? what : { text: what.text });
}

followServerTime();
picture.addEventListener('picture-changed', settle);
const follow = new Follow((list) => {
  streams = list;
  settle();
}, () => {});
follow.events = false;
document.title = `${stream} – barstone`;
picture.muted = !parameters.has('sound');
if (parameters.has('latency')) {
  const figure = document.createElement('p');
  figure.className = 'embed-latency';
  find(document, 'main', HTMLElement).append(figure);
  setInterval(() => setText(figure, seconds(picture.read().figures?.latencySeconds ?? null, 2)), SHOW_EVERY_MS);
}
