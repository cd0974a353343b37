// @ts-check
// Turns the Markdown of the documentation into HTML: headings, paragraphs, lists, tables, code, emphasis and links. HTML in a text is
// shown as it is written.

import { html } from './html.js';

/** @typedef {ReturnType<typeof html>} Markup */

/** Code, a picture, a link, strong text, or emphasised text. */
const INLINE = /`([^`]+)`|!\[([^\]]*)\]\(([^)\s]+)\)|\[((?:[^\]`]|`[^`]*`)+)\]\(([^)\s]+)\)|\*\*([^*]+)\*\*|\*([^*\s](?:[^*]*[^*\s])?)\*/;
const ITEM = /^( *)(?:[-*]|\d+\.) +/;

/** @param {string} text @returns {Markup} */
export function markdown(text) {
  return html`${blocks(text.split('\n'))}`;
}

/** @param {string[]} lines @returns {Markup[]} */
function blocks(lines) {
  /** @type {Markup[]} */
  const found = [];
  for (let at = 0; at < lines.length;) {
    const { markup, next } = block(lines, at);
    if (markup !== null) found.push(markup);
    at = next;
  }
  return found;
}

/** The block that begins at a line, and the line behind it. @param {string[]} lines @param {number} at @returns {{ markup: Markup | null, next: number }} */
function block(lines, at) {
  const line = lines[at] ?? '';
  const [, marks = '', title = ''] = /^(#+) +(.*)$/.exec(line) ?? [];
  if (line.trim() === '') return { markup: null, next: at + 1 };
  if (marks !== '') return { markup: heading(marks.length, title), next: at + 1 };
  if (line.startsWith('```')) {
    const end = lines.indexOf('```', at + 1);
    const next = end < 0 ? lines.length : end;
    return { markup: html`<pre tabindex="0"><code>${lines.slice(at + 1, next).join('\n')}</code></pre>`, next: next + 1 };
  }
  if (line.startsWith('|')) {
    const next = endOf(lines, at, (each) => each.startsWith('|'));
    return { markup: table(lines.slice(at, next)), next };
  }
  if (ITEM.test(line)) {
    const next = endOf(lines, at, (each, after) => ITEM.test(each) || each.startsWith('  ') || (each === '' && after.startsWith('  ')));
    return { markup: list(lines.slice(at, next)), next };
  }
  const next = endOf(lines, at, (each) => each.trim() !== '' && !/^(#|\||```)/.test(each) && !ITEM.test(each));
  return { markup: html`<p>${inline(lines.slice(at, next).join('\n'))}</p>`, next };
}

/** First line behind `at` that does not belong to the block. @param {string[]} lines @param {number} at @param {(line: string, after: string) => boolean} belongs */
function endOf(lines, at, belongs) {
  const length = lines.slice(at + 1).findIndex((line, i) => !belongs(line, lines[at + i + 2] ?? ''));
  return length < 0 ? lines.length : at + 1 + length;
}

/** @param {number} level @param {string} title @returns {Markup} with the id that links of the documentation use */
function heading(level, title) {
  const id = title.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-');
  const content = inline(title);
  if (level === 1) return html`<h1 id="${id}">${content}</h1>`;
  return level === 2 ? html`<h2 id="${id}">${content}</h2>` : html`<h3 id="${id}">${content}</h3>`;
}

/** @param {string[]} lines @returns {Markup} */
function list(lines) {
  /** @type {string[][]} */
  const items = [];
  const depth = (ITEM.exec(lines[0] ?? '')?.[1] ?? '').length;
  for (const line of lines) {
    const item = ITEM.exec(line);
    if (item !== null && (item[1] ?? '').length === depth) items.push([line.slice(item[0].length)]);
    else items.at(-1)?.push(line.slice(depth + 2));
  }
  const content = items.map(([first = '', ...rest]) => {
    const nested = rest.findIndex((line) => ITEM.test(line) || line.startsWith('```'));
    const [words, inside] = nested < 0 ? [rest, []] : [rest.slice(0, nested), rest.slice(nested)];
    return html`<li>${inline([first, ...words].join('\n'))}${blocks(inside)}</li>`;
  });
  return /^ *\d/.test(lines[0] ?? '') ? html`<ol>${content}</ol>` : html`<ul>${content}</ul>`;
}

/** @param {string[]} lines the head, the line below it, and rows @returns {Markup} */
function table([head = '', , ...rows]) {
  const cells = (/** @type {string} */ row) => row.replace(/^\||\|\s*$/g, '').split(/(?<!\\)\|/).map((cell) => inline(cell.trim().replaceAll('\\|', '|')));
  return html`
    <div class="scrolled" tabindex="0" role="group"><table>
      <thead><tr>${cells(head).map((cell) => (cell.text === '' ? html`<td></td>` : html`<th scope="col">${cell}</th>`))}</tr></thead>
      <tbody>${rows.map((row) => html`<tr>${cells(row).map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody>
    </table></div>`;
}

/** @param {string} text @returns {Markup} */
function inline(text) {
  const found = INLINE.exec(text);
  if (found === null) return html`${text}`;
  const [whole, code, about, source, words, target, strong, emphasised] = found;
  return html`${text.slice(0, found.index)}${span({ code, about, source, words, target, strong, emphasised })}${inline(text.slice(found.index + whole.length))}`;
}

/** @param {Record<string, string | undefined>} parts @returns {Markup} */
function span({ code, about, source, words = '', target = '', strong = '', emphasised = '' }) {
  if (code !== undefined) return html`<code>${code}</code>`;
  if (source !== undefined) return html`<img src="${source}" alt="${about}">`;
  if (strong !== '') return html`<strong>${inline(strong)}</strong>`;
  if (emphasised !== '') return html`<em>${inline(emphasised)}</em>`;
  // Files outside of the documentation are not part of the program.
  if (target.startsWith('../')) return inline(words);
  return html`<a href="${target.replace(/^([\w-]+)\.md/, '$1')}">${inline(words)}</a>`;
}
