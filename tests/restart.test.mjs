// @ts-check
// A server that is killed and started again: numbers go on, and so does who was watching.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Play } from './players/play.mjs';
import { open } from './players/theatre.mjs';
import { everyPictureIsRead, figures } from './players/verdict.mjs';

const { server, browser } = await open();

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

for (const [path, player] of [['/live/test/hls.m3u8', 'hls.js'], ['/live/test/dash.mpd', 'dash.js']]) {
  test(`${player} plays on over a kill -9`, { timeout: 120_000 }, async (t) => {
    const play = await Play.open(browser.context, player, server.url + path);
    try {
      await play.played(4);
      const before = await server.text('/live/test/v720/hls.m3u8');

      const answered = play.unanswered.length;
      await server.kill9();
      const { playedMs } = await play.until('it asks in vain', 5, () => play.unanswered.length > answered);
      await server.restart();

      const after = await server.text('/live/test/v720/hls.m3u8');
      const enoughMs = playedMs + PLAYS_AFTERWARDS_S * 1000;
      const report = await play.until('it plays on', PLAYS_AFTERWARDS_S, (now) => now.playedMs >= enoughMs);
      t.diagnostic(`${figures(report)}, errors that it got over ${JSON.stringify(report.errors)}`);
      everyPictureIsRead(report);
      assert.ok(!report.stands, 'it stands still at the end');
      numbersGoOn(before, after);
    } finally {
      await play.close();
    }
  });
}

/** @param {string} before @param {string} after playlists */
function numbersGoOn(before, after) {
  assert.ok(mediaSequence(after) >= mediaSequence(before), 'the sequence goes back');
  const [then, now] = [dates(before), dates(after)];
  const shared = [...then.keys()].filter((uri) => now.has(uri));
  assert.ok(shared.length >= then.size / 2, `of ${then.size} segments ${shared.length} are still listed`);
  for (const uri of shared) assert.equal(now.get(uri), then.get(uri), uri);
}
