// @ts-check
// The hosts that `run.sh` has created, and the links between them.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';

import { Host } from '../players/host.mjs';

const RUN = process.env.HOSTS;
assert.ok(RUN, 'tests/cluster/run.sh starts these tests');

export const one = new Host('10.0.0.1', `${RUN}-one`);
export const two = new Host('10.0.0.2', `${RUN}-two`);
export const edge = new Host('10.0.0.3', `${RUN}-edge`);
export const store = new Host('10.0.1.3', `${RUN}-store`);

/** From now on, packets to and from the store are dropped. @param {'one' | 'two'} name */
export function cutFromStore(name) {
  atSwitch(`${name}-back`, 'nomaster');
}

/** @param {'one' | 'two'} name */
export function joinToStore(name) {
  atSwitch(`${name}-back`, 'master', 'back');
}

/** @param {string} end of a link @param {string[]} change */
function atSwitch(end, ...change) {
  execFileSync('ip', ['-n', `${RUN}-switch`, 'link', 'set', end, ...change]);
}
