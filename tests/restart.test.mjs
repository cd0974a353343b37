// @ts-check
// A server is killed and restarted: numbers continue, and so do players.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Play } from './players/play.mjs';
import { Server } from './players/server.mjs';
import { open } from './players/fixture.mjs';
import { everyPictureIsRead, figures } from './players/verdict.mjs';

const { server, browser } = await open(() => Server.small());

const PLAYS_AFTERWARDS_S = 15;

/**
 * @param {string} playlist
 * @returns {Map<string, string>} the date of each segment, by its URI
 */
function dates(playlist) {
  const segments = playlist.matchAll(/^#EXT-X-PROGRAM-DATE-TIME:(\S+)\n(?:#.*\n)*(\S+\.m4s)$/gm);
  return new Map([...segments].map(([, date, uri]) => [uri, date]));
}

/** @param {string} playlist */
function mediaSequence(playlist) {
  return Number(/^#EXT-X-MEDIA-SEQUENCE:(\d+)$/m.exec(playlist)?.[1]);
}

/** @type {[path: string, player: string][]} */
const PLAYS = [['/live/test/hls.m3u8', 'hls.js'], ['/live/test/dash.mpd', 'dash.js']];

test('players continue over a kill -9', { timeout: 120_000 }, async (t) => {
  const plays = await Promise.all(PLAYS.map(([path, player]) => Play.open(browser, player, server.url + path)));
  try {
    await Promise.all(plays.map((play) => play.played(4)));
    const before = await server.text('/live/test/v/hls.m3u8');

    const answered = plays.map((play) => play.unanswered.length);
    await server.kill9();
    const cutOff = await Promise.all(
      plays.map((play, at) => play.until('it asks in vain', 5, () => play.unanswered.length > answered[at])),
    );
    await server.restart();

    numbersGoOn(before, await server.text('/live/test/v/hls.m3u8'));
    await Promise.all(plays.map(async (play, at) => {
      const enoughMs = cutOff[at].playedMs + PLAYS_AFTERWARDS_S * 1000;
      const report = await play.until('it plays on', PLAYS_AFTERWARDS_S, (now) => now.playedMs >= enoughMs);
      t.diagnostic(`${play.player}: ${figures(report)}, errors that it got over ${JSON.stringify(report.errors)}`);
      everyPictureIsRead(report);
      assert.ok(!report.stands, `${play.player} stands still at the end`);
    }));
  } finally {
    await Promise.all(plays.map((play) => play.close()));
  }
});

/** @param {string} before @param {string} after playlists */
function numbersGoOn(before, after) {
  assert.ok(mediaSequence(after) >= mediaSequence(before), 'the sequence goes back');
  const [then, now] = [dates(before), dates(after)];
  const shared = [...then.keys()].filter((uri) => now.has(uri));
  assert.ok(shared.length >= then.size / 2, `of ${then.size} segments ${shared.length} are still listed`);
  for (const uri of shared) assert.equal(now.get(uri), then.get(uri), uri);
}
