// @ts-check
// Two replicas, the store that they share and an edge, each on a host of its own, fail in every possible way. Meanwhile
// hls.js and dash.js with low latency and ffmpeg play, and streams are created and stopped. `run.sh` creates the hosts.

import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { launch } from '../players/browser.mjs';
import { until } from '../players/deadline.mjs';
import { temporaryDirectory } from '../players/leftovers.mjs';
import { startNats } from '../players/nats.mjs';
import { startLoggedEdge } from '../players/nginx.mjs';
import { Play } from '../players/play.mjs';
import { SMALL_VIDEO, Server } from '../players/server.mjs';
import { everyPictureIsRead, figures } from '../players/verdict.mjs';
import { Decoder } from './decoder.mjs';
import * as hosts from './hosts.mjs';
import { Media } from './media.mjs';
import { Writer } from './writer.mjs';

const PLAY_SECONDS = Number(process.env.PLAY_SECONDS ?? 300);
const TOKEN = 'the-same-for-all';
/** Definition that is cheap to encode and to play. */
const STREAM = { name: 'played', video: SMALL_VIDEO };
const TRACKS = ['/live/played/v', '/live/played/a'];
/** Eight pictures. */
const LONGEST_WAIT_MS = 320;
/**
 * The most that a frozen replica adds for dash.js: the edge breaks a segment off after 600 ms, dash.js requests it again after
 * 100 ms, and the edge may send that request to the frozen replica as well, for 600 ms. dash.js has buffered 780 ms.
 */
const FROZEN_TWICE_MS = 600 + 100 + 600 - 780;
/** A part takes 0.24 s. */
const SLOW_S = 0.5;
const KILLED_FOR_S = 3;
const CUT_FOR_S = 15;
const FROZEN_FOR_S = 10;
const HEALS_WITHIN_S = 60;

/** @typedef {'one' | 'two'} Name */
/** @typedef {(name: Name) => Promise<void>} Fault */
/** @type {[what: string, name: Name, fault: Fault][]} */
const FAULTS = [
  ['is killed and starts again', 'one', kill],
  ['is cut off from the store', 'two', cut],
  ['is frozen for ten seconds', 'one', freeze],
  ['is rolled to a new process', 'two', roll],
  ['is killed and starts again', 'two', kill],
  ['is cut off from the store', 'one', cut],
  ['is frozen for ten seconds', 'two', freeze],
  ['is rolled to a new process', 'one', roll],
];
const SLOT_S = PLAY_SECONDS / FAULTS.length;
/** Faults that may happen once more, because a player waited. */
let repetitionsLeft = 2;

/** @type {{ stop: () => Promise<void> }[]} */
const parts = [];
/** @type {Record<Name, Server>} */
let replicas;
/** @type {Awaited<ReturnType<typeof startLoggedEdge>>} */
let edge;
/** @type {Play[]} */
const plays = [];
/** @type {Decoder} */
let decoder;
/** @type {Writer} */
let writer;
/** @type {Media} */
let media;

/** @template {{ stop: () => Promise<void> }} T @param {T} part @returns {T} */
function owned(part) {
  parts.unshift(part);
  return part;
}

before(async () => {
  const nats = owned(await startNats(hosts.store));
  const tokenFile = join(temporaryDirectory('cluster'), 'token');
  writeFileSync(tokenFile, TOKEN);
  const settings = ['--store', nats.url, '--api-token-file', tokenFile, '--max-pixels-per-second', 'none'];
  replicas = {
    one: owned(await Server.startOn(hosts.one, ...settings)),
    two: owned(await Server.startOn(hosts.two, ...settings)),
  };
  const headers = { Authorization: `Bearer ${TOKEN}` };
  assert.equal((await replicas.one.api('POST', '', STREAM, { headers })).status, 201);
  // The default stream, which a new store begins with.
  assert.equal((await replicas.two.api('DELETE', '/test', undefined, { headers })).status, 204);
  edge = owned(await startLoggedEdge([replicas.one.url, replicas.two.url], hosts.edge));
  media = new Media([replicas.one, replicas.two], TRACKS);
  await until('both have the whole window', HEALS_WITHIN_S, async () => {
    await media.compare();
    return media.size > 0 && media.missing.length === 0;
  });
  const browser = await launch();
  owned({ stop: browser.close });
  for (const [player, file] of [['hls.js', 'llhls.m3u8'], ['dash.js', 'lldash.mpd']]) {
    const play = await Play.open(browser, player, `${edge.url}/live/played/${file}`);
    owned({ stop: () => play.close() });
    plays.push(play);
  }
  decoder = owned(new Decoder(`${edge.url}/live/played/hls.m3u8`));
  for (const play of plays) await play.played(5);
  writer = owned(new Writer([replicas.one, replicas.two], TOKEN));
});
after(async () => {
  for (const part of parts) await part.stop();
});

/** @param {Name} name */
async function kill(name) {
  await replicas[name].kill9();
  await pause(KILLED_FOR_S * 1000);
  await replicas[name].restart();
  media.again(replicas[name]);
}

/** @param {Name} name */
async function cut(name) {
  const other = replicas[name === 'one' ? 'two' : 'one'];
  hosts.cutFromStore(name);
  writer.cutOff = writer.behind = replicas[name];
  await pause(CUT_FOR_S * 1000);
  writer.cutOff = null;
  hosts.joinToStore(name);
  await until('it knows what the other knows', HEALS_WITHIN_S, async () => {
    const [own, others] = await Promise.all([replicas[name], other].map((server) => server.text('/api/v1/definitions')));
    return own === others;
  });
  writer.behind = null;
}

/** @param {Name} name */
async function freeze(name) {
  replicas[name].freeze();
  await pause(FROZEN_FOR_S * 1000);
  replicas[name].thaw();
}

/** @param {Name} name */
async function roll(name) {
  await replicas[name].end();
  await replicas[name].restart();
  media.again(replicas[name]);
}

/** @param {number} from index in the log of the edge @returns {string[]} slow requests for low-latency playlists since then */
function slowPlaylists(from) {
  const requests = readFileSync(edge.requests, 'utf8').slice(from).split('\n');
  return requests.filter((request) => request.includes('/llhls.m3u8') && Number(request.split(' ')[4]) > SLOW_S);
}

/**
 * Plays while the replica goes through the fault.
 *
 * @param {import('node:test').TestContext} t
 * @param {Name} name
 * @param {Fault} fault
 * @returns {Promise<string[]>} what players noticed
 */
async function playsThrough(t, name, fault) {
  const endsAt = performance.now() + SLOT_S * 1000;
  const edgeBefore = statSync(edge.requests).size;
  const before = await Promise.all(plays.map((play) => play.report()));
  let over = false;
  const comparisons = (async () => {
    for (; !over; await pause(1000)) await media.compare();
  })();
  try {
    await pause((SLOT_S * 1000) / 8);
    await fault(name);
    await pause(Math.max(0, endsAt - performance.now()));
  } finally {
    over = true;
    await comparisons;
  }
  for (const slow of slowPlaylists(edgeBefore)) t.diagnostic(`edge: ${slow}`);
  /** @type {string[]} */
  const noticed = [];
  for (const [place, play] of plays.entries()) {
    const report = await play.report();
    const waitsMs = report.waitsMs.slice(before[place].waitsMs.length);
    t.diagnostic(`${play.player}: waits ${JSON.stringify(waitsMs)} ms; ${figures(report)}`);
    assert.ok(!report.stands, `${play.player} stands still`);
    noticed.push(...report.errors.slice(before[place].errors.length).map(({ what }) => `${play.player}: ${what}`));
    const longestMs = LONGEST_WAIT_MS + (fault === freeze && play.player === 'dash.js' ? FROZEN_TWICE_MS : 0);
    noticed.push(...waitsMs.filter((ms) => ms > longestMs).map((ms) => `${play.player} waited ${ms} ms`));
  }
  assert.deepEqual(media.different, []);
  return noticed;
}

for (const [what, name, fault] of FAULTS) {
  const timeout = 2 * (SLOT_S + 2 * HEALS_WITHIN_S) * 1000;
  test(`players do not notice that replica ${name} ${what}`, { timeout }, async (t) => {
    let noticed = await playsThrough(t, name, fault);
    // Players have no processor to themselves, and may have waited for one. What the edge does wrong happens again.
    if (noticed.length > 0 && repetitionsLeft-- > 0) noticed = await playsThrough(t, name, fault);
    assert.deepEqual(noticed, []);
  });
}

test('players have read every picture and were refused nothing', async () => {
  for (const play of plays) {
    everyPictureIsRead(await play.report());
    assert.deepEqual(play.refused, []);
  }
});

test('ffmpeg has decoded everything without an error', async (t) => {
  const { seconds, log } = await decoder.end();
  t.diagnostic(`${seconds.toFixed(1)} s`);
  assert.equal(log, '');
  assert.ok(seconds > PLAY_SECONDS - 10, 'it has fallen behind');
});

test('all media is the same on both replicas', async (t) => {
  await until('both have served everything', HEALS_WITHIN_S, async () => {
    await media.compare();
    return media.missing.length === 0;
  });
  t.diagnostic(`${media.size} files`);
  assert.deepEqual(media.different, []);
});

test('every acknowledged write is stored, and without the store the only error is 503', async (t) => {
  await writer.stop();
  t.diagnostic(writer.figures);
  assert.deepEqual([writer.strange, writer.impossible], [[], []]);
  assert.ok(writer.acknowledged > PLAY_SECONDS / 4 && writer.refused > 0);
  assert.deepEqual(await writer.wrong(), []);
});
