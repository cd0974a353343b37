// @ts-check
// The shipped dashboards, alert rules and configuration of Prometheus, with a real Prometheus that scrapes a real server and a
// probe of its stream.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { until } from './players/deadline.mjs';
import { remove, temporaryDirectory } from './players/leftovers.mjs';
import { freePort } from './players/ports.mjs';
import { Process } from './players/process.mjs';
import { BINARY, Server } from './players/server.mjs';

const SHIPPED = new URL('../docker/', import.meta.url);
const RULES = 'prometheus/barstone.rules.yml';
const DOCUMENT = readFileSync(new URL('../docs/monitoring.md', import.meta.url), 'utf8');
/** @type {{ templating: { list: Variable[] }, panels: Panel[], annotations: { list: { expr: string }[] } }} */
const DASHBOARD = JSON.parse(shipped('grafana/barstone.json'));
const PANELS = DASHBOARD.panels.filter(({ type }) => type !== 'row');
/** @type {Panel[]} */
const PROBE_PANELS = JSON.parse(shipped('grafana/probe.json')).panels;
/** Names of metrics in expressions, with their suffixes. */
const METRIC = /\b(?:barstone|process)_\w+/g;
const HAS_DATA_WITHIN_S = 30;
/** A probe first waits until GStreamer has filled its buffer. */
const PROBE_HAS_DATA_WITHIN_S = 80;

/** @typedef {{ name: string, type: string, definition?: string }} Variable */
/** @typedef {{ type: string, title: string, targets: { expr: string, legendFormat: string }[] }} Panel */
/** @typedef {{ metric: Record<string, string>, value: [number, string] }} Sample */

/** @param {string} name */
function shipped(name) {
  return readFileSync(new URL(name, SHIPPED), 'utf8');
}

/** Starts Prometheus with the shipped configuration, scraping each second. @param {string} host of the server @param {string} probe its address */
async function startPrometheus(host, probe) {
  const own = temporaryDirectory('prometheus');
  const port = await freePort();
  const changed = shipped('prometheus/prometheus.yml')
    .replace(/dns_sd_configs:\n.*$/m, `static_configs: [{targets: ["${host}", "${probe}"]}]`)
    .replaceAll('_interval: 5s', '_interval: 1s');
  assert.ok(changed.includes(host) && changed.includes('scrape_interval: 1s'));
  writeFileSync(join(own, 'prometheus.yml'), changed);
  copyFileSync(new URL(RULES, SHIPPED), join(own, 'barstone.rules.yml'));
  const prometheus = new Process('prometheus', [
    `--config.file=${join(own, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(own, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ]);
  after(async () => {
    await prometheus.stop();
    remove(own);
  });
  const url = `http://127.0.0.1:${port}`;
  await prometheus.ready('it answers', async () => (await fetch(`${url}/-/ready`)).ok);
  return url;
}

/** The stream pushes, and refuses a second viewer. Nothing accepts the events of the hook and one of the pushes. */
async function startServer() {
  const config = join(temporaryDirectory('config'), 'barstone.toml');
  const closed = await freePort();
  writeFileSync(config, `
    hooks = [{ url = "http://127.0.0.1:${closed}/" }]
    [[streams]]
    name = "test"
    video = [{ id = "v", width = 320, height = 180, bitrate = 400000 }]
    push = [{ url = "udp://127.0.0.1:${await freePort()}" }, { url = "rtmp://127.0.0.1:${closed}/live/test" }]`);
  const server = await Server.start('--config', config, '--max-pixels-per-second', '100000000');
  after(() => server.stop());
  return server;
}

/** Requests that every panel of requests counts. @param {Server} server */
async function request(server) {
  const [segment] = (await server.text('/live/test/v/hls.m3u8')).match(/^\S+\.m4s$/m) ?? [];
  await server.text(new URL(String(segment), `${server.url}/live/test/v/hls.m3u8`).pathname);
  await server.text('/with/no-hints/live/test/v/llhls.m3u8');
}

/** Starts a probe of the server's stream. @returns {Promise<string>} the address of its metrics */
async function startProbe() {
  const address = `127.0.0.1:${await freePort()}`;
  const probe = new Process(BINARY, ['probe', `${server.url}/live/test/hls.m3u8`, '--prometheus', address]);
  after(() => probe.stop());
  return address;
}

const server = await startServer();
const prometheus = await startPrometheus(new URL(server.url).host, await startProbe());

/** @param {string} path @param {Record<string, string>} query */
async function ask(path, query) {
  const response = await fetch(`${prometheus}/api/v1/${path}?${new URLSearchParams(query)}`);
  const answer = await response.json();
  assert.equal(answer.status, 'success', `${Object.values(query)}: ${answer.error}`);
  return answer.data;
}

/** The value of a variable of the dashboard that Grafana inserts if all are chosen. @param {string} expression */
function withVariables(expression) {
  return expression.replaceAll('$__rate_interval', '10s').replaceAll(/\$(?:instance|stream)\b/g, '.*');
}

/** @param {string} expression @returns {Promise<Sample[]>} */
async function samples(expression) {
  const { result } = await ask('query', { query: withVariables(expression) });
  return result.filter((/** @type {Sample} */ { value }) => value[1] !== 'NaN');
}

/** Fails if a panel has no data. @param {Panel[]} panels */
async function haveData(panels) {
  /** @type {string[]} */
  const empty = [];
  for (const { title, targets } of panels) {
    const found = await Promise.all(targets.map(({ expr }) => samples(expr)));
    if (found.every((target) => target.length === 0)) empty.push(title);
  }
  assert.deepEqual(empty, []);
  return true;
}

test('every panel of the dashboard has data', { timeout: 90_000 }, async () => {
  await until('every panel has data', HAS_DATA_WITHIN_S, async () => {
    await request(server);
    return haveData(PANELS);
  });
  const [version] = await samples('barstone_build_info{instance=~"$instance"}');
  assert.match(version.metric.version, /^\d+\.\d+\.\d+$/);
});

test('every panel of the dashboard of probes has data', { timeout: 90_000 }, () =>
  until('every panel has data', PROBE_HAS_DATA_WITHIN_S, () => haveData(PROBE_PANELS)));

test('the dashboard counts what clients request', async () => {
  const expressions = ['Egress by stream', 'Requests with conditions', 'Requests by kind'].map(
    (title) => /** @type {Panel} */ (PANELS.find((panel) => panel.title === title)).targets[0].expr,
  );
  await until('rates are positive', HAS_DATA_WITHIN_S, async () => {
    await request(server);
    const found = (await Promise.all(expressions.map(samples))).flat();
    const positive = new Set(found.filter(({ value }) => Number(value[1]) > 0).map(({ metric }) => Object.values(metric)[0]));
    return ['test', 'no-hints', 'manifest', 'media'].every((label) => positive.has(label));
  });
});

test('legends name labels that the series have', async () => {
  for (const { title, targets } of PANELS) {
    for (const { expr, legendFormat } of targets) {
      const [first] = await samples(expr);
      const labels = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label);
      if (first) assert.deepEqual(labels.filter((label) => !(label in first.metric)), [], `${title}: ${legendFormat}`);
    }
  }
});

test('the variables of the dashboard have values', async () => {
  for (const { name, definition = '' } of DASHBOARD.templating.list.filter(({ type }) => type === 'query')) {
    const [, selector, label] = /^label_values\((.*), (\w+)\)$/.exec(definition) ?? [];
    const values = await ask(`label/${label}/values`, { 'match[]': withVariables(selector) });
    assert.deepEqual(values, [name === 'stream' ? 'test' : new URL(server.url).host]);
  }
});

test('Prometheus evaluates every rule and every annotation', async () => {
  await until('rules are evaluated', HAS_DATA_WITHIN_S, async () => {
    const { groups } = await ask('rules', {});
    const rules = groups.flatMap((/** @type {any} */ group) => group.rules);
    assert.equal(rules.length, alerts().length);
    return rules.every((/** @type {any} */ { health }) => health === 'ok');
  });
  for (const { expr } of DASHBOARD.annotations.list) await samples(expr);
});

test('expressions use metrics that the documentation lists', () => {
  const listed = new Set([...DOCUMENT.matchAll(/^\| `((?:barstone|process)_\w+)`/gm)].map(([, name]) => name));
  const expressions = [
    ...PANELS.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
    ...[...shipped(RULES).matchAll(/^ +expr: (.*)$/gm)].map(([, expression]) => expression),
  ];
  const used = expressions.flatMap((expression) => expression.match(METRIC) ?? []);
  assert.ok(used.length > expressions.length);
  const unknown = used.filter((name) => !listed.has(name) && !listed.has(name.replace(/_(?:total|info|bucket)$/, '')));
  assert.deepEqual(unknown, []);
});

test('every alert fires, and is documented', () => {
  const cases = fileURLToPath(new URL('alerts.yml', import.meta.url));
  const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', cases], { encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
  const tested = [...readFileSync(cases, 'utf8').matchAll(/alertname: (\w+)/g)].map(([, name]) => name);
  assert.deepEqual([...new Set(tested)].sort(), alerts().sort());
  const documented = [...DOCUMENT.matchAll(/^\| `(Barstone\w+)` /gm)].map(([, name]) => name);
  assert.deepEqual(documented.sort(), alerts().sort());
});

/** Names of the shipped alerts. */
function alerts() {
  return [...shipped(RULES).matchAll(/^ +- alert: (\w+)$/gm)].map(([, name]) => name);
}
