// @ts-check
// The document that `make bench` writes.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';

import { BENCHES, document } from '../benches/measurements.mjs';

/** @param {string} bench @param {string} profile @param {Partial<import('../benches/support/table.mjs').Figure>} figure */
function run(bench, profile, figure) {
  return {
    bench,
    moment: '2026-11-30T08:00:00Z',
    load: '0.1',
    profile,
    machine: { processor: 'A processor', cores: 2, memory: '4.0 GiB', system: 'A system' },
    versions: { ffmpeg: 'ffmpeg 5' },
    figures: [{ question: 'How long?', name: 'a|b', value: '3 ms', target: null, met: null, ...figure }],
  };
}

test('figures of all benches are one document, and what people wrote is kept', () => {
  const before = '# Measurements\n\nold figures\n\n## A million viewers\n\nan estimate\n';
  const runs = [run('edge', 'dist', {}), run('startup', 'dist', { target: 'under 2 ms', met: false })];
  const text = document(runs, before);
  assert.ok(text.endsWith('\n\n## A million viewers\n\nan estimate\n') && !text.includes('old figures'));
  assert.deepEqual(text.match(/^## .*/gm), ['## Targets', '## Start', '## Behind a cache', '## Machine and versions', '## A million viewers']);
  assert.ok(text.includes('| Start | a\\|b | under 2 ms | 3 ms | **no** |'));
  assert.ok(text.includes('How long?\n\n| figure | target | measured |\n|---|---|---|\n| a\\|b |  | 3 ms |'));
  assert.equal(text.match(/A processor/g)?.length, 1);
  assert.equal(document(runs, text), text);
  assert.ok(document([...runs, run('http', 'dev', {})], text).includes('Serving:\n\n| what | value |'));
});

test('every bench is in the document', () => {
  const files = readdirSync(new URL('../benches/', import.meta.url)).filter((file) => /\.(rs|mjs)$/.test(file));
  const names = files.map((file) => file.replace(/\.\w+$/, '')).filter((name) => !['run', 'measurements'].includes(name));
  assert.deepEqual(names.sort(), Object.keys(BENCHES).sort());
});
