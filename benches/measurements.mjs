// @ts-check
// The text of docs/measurements.md, from the figures of all benches.

/** @typedef {import('./support/table.mjs').Figure} Figure */
/** Where a bench ran. @typedef {{ processor: string, cores: number, memory: string, system: string }} Machine */
/**
 * The last run of a bench.
 * @typedef {{ bench: string, moment: string, load: string, profile: string, machine: Machine, versions: Record<string, string>, figures: Figure[] }} Run
 */

/** Benches in the order of the document, with their headings. @type {Record<string, string>} */
export const BENCHES = {
  paint: 'Pictures and sound',
  package: 'Packaging',
  cpu: 'CPU time of a stream',
  follow: 'Pictures for WebRTC',
  streams: 'Thirty streams',
  memory: 'Memory of deleted streams',
  startup: 'Start',
  http: 'Serving',
  blocked: 'Blocking reloads',
  archive: 'The past',
  latency: 'End-to-end latency',
  whep: 'Viewers over WebRTC',
  clients: 'Clients of a server',
  edge: 'Behind a cache',
  wall: 'The wall',
};
/** The part of the document that people write. It begins with this heading. */
const WRITTEN = 'A million viewers';
/** The profile of Cargo whose program is shipped. */
const SHIPPED = 'dist';

/**
 * @param {Run[]} runs in any order
 * @param {string} before the document until now
 */
export function document(runs, before) {
  const shown = Object.keys(BENCHES).flatMap((bench) => runs.filter((run) => run.bench === bench));
  const from = before.indexOf(`\n## ${WRITTEN}\n`);
  if (from < 0) throw new Error(`the document has no heading "${WRITTEN}"`);
  const headings = ['Targets', ...shown.map(({ bench }) => BENCHES[bench]), 'Machine and versions', WRITTEN];
  return [
    '# Measurements\n',
    '`make bench` measures these figures and writes this document. "95 %" and "99 %" mean percentiles.\n',
    `${headings.map((heading) => `- [${heading}](#${anchor(heading)})`).join('\n')}\n`,
    `## Targets\n\n${targets(shown)}\n`,
    ...shown.map((run) => `## ${BENCHES[run.bench]}\n\n${figures(run)}\n`),
    `## Machine and versions\n\n${machines(shown)}\n`,
  ].join('\n') + before.slice(from);
}

/** All figures with a target. @param {Run[]} runs */
function targets(runs) {
  const rows = runs.flatMap(({ bench, figures }) => figures.filter(({ target }) => target !== null).map(
    ({ name, value, target, met }) => [BENCHES[bench], name, String(target), value, met ? 'yes' : '**no**'],
  ));
  return table(['part', 'figure', 'target', 'measured', 'met'], rows);
}

/** The figures of a bench, with a table for each of its questions. @param {Run} run */
function figures({ figures, bench, moment, load }) {
  const questions = [...new Set(figures.map(({ question }) => question))];
  const tables = questions.map((question) => {
    const rows = figures.filter((figure) => figure.question === question).map(({ name, value, target }) => [name, target ?? '', value]);
    return `${question}\n\n${table(['figure', 'target', 'measured'], rows)}`;
  });
  return [...tables, `Measured at ${moment} by \`make bench BENCH=${bench}\`. The load of the machine was ${load} before.`].join('\n\n');
}

/** @param {Run[]} runs */
function machines(runs) {
  /** The benches of each machine, profile and set of versions. @type {Map<string, string[]>} */
  const groups = new Map();
  for (const { bench, profile, machine, versions } of runs) {
    const rows = Object.entries({ ...machine, cores: String(machine.cores), ...versions });
    if (profile !== SHIPPED) rows.unshift(['profile of Cargo', `${profile}, which is not shipped`]);
    const key = table(['what', 'value'], rows);
    groups.set(key, [...groups.get(key) ?? [], BENCHES[bench]]);
  }
  if (groups.size === 1) return [...groups.keys()][0];
  return [...groups].map(([table, benches]) => `${benches.join(', ')}:\n\n${table}`).join('\n\n');
}

/** @param {string[]} head @param {string[][]} rows */
function table(head, rows) {
  const line = (/** @type {string[]} */ cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

/** The anchor of a heading. @param {string} heading */
function anchor(heading) {
  return heading.toLowerCase().replaceAll(' ', '-').replace(/[^\w-]/g, '');
}
