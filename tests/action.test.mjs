// @ts-check
// The steps of action.yml, run as a runner of GitHub Actions runs them, and the workflows in the documentation.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { until } from './players/deadline.mjs';
import { remove, temporaryDirectory } from './players/leftovers.mjs';

const path = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url));
/** A virtual environment with PyYAML. */
const PYTHON = path('schemathesis/venv/bin/python');
const BINARY = process.env.BARSTONE_BIN ?? path('../target/debug/barstone');
const SMALL = `
  [[streams]]
  name = "small"
  video = [{ id = "v", width = 320, height = 180, bitrate = 400000 }]`;
const ENDS_WITHIN_S = 20;

/** @param {string} text @returns {any} */
function yaml(text) {
  const program = 'import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)';
  const { status, stdout, stderr } = spawnSync(PYTHON, ['-c', program], { input: text, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

const ACTION = yaml(readFileSync(path('../action.yml'), 'utf8'));
const directory = temporaryDirectory('action');
after(() => remove(directory));

/** Replaces expressions. @param {string} text @param {Record<string, Record<string, string>>} contexts */
function evaluate(text, contexts) {
  return text.replaceAll(/\$\{\{ ([\w.]+) \}\}/g, (_, name) => {
    const dot = name.lastIndexOf('.');
    const value = contexts[name.slice(0, dot)]?.[name.slice(dot + 1)];
    assert.notEqual(value, undefined, `${name} is known`);
    return value;
  });
}

let runs = 0;

/**
 * @param {Record<string, string>} given inputs
 * @param {Record<string, string>} [env] of the job
 */
function run(given, env = {}) {
  const defaults = Object.entries(ACTION.inputs).map(([name, input]) => [name, /** @type {any} */ (input).default]);
  for (const name of Object.keys(given)) assert.ok(name in ACTION.inputs, `${name} is an input`);
  /** @type {Record<string, Record<string, string>>} */
  const contexts = { inputs: { ...Object.fromEntries(defaults), ...given }, github: { action_path: path('..') } };
  let stdout = '';
  for (const step of ACTION.runs.steps) {
    runs += 1;
    const [output, script] = [join(directory, `output-${runs}`), join(directory, `step-${runs}.sh`)];
    writeFileSync(output, '');
    writeFileSync(script, evaluate(step.run, contexts));
    const own = Object.entries(step.env).map(([name, value]) => [name, evaluate(String(value), contexts)]);
    assert.equal(step.shell, 'bash');
    const ran = spawnSync('bash', ['--noprofile', '--norc', '-eo', 'pipefail', script], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, ...env, RUNNER_TEMP: directory, GITHUB_OUTPUT: output, ...Object.fromEntries(own) },
    });
    stdout += ran.stdout;
    if (ran.status !== 0) return { status: ran.status, stdout: stdout + ran.stderr, outputs: {} };
    contexts[`steps.${step.id}.outputs`] = Object.fromEntries(readFileSync(output, 'utf8').trim().split('\n').map((line) => line.split(/=(.*)/)));
  }
  const outputs = Object.entries(ACTION.outputs).map(([name, output]) => [name, evaluate(/** @type {any} */ (output).value, contexts)]);
  return { status: 0, stdout, outputs: Object.fromEntries(outputs) };
}

/** Ends the process that listens at a URL, as the runner does at the end of a job. @param {string} url */
async function end(url) {
  const { pid } = await (await fetch(`${url}/whoami`)).json();
  process.kill(pid, 'SIGTERM');
  await until('it has ended', ENDS_WITHIN_S, () => fetch(`${url}/livez`).then(() => false, () => true));
}

/** Whether every output that is a URL of a manifest leads to one. @param {Record<string, string>} outputs */
async function isPlayable(outputs) {
  for (const format of ['hls', 'llhls', 'dash', 'lldash']) {
    const text = await (await fetch(outputs[format])).text();
    assert.match(text, format.endsWith('hls') ? /^#EXTM3U/ : /<MPD/, format);
  }
}

test('the action starts a binary with a configuration, and tells URLs, token and log', { timeout: 60_000 }, async () => {
  const config = join(directory, 'barstone.toml');
  writeFileSync(config, SMALL);
  const { status, stdout, outputs } = run({ binary: BINARY, config, stream: 'small' });
  assert.equal(status, 0, stdout);
  try {
    assert.match(stdout, new RegExp(`^::add-mask::${outputs.token}$`, 'm'), 'the token is masked in logs');
    await isPlayable(outputs);
    const stopped = await fetch(`${outputs.url}/api/v1/streams/small/stop`, { method: 'POST', headers: { Authorization: `Bearer ${outputs.token}` } });
    assert.equal(stopped.status, 200);
    assert.match(readFileSync(outputs.log, 'utf8'), /listening/);
  } finally {
    await end(outputs.url);
  }
});

/** A docker that runs the binary, and writes down what it was asked for. */
const DOCKER = `#!/bin/bash
echo "$@" >>${directory}/docker.log
case $1 in
run) ${BINARY} serve --listen 127.0.0.1:0 --media-dir none </dev/null >${directory}/container.log 2>&1 & echo container ;;
port) sed -n 's/.*address=//p' ${directory}/container.log | cut -d ' ' -f 1 ;;
logs) exec cat ${directory}/container.log ;;
inspect) echo true ;;
esac
`;

test('the action runs an image', { timeout: 60_000 }, async () => {
  const config = join(directory, 'image.toml');
  writeFileSync(config, SMALL);
  writeFileSync(join(directory, 'docker'), DOCKER, { mode: 0o755 });
  const { status, stdout, outputs } = run({ image: 'barstone:0.2', config, port: '8123' }, { PATH: `${directory}:${process.env.PATH}` });
  assert.equal(status, 0, stdout);
  try {
    await isPlayable(outputs);
    const [asked] = readFileSync(join(directory, 'docker.log'), 'utf8').split('\n');
    assert.match(asked, new RegExp(`^run --detach --name barstone-\\d+ --publish 127\\.0\\.0\\.1:8123:8080 --env BARSTONE_API_TOKEN --volume ${config}:/etc/barstone.toml:ro barstone:0.2 serve --config /etc/barstone.toml$`));
  } finally {
    await end(outputs.url);
  }
});

test('a failed start says what is wrong, with the log', { timeout: 60_000 }, () => {
  const config = join(directory, 'wrong.toml');
  writeFileSync(config, 'lisen = ":8080"');
  for (const [inputs, message] of /** @type {[Record<string, string>, RegExp][]} */ ([
    [{ binary: BINARY, config }, /::group::Log of barstone\n[^]*lisen[^]*::error title=barstone::barstone has ended/],
    [{ binary: '/nowhere' }, /::error title=barstone::there is no program at \/nowhere/],
    [{ binary: BINARY, config: '/nowhere' }, /::error title=barstone::there is no file \/nowhere/],
    [{ binary: BINARY, stream: 'other' }, /::error title=barstone::there is no stream other/],
    [{}, /::error title=barstone::set the input image or binary/],
  ])) {
    const { status, stdout } = run(inputs, { PATH: '/usr/bin:/bin' });
    assert.equal(status, 1);
    assert.match(stdout, message);
  }
});

test('workflows in the documentation are valid, and use inputs and outputs that exist', () => {
  const blocks = [...readFileSync(path('../docs/ci.md'), 'utf8').matchAll(/^```yaml\n([^]*?)^```$/gm)].map(([, text]) => text);
  const steps = blocks.flatMap((text) => Object.values(yaml(text).jobs)).flatMap((job) => job.steps);
  const uses = steps.filter((step) => /barstone@/.test(step.uses ?? ''));
  assert.ok(uses.length > 0);
  for (const { with: inputs = {} } of uses) for (const name of Object.keys(inputs)) assert.ok(name in ACTION.inputs, name);
  const outputs = blocks.join('').matchAll(/steps\.barstone\.outputs\.(\w+)/g);
  for (const [, name] of outputs) assert.ok(name in ACTION.outputs, name);
  const services = blocks.flatMap((text) => Object.values(yaml(text).jobs)).flatMap((job) => Object.values(job.services ?? {}));
  assert.deepEqual(services.map(({ ports }) => ports), [['8080:8080']]);
});
