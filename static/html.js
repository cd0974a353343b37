// @ts-check
// The only way from values to HTML: everything put into an html`` template is escaped.

const ESCAPES = /** @type {Record<string, string>} */ ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' });

/** Markup whose values are already escaped; only `html` makes it. */
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
 * Template tag. Values are escaped for text and for quoted attributes; markup made by the tag, alone or in an
 * array, goes in as it is; null and undefined are empty.
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
 * The one element inside `root` that matches; a missing one is a fault of the template.
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
 * Sets a text only when it differs, so that live regions speak only of changes.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
