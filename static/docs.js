// @ts-check
// The page of a text of the documentation: `/docs/check` shows `/docs/check.md`.

import { find, html, render } from './html.js';
import { markdown } from './markdown.js';

const name = location.pathname.split('/').at(-1) ?? '';
const main = find(document, 'main', HTMLElement);
const response = await fetch(`${name}.md`);
if (response.ok) {
  render(main, markdown(await response.text()));
  document.title = `${main.querySelector('h1')?.textContent ?? name} – barstone`;
  document.getElementById(location.hash.slice(1))?.scrollIntoView();
} else {
  render(main, html`<p>There is no text ${name}.</p>`);
}
