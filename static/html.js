// @ts-check
// Turns values into HTML. Only this file sets `innerHTML`; an html`` template escapes every value.

const ESCAPES = /** @type {Record<string, string>} */ ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' });

/** HTML text whose values are escaped; only `html` creates it. */
class Markup {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
  }
}

/** @param {unknown} value @returns {string} */
function escape(value) {
  if (value instanceof Markup) return value.text;
  if (Array.isArray(value)) return value.map(escape).join('');
  if (value === null || value === undefined) return '';
  return String(value).replace(/[&<>"']/g, (c) => ESCAPES[c] ?? c);
}

/**
 * Template tag. Escapes values for text and for quoted attributes. Inserts the tag's own markup unchanged, alone or in an
 * array. Null and undefined become empty text.
 * @param {TemplateStringsArray} strings
 * @param {...unknown} values
 * @returns {Markup}
 */
export function html(strings, ...values) {
  return new Markup(strings.reduce((text, part, i) => text + escape(values[i - 1]) + part));
}

/**
 * Replaces the content of an element.
 * @param {Element} element
 * @param {Markup} markup
 */
export function render(element, markup) {
  element.innerHTML = markup.text;
}

/**
 * Finds the first element inside `root` that matches, and throws if the template has none of that kind.
 * @template {Element} T
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new (...args: any[]) => T} kind
 * @returns {T}
 */
export function find(root, selector, kind) {
  const element = root.querySelector(selector);
  if (!(element instanceof kind)) throw new Error(`no ${kind.name} at ${selector}`);
  return element;
}

/**
 * Sets the text only if it differs, so that screen readers announce changes only.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
