// @ts-check
// <url-builder>: composes the URL of a manifest from the server's table of conditions, with the URL growing, a QR code and lines to
// copy. Set `choice` and `streams`. Fires `choose` (detail: the choice with the conditions).

import { checkManifest, Problem } from './api.js';
import { playbackUrl, publicUrl, withConditions } from './address.js';
import { change, format, MANIFEST_FORMATS } from './choice.js';
import { conditions, join, split } from './conditions.js';
import { copyButton, copyFrom } from './copy-link.js';
import { FaultList } from './fault-list.js';
import { find, html, render, setText } from './html.js';
import { icon } from './icons.js';
import { OneLinerList } from './one-liner-list.js';
import { encode, toPath } from './qr.js';

/** @typedef {import('./answers.js').Stream} Stream */
/** @typedef {import('./choice.js').Choice} Choice */
/** @typedef {import('./conditions.js').Condition} Condition */

const CHECK_AFTER_MS = 400;
const QUIET_ZONE = 4;

export class UrlBuilder extends HTMLElement {
  /** What plays. @type {Choice | null} */
  #choice = null;
  /** @type {readonly Stream[]} */
  #streams = [];
  /** All conditions but faults. @type {readonly Condition[]} */
  #table = [];
  /** All conditions. @type {readonly Condition[]} */
  #all = [];
  /** The fragment that the form was filled from. */
  #filledFrom = '';
  #url = '';
  #checkTimer = 0;

  connectedCallback() {
    render(this, html`
      <div class="built">
        <p class="built-url"><code tabindex="0" aria-label="The URL"></code>${copyButton('Copy the URL')}<span role="status" class="unseen"></span></p>
        <p class="hint built-fault" role="alert"></p>
        <div class="actions">
          <button type="button" class="primary" data-action="play">${icon('play')}<span>Play here</span></button>
          <label class="quality"><span>Format</span> <select data-control="format">${MANIFEST_FORMATS.map(({ id, label }) => html`<option value="${id}">${label}</option>`)}</select></label>
          <button type="button" class="quiet" data-action="clear">Remove all conditions</button>
        </div>
      </div>
      <form novalidate aria-label="Conditions"><p class="hint">Loading the conditions…</p></form>
      <div class="built-more">
        <figure class="qr"></figure>
        <one-liner-list></one-liner-list>
      </div>`);
    this.#form.addEventListener('submit', (event) => event.preventDefault());
    this.#form.addEventListener('input', () => this.#update());
    this.#form.addEventListener('change', (event) => this.#toggled(event));
    this.#format.addEventListener('change', () => this.#update());
    find(this, '[data-action=play]', HTMLElement).addEventListener('click', () => this.#play());
    find(this, '[data-action=clear]', HTMLElement).addEventListener('click', () => this.#fill(''));
    find(this, '.built-url', HTMLElement).addEventListener('click', ({ target }) => {
      const place = find(this, '.built-url', HTMLElement);
      if (target instanceof Element && target.closest('button')) void copyFrom(place, this.#url, find(place, '[role=status]', HTMLElement));
    });
    void this.#load();
  }

  /** @param {Choice | null} choice */
  set choice(choice) {
    this.#choice = choice;
    const from = choice === null ? '' : JSON.stringify([choice.stream, choice.url, choice.format, choice.conditions]);
    if (from === this.#filledFrom) return;
    this.#filledFrom = from;
    if (format(choice?.format ?? '')?.hasManifest) this.#format.value = choice?.format ?? '';
    this.#fill(choice?.conditions ?? '');
  }

  /** @param {readonly Stream[]} streams */
  set streams(streams) {
    this.#streams = streams;
    this.#update();
  }

  async #load() {
    try {
      this.#all = await conditions();
      this.#table = this.#all.filter(({ fault }) => !fault);
    } catch (reason) {
      setText(find(this, 'form .hint', HTMLElement), reason instanceof Error ? reason.message : String(reason));
      return;
    }
    render(this.#form, html`
      <label class="filter">${icon('search')}<span class="unseen">Filter conditions</span>
        <input type="search" placeholder="Filter conditions by name or effect" autocomplete="off" spellcheck="false"></label>
      <ul class="conditions">${this.#table.map(row)}</ul>
      <p class="hint others"></p>
      <fault-list></fault-list>`);
    find(this, 'fault-list', FaultList).table = this.#all;
    this.#fill(this.#choice?.conditions ?? '');
  }

  /** Checks the boxes of these conditions and writes their values. @param {string} joined */
  #fill(joined) {
    const chosen = split(joined, this.#all);
    if (this.#faults) Object.assign(this.#faults, { format: this.#format.value, texts: chosen.faults });
    for (const { name } of this.#table) {
      const one = chosen.plain.find((each) => each.name === name);
      this.#box(name).checked = one !== undefined;
      const value = this.#value(name);
      if (value) value.value = one?.value ?? '';
    }
    this.#update();
  }

  /** A condition that is chosen begins with the value of its first example. @param {Event} event */
  #toggled({ target }) {
    if (!(target instanceof HTMLInputElement) || target.type !== 'checkbox') return;
    const value = this.#value(target.value);
    if (value && target.checked && value.value === '') value.value = value.placeholder;
    this.#update();
  }

  #update() {
    const choice = this.#choice;
    const chosen = this.#table.filter(({ name }) => this.#box(name).checked);
    for (const condition of this.#table) {
      const { name, formats } = condition;
      const fits = formats.includes(this.#format.value);
      const value = this.#value(name);
      this.#box(name).disabled = !fits;
      if (value) value.disabled = !fits || !this.#box(name).checked;
    }
    this.#filter();
    if (this.#faults) this.#faults.format = this.#format.value;
    const faults = this.#faults?.texts ?? [];
    const plain = join(chosen.filter(({ formats }) => formats.includes(this.#format.value)).map(({ name }) => ({ name, value: this.#value(name)?.value.trim() ?? '' })));
    const joined = [plain, ...faults].filter(Boolean).join(',');
    const stream = this.#streams.find(({ name }) => name === choice?.stream);
    const base = stream?.urls[this.#format.value];
    const button = find(this, '[data-action=play]', HTMLButtonElement);
    button.disabled = base === undefined;
    const url = base === undefined ? '' : withConditions(publicUrl(base), joined);
    if (url === this.#url) return;
    this.#url = url;
    setText(find(this, '.built-url code', HTMLElement), url || 'Choose a stream first.');
    this.#showQr();
    const isDash = this.#format.value.endsWith('dash');
    find(this, 'one-liner-list', OneLinerList).show(url, { isDash, lowLatency: format(this.#format.value)?.lowLatency ?? false });
    this.dataset.conditions = joined;
    clearTimeout(this.#checkTimer);
    this.#blame('', '');
    if (joined !== '' && base !== undefined && stream?.phase === 'running') this.#checkTimer = setTimeout(() => this.#check(withConditions(playbackUrl(base), joined)), CHECK_AFTER_MS);
  }

  /** Shows the conditions that the format has and that fit the filter; one that is chosen stays. */
  #filter() {
    const filter = this.#form.querySelector('[type=search]');
    const wanted = filter instanceof HTMLInputElement ? filter.value.toLowerCase().split(/\s+/).filter(Boolean) : [];
    let others = 0;
    for (const { name, summary, formats } of this.#table) {
      const hasFormat = formats.includes(this.#format.value);
      if (!hasFormat) others += 1;
      const fits = wanted.every((word) => `${name} ${summary}`.toLowerCase().includes(word));
      find(this, `[data-condition="${name}"]`, HTMLElement).hidden = !hasFormat || (!fits && !this.#box(name).checked);
    }
    const words = this.#form.querySelector('.others');
    if (words) setText(words, others === 0 ? '' : `${others} more ${others === 1 ? 'applies' : 'apply'} to other formats only.`);
  }

  /** Asks the server whether the URL is right, because it knows the limits of the stream. @param {string} url */
  async #check(url) {
    const checked = this.#url;
    try {
      await checkManifest(url);
    } catch (reason) {
      if (this.#url === checked && reason instanceof Problem) this.#blame(reason.field, reason.message);
    }
  }

  /** @param {string} name of a condition; empty for none @param {string} fault */
  #blame(name, fault) {
    for (const each of this.querySelectorAll('[data-condition].faulty')) {
      each.classList.remove('faulty');
      setText(find(each, '.hint', HTMLElement), '');
    }
    for (const input of this.#form.querySelectorAll('[aria-invalid]')) input.removeAttribute('aria-invalid');
    this.#faults?.blame(name);
    const place = name === '' ? null : this.querySelector(`[data-condition="${CSS.escape(name)}"]`);
    if (place !== null) {
      place.classList.add('faulty');
      setText(find(place, '.hint', HTMLElement), fault);
      place.querySelector('input[type=text]')?.setAttribute('aria-invalid', 'true');
    }
    const words = find(this, '.built-fault', HTMLElement);
    words.parentElement?.classList.toggle('faulty', fault !== '');
    setText(words, fault);
  }

  #showQr() {
    const figure = find(this, '.qr', HTMLElement);
    const code = this.#url === '' ? null : encode(this.#url);
    if (code === null) {
      render(figure, html`<figcaption class="hint">${this.#url === '' ? '' : 'The URL is too long for a QR code.'}</figcaption>`);
      return;
    }
    const size = code.length + 2 * QUIET_ZONE;
    render(figure, html`
      <svg viewBox="${-QUIET_ZONE} ${-QUIET_ZONE} ${size} ${size}" role="img" aria-label="QR code of the URL" shape-rendering="crispEdges">
        <rect x="${-QUIET_ZONE}" y="${-QUIET_ZONE}" width="${size}" height="${size}" fill="#fff"/><path fill="#000" d="${toPath(code)}"/>
      </svg>`);
  }

  #play() {
    if (this.#choice === null) return;
    const detail = { ...change(this.#choice, this.#format.value, this.#choice.player), conditions: this.dataset.conditions ?? '' };
    this.dispatchEvent(new CustomEvent('choose', { bubbles: true, detail }));
  }

  get #form() {
    return find(this, 'form', HTMLFormElement);
  }

  /** Null until the table is there. @returns {FaultList | null} */
  get #faults() {
    return this.querySelector('fault-list');
  }

  get #format() {
    return find(this, '[data-control=format]', HTMLSelectElement);
  }

  /** @param {string} name */
  #box(name) {
    return find(this, `[data-condition="${name}"] [type=checkbox]`, HTMLInputElement);
  }

  /** @param {string} name @returns {HTMLInputElement | null} null for a condition without a value */
  #value(name) {
    return this.querySelector(`[data-condition="${name}"] [type=text]`);
  }
}

/** @param {Condition} condition */
function row({ name, summary, kind, allowed, formats, excludes, values }) {
  const labels = formats.length === MANIFEST_FORMATS.length ? '' : formats.map((id) => format(id)?.label ?? id).join(', ');
  const hint = [kind === 'none' ? '' : allowed, excludes.length === 0 ? '' : `not with ${excludes.join(', ')}`].filter(Boolean).join('; ');
  // A moment relative to now is the more useful example.
  const suggested = (kind === 'moment' ? values.find((value) => /^[+-]/.test(value)) : undefined) ?? values[0];
  return html`
    <li data-condition="${name}">
      <label class="check"><input type="checkbox" value="${name}"> <code>${name}</code>${labels === '' ? '' : html` <small>${labels}</small>`}</label>
      ${kind === 'none' ? '' : html`
        <input type="text" aria-label="Value of ${name}" aria-describedby="e-${name} c-${name}" list="v-${name}" placeholder="${suggested}" autocomplete="off" autocapitalize="none" spellcheck="false" disabled>
        <datalist id="v-${name}">${values.map((value) => html`<option value="${value}"></option>`)}</datalist>`}
      <p class="hint" id="e-${name}"></p>
      <p class="hint help" id="c-${name}">${summary}${hint === '' ? '' : html` <span class="limits">${hint}</span>`}</p>
    </li>`;
}

customElements.define('url-builder', UrlBuilder);
