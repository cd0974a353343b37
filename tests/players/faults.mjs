// @ts-check
// Faults that players meet, and what barstone has to answer under each.

import assert from 'node:assert/strict';

/** @typedef {import('./answers.mjs').Answer} Answer */
/** @typedef {import('./play.mjs').Report} Report */
/**
 * @typedef {object} Fault
 * @property {string} condition of the URL
 * @property {[player: string, file: string][]} plays players, each with the file of its manifest
 * @property {boolean} [listens] whether the delay of the sound is measured
 * @property {(answers: readonly Answer[], report: Report) => unknown} isMet whether the player has got what the fault changes
 * @property {(answers: readonly Answer[], report: Report) => void} check throws if an answer is not that of the fault
 */

/** Segments that are faulty have numbers that this divides. */
const EVERY = 7;
const OFFSET = 'offset=120ms:track=audio';
const SOUND_LATE_MS = 120;
const SOUND_TOLERANCE_MS = 5;
const DELAY_MS = 2000;
const STALE_MS = 6000;
/** Duration of a segment of the stream. */
const SEGMENT_MS = 32_000 / 30;
/** The rest of a complete part comes sooner after its first byte: within 5 ms on an idle machine. That of a hinted part comes up to 100 ms later. */
const AT_ONCE_MS = 20;

/** @type {Fault['plays']} */
const HLS = [['hls.js', 'hls.m3u8'], ['shaka-player', 'hls.m3u8']];
/** @type {Fault['plays']} */
const DASH = [['dash.js', 'dash.mpd']];
const ALL = [...HLS, ...DASH];
/** @type {Fault['plays']} */
const LOW_LATENCY_HLS = [['hls.js', 'llhls.m3u8'], ['shaka-player', 'llhls.m3u8']];

/** Number of the segment that a URL names; NaN for another resource. @param {{ url: string }} answer */
const segment = ({ url }) => Number(/\/(\d+)(?:\.\d+)?\.m4s$/.exec(url)?.[1] ?? NaN);

/** @param {Answer} answer */
export const isSelected = (answer) => segment(answer) % EVERY === 0;

/** @param {Answer} answer */
const isOther = (answer) => segment(answer) % EVERY !== 0 && !Number.isNaN(segment(answer));

/** Checks that all answers for selected segments, and no others, satisfy `isFaulty`. @param {string} condition @param {(answer: Answer) => boolean} isFaulty @returns {Fault['check']} */
function everySeventh(condition, isFaulty) {
  return (answers) => {
    const [faulty, others] = [answers.filter(isSelected), answers.filter(isOther)];
    assert.ok(faulty.length > 0, `none of ${answers.length} answers is faulty`);
    assert.deepEqual(faulty.filter((answer) => answer.condition !== condition || !isFaulty(answer)), []);
    assert.deepEqual(others.filter((answer) => answer.condition !== '' || answer.status !== 200 || answer.failure !== ''), []);
  };
}

/** Playlists and MPDs that a player got. @param {readonly Answer[]} answers */
const manifests = (answers) => answers.filter(({ text }) => text !== '');

/** Numbers of segments that a tag precedes in a playlist. @param {string} text @param {string} tag */
function tagged(text, tag) {
  const uris = text.split(`${tag}\n`).slice(1).map((rest) => rest.split('\n').find((line) => line !== '' && !line.startsWith('#')) ?? '');
  return uris.map((url) => segment({ url }));
}

/** Checks that every playlist has the tag at every selected segment that it lists, and at no other. @param {string} tag @returns {Fault['check']} */
function tagsEverySeventh(tag) {
  return (answers) => {
    const playlists = manifests(answers).filter(({ text }) => text.includes('#EXTINF'));
    assert.ok(playlists.length > 0, 'no playlist');
    for (const { text } of playlists) {
      const listed = text.split('\n').filter((line) => !line.startsWith('#')).map((url) => segment({ url }));
      assert.deepEqual(tagged(text, tag), listed.filter((number) => number % EVERY === 0), text);
    }
  };
}

/** @param {readonly Answer[]} answers */
const isSegmentMet = (answers) => answers.some(isSelected);

/** @param {Answer} answer @returns {number} Unix time in ms at which the newest complete segment of a manifest ends; NaN for another answer */
function endsAtMs({ text }) {
  const date = /<MPD [^>]*publishTime="([^"]+)"/.exec(text)?.[1] ?? text.split('#EXT-X-PROGRAM-DATE-TIME:').at(-1)?.split('\n')[0] ?? '';
  return Date.parse(date) + (text.startsWith('#EXTM3U') ? SEGMENT_MS : 0);
}

/** How much newer a manifest is than the moment at which manifests stand still when it was requested. @param {Answer} answer */
const aheadMs = (answer) => endsAtMs(answer) - Math.floor((answer.sentAt + answer.firstByteMs) / STALE_MS) * STALE_MS;

/** Whether a manifest lacks a segment that a manifest of its moment would list. @param {Answer} answer */
const isStale = (answer) => answer.sentAt - endsAtMs(answer) > 2 * SEGMENT_MS;

/** Segment and part that a blocking request asks for; null for another request. @param {Answer} answer */
function asked({ url }) {
  const query = new URL(url).searchParams;
  return query.has('_HLS_msn') ? [Number(query.get('_HLS_msn')), Number(query.get('_HLS_part') ?? NaN)] : null;
}

/** Whether a playlist ends before the segment and part that the request asked for. @param {Answer} answer */
function endsBefore(answer) {
  const [number, part] = asked(answer) ?? [NaN, NaN];
  const hint = /#EXT-X-PRELOAD-HINT:.*\/(\d+)\.(\d+)\.m4s/.exec(answer.text);
  if (hint === null) return false;
  const [next, open] = [Number(hint[1]), Number(hint[2])];
  return next < number || (next === number && (Number.isNaN(part) || open <= part));
}

/** Checks that sound, and nothing else, comes from URLs under the offset. @type {Fault['check']} */
function soundIsFaulty(answers) {
  const media = answers.filter((answer) => !Number.isNaN(segment(answer)));
  assert.ok(media.length > 0, 'no segment');
  assert.deepEqual(media.filter(({ url, condition }) => condition !== (/\/a\/[^/]+\/\d+\.m4s$/.test(url) ? OFFSET : '')), []);
}

/** @param {string} condition @returns {(answer: Answer) => boolean} whether the URL is under the condition */
const isUnder = (condition) => ({ url }) => url.includes(`/with/${condition}/`) && !Number.isNaN(segment({ url }));

/**
 * A fault on every seventh segment.
 * @param {string} name of the fault, with its value and resources
 * @param {(answer: Answer) => boolean} isFaulty
 * @param {Fault['plays']} plays
 * @returns {Fault}
 */
function ofSegments(name, isFaulty, plays = ALL) {
  const condition = `${name}:every=${EVERY}`;
  return { condition, plays, isMet: isSegmentMet, check: everySeventh(condition, isFaulty) };
}

/** @param {string} condition @param {Fault['plays']} plays @returns {Fault} manifests that stand still */
function stale(condition, plays) {
  return {
    condition, plays, isMet: (answers) => answers.some(isStale),
    check(answers) {
      const live = answers.filter((answer) => endsAtMs(answer) > 0);
      assert.deepEqual(live.filter((answer) => answer.condition !== condition).map(({ url }) => url), []);
      assert.deepEqual(live.map(aheadMs).filter((ms) => ms > 0), [], 'ms by which manifests are too new');
    },
  };
}

/** Checks that parts are answered under the fault. @type {Fault['check']} */
function partsAreEarly(answers) {
  const parts = answers.filter(isUnder('early-hint'));
  assert.deepEqual(parts.filter(({ status, condition }) => status !== 200 || condition !== 'early-hint'), []);
}

/** @type {readonly Fault[]} */
export const FAULTS = [
  ofSegments('status=503:on=segments', ({ status }) => status === 503),
  {
    condition: `gap:every=${EVERY}`, plays: HLS, isMet: (answers) => answers.some(({ text }) => text.includes('#EXT-X-GAP')),
    check(answers, report) {
      tagsEverySeventh('#EXT-X-GAP')(answers, report);
      assert.deepEqual(answers.filter((answer) => isSelected(answer) && answer.status !== 404), []);
    },
  },
  ofSegments('gap', ({ status }) => status === 404, DASH),
  ofSegments('missing', ({ status }) => status === 404),
  ofSegments('delay=2s:on=segments', ({ status, firstByteMs }) => status === 200 && firstByteMs >= DELAY_MS),
  ofSegments('cut=0.5:on=segments', ({ status, failure }) => status === 200 && failure !== ''),
  stale('stale=6s', HLS),
  stale('addressing=time-timeline,stale=6s', DASH),
  { condition: `discontinuity:every=${EVERY}`, plays: HLS, isMet: isSegmentMet, check: tagsEverySeventh('#EXT-X-DISCONTINUITY') },
  {
    condition: `discontinuity:every=${EVERY}`, plays: DASH, isMet: isSegmentMet,
    check(answers) {
      for (const { text } of manifests(answers)) assert.match(text, /(<Period id="p\d+"[^]*){2}/);
    },
  },
  {
    condition: OFFSET, plays: [['hls.js', 'hls.m3u8'], ['dash.js', 'dash.mpd'], ['shaka-player', 'dash.mpd']],
    listens: true, isMet: (_, { soundLateMs }) => soundLateMs !== null,
    check(answers, report) {
      soundIsFaulty(answers, report);
      const { soundLateMs } = report;
      assert.ok(Math.abs(Number(soundLateMs) - SOUND_LATE_MS) <= SOUND_TOLERANCE_MS, `sound is ${soundLateMs} ms late`);
    },
  },
  // In HLS, shaka-player places the sound by the playlist and not by its timestamps.
  { condition: OFFSET, plays: [['shaka-player', 'hls.m3u8']], listens: true, isMet: (_, { soundLateMs }) => soundLateMs !== null, check: soundIsFaulty },
  {
    condition: 'unblocked', plays: LOW_LATENCY_HLS, isMet: (answers) => answers.some(endsBefore),
    check(answers) {
      const blocking = answers.filter((answer) => asked(answer) !== null);
      assert.ok(blocking.some(endsBefore), 'every request was blocked');
      assert.deepEqual(blocking.filter(({ condition }) => condition !== 'unblocked'), []);
    },
  },
  // hls.js requests a part once it is listed, and whole.
  { condition: 'early-hint', plays: [['hls.js', 'llhls.m3u8']], isMet: (answers) => answers.some(isUnder('early-hint')), check: partsAreEarly },
  {
    condition: 'early-hint', plays: [['shaka-player', 'llhls.m3u8']], isMet: (answers) => answers.some(isUnder('early-hint')),
    check(answers, report) {
      partsAreEarly(answers, report);
      const hinted = answers.filter(isUnder('early-hint'));
      assert.ok(hinted.some(({ firstByteMs, lastByteMs }) => lastByteMs - firstByteMs > AT_ONCE_MS), 'no part began before it was whole');
    },
  },
  {
    condition: 'lost-hint', plays: LOW_LATENCY_HLS, isMet: (answers) => answers.some(({ text }) => /PRELOAD-HINT:.*\/lost-hint\//.test(text)),
    check(answers) {
      const isHint = isUnder('lost-hint');
      assert.deepEqual(answers.filter((answer) => isHint(answer) && answer.status !== 404), []);
      assert.ok(answers.some((answer) => !isHint(answer) && segment(answer) > 0 && answer.status === 200), 'no part came');
    },
  },
];
