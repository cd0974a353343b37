// @ts-check
// Faults in common players. Asserts what barstone answered, and prints what each player did. `tests/players/fault_table.mjs` makes the
// table in docs/players-and-faults.md of it.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';

import { behaviour, hasStopped, moves, OUTCOMES } from './players/behaviour.mjs';
import { until } from './players/deadline.mjs';
import { FAULTS, isSelected } from './players/faults.mjs';
import { PAGE, rows, versions } from './players/fault_table.mjs';
import { open } from './players/fixture.mjs';
import { Play } from './players/play.mjs';
import { Server, SMALL_VIDEO } from './players/server.mjs';

const { server, browser } = await open(() => Server.small());

/** A stream with segments of 1.07 s, so that every seventh segment comes soon. */
const STREAM = { fps: '30', segment_frames: 32, chunk_frames: 8, video: SMALL_VIDEO };
assert.equal((await server.api('PUT', '/faulty', STREAM)).status, 201);
await until('the stream is playable', 10, async () => (await fetch(`${server.url}/live/faulty/hls.m3u8`)).ok);

/** Number of simultaneous plays: all of them wait most of the time. */
const AT_ONCE = 5;
/** Seconds in which a player meets its fault: a period of the fault, and the start on a busy machine. */
const MET_WITHIN_S = 40;
/** How long a player that plays is watched after the fault, and one that stands still. */
const WATCHED_MS = 4000;
const STANDS_MS = 10_000;

/** @type {import('./players/behaviour.mjs').Outcome[]} */
const outcomes = [];
after(() => {
  mkdirSync(new URL('.', OUTCOMES), { recursive: true });
  writeFileSync(OUTCOMES, JSON.stringify(outcomes));
});

/** Watches a player until it shows what it does about the fault. @param {Play} play @param {import('./players/faults.mjs').Fault} fault */
async function watch(play, fault) {
  let metAt = Infinity;
  return until(`${play.player} meets ${fault.condition}`, MET_WITHIN_S + STANDS_MS / 1000, async () => {
    const report = await play.report();
    if (metAt === Infinity && fault.isMet(play.answers.all, report)) metAt = performance.now();
    const watchedMs = performance.now() - metAt;
    const isOver = watchedMs > STANDS_MS || (watchedMs > WATCHED_MS && (moves(report) || hasStopped(report)));
    return isOver ? report : null;
  });
}

describe('players meet faults', { concurrency: AT_ONCE }, () => {
  for (const fault of FAULTS) {
    for (const [player, file] of fault.plays) {
      test(`${fault.condition} of ${file} in ${player}`, { timeout: 120_000 }, async (t) => {
        const play = await Play.open(browser, player, `${server.url}/with/${fault.condition}/live/faulty/${file}`);
        try {
          if (fault.listens) await play.listen();
          const report = await watch(play, fault);
          fault.check(play.answers.all, report);
          const did = behaviour(report, play.answers.all.filter(isSelected));
          t.diagnostic(did);
          outcomes.push({ condition: fault.condition, player, file, did });
        } finally {
          await play.close();
        }
      });
    }
  }
});

test('the documentation has a row for each fault and player, and their versions', () => {
  const page = readFileSync(PAGE, 'utf8');
  assert.ok(page.includes(`Measured with ${versions()}.\n`), versions());
  const written = page.split('\n').filter((line) => /^\| `/.test(line)).map((line) => `${line.split(' | ').slice(0, 3).join(' | ')} | `);
  assert.deepEqual(written, rows());
});
