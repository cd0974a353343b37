// @ts-check
// The page shows the documentation: every mark of Markdown in it becomes HTML.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

import { markdown } from '../static/markdown.js';

const DOCS = new URL('../docs/', import.meta.url);

test('marks of Markdown become HTML', () => {
  for (const [text, expected] of [
    ['a *stream* and **two** `*`', '<p>a <em>stream</em> and <strong>two</strong> <code>*</code></p>'],
    ['1024 *j* to 1024 (*j* + 1)', '<p>1024 <em>j</em> to 1024 (<em>j</em> + 1)</p>'],
    ['2 * 3 * 4', '<p>2 * 3 * 4</p>'],
    ['| | b |\n|---|---|\n| c | d |', '<div class="scrolled" tabindex="0" role="group"><table>\n      <thead><tr><td></td><th scope="col">b</th></tr></thead>\n      <tbody><tr><td>c</td><td>d</td></tr></tbody>\n    </table></div>'],
    ['[*a*](b.md#c)', '<p><a href="b#c"><em>a</em></a></p>'],
  ]) {
    assert.equal(markdown(/** @type {string} */ (text)).text.trim(), expected);
  }
});

test('no mark is left in the documentation', () => {
  for (const name of readdirSync(DOCS).filter((name) => name.endsWith('.md'))) {
    const text = markdown(readFileSync(new URL(name, DOCS), 'utf8')).text.replace(/<(pre|code)\b[^]*?<\/\1>/g, '');
    const [, words] = /(\*\S[^*\n]*\*|`|\]\()/.exec(text) ?? [];
    assert.equal(words, undefined, name);
  }
});
