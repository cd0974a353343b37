// @ts-check
// <stream-card>: one stream and the buttons that act on it. Set `stream`; fires `stream-play` (detail: the name) and `streams-changed`.

import { deleteStream, startStream, stopStream } from './api.js';
import { FORMATS } from './choice.js';
import { CopyLink } from './copy-link.js';
import { find, html, render, setText } from './html.js';
import { StreamSettings } from './stream-settings.js';
import { audience, audienceInDetail, pushed, situation, summary } from './words.js';

/** @typedef {import('./answers.js').Stream} Stream */

const LOCK = html`<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M5 7V5a3 3 0 0 1 6 0v2"/><rect x="3" y="7" width="10" height="7" rx="1.5"/></svg>`;
/** Phases in which a button would change nothing. @type {Record<'start' | 'stop', readonly string[]>} */
const IDLE_IN = { start: ['starting', 'running', 'waiting'], stop: ['stopped'] };

export class StreamCard extends HTMLElement {
  /** @type {Stream | null} */
  #stream = null;
  #links = '';

  /** @param {Stream} stream */
  set stream(stream) {
    const isNew = this.#stream === null;
    this.#stream = stream;
    if (isNew) this.#build(stream.name);
    this.#update(stream);
  }

  /** @param {boolean} chosen whether the player panel shows this stream */
  set chosen(chosen) {
    this.classList.toggle('chosen', chosen);
    this.setAttribute('aria-current', String(chosen));
  }

  /** @param {string} name */
  #build(name) {
    render(this, html`
      <div class="card-head">
        <h3>${name}</h3>
        <p class="phase"><span class="phase-mark" aria-hidden="true"></span><span class="phase-word"></span></p>
      </div>
      <p class="card-title"></p>
      <p class="card-summary"><span class="private" hidden></span><span class="card-facts"></span></p>
      <div class="card-now">
        <p class="card-situation"></p>
        <p class="card-viewers"></p>
      </div>
      <ul class="card-targets" aria-label="Push targets of ${name}" hidden></ul>
      <div class="links" role="group" aria-label="Links of ${name}"></div>
      <div class="actions" role="group" aria-label="Actions on ${name}">
        <button type="button" class="primary" data-action="play">Play</button>
        <button type="button" data-action="start"></button>
        <button type="button" data-action="stop"></button>
        <button type="button" class="quiet" data-action="edit">Edit</button>
        <button type="button" class="quiet" data-action="ask">Delete</button>
      </div>
      <div class="actions confirm" role="group" aria-label="Delete ${name}?" hidden>
        <p>Delete ${name}?</p>
        <button type="button" class="danger" data-action="delete">Delete</button>
        <button type="button" data-action="keep">Keep</button>
      </div>
      <p class="card-error" role="alert"></p>
      <stream-settings hidden></stream-settings>`);
    this.addEventListener('click', (event) => this.#clicked(event));
    find(this, '.confirm', HTMLElement).addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.#ask(false);
    });
    this.#settings.addEventListener('settings-closed', () => {
      this.#button('edit').focus();
      this.#changed();
    });
  }

  /** @param {Stream} stream */
  #update(stream) {
    this.dataset.phase = stream.phase;
    setText(find(this, '.phase-word', HTMLElement), stream.phase);
    setText(find(this, '.card-title', HTMLElement), stream.title);
    this.#updateAccess(stream.private);
    setText(find(this, '.card-facts', HTMLElement), summary(stream));
    setText(find(this, '.card-situation', HTMLElement), situation(stream));
    const viewers = find(this, '.card-viewers', HTMLElement);
    setText(viewers, audience(stream.viewers));
    viewers.title = audienceInDetail(stream.viewers);
    this.#updateTargets(stream.targets);
    this.#updateControls(stream);
    for (const action of ['edit', 'ask']) this.#button(action).hidden = stream.declared;
    this.#updateLinks(stream.urls);
  }

  /** @param {boolean} isPrivate */
  #updateAccess(isPrivate) {
    const mark = find(this, '.private', HTMLElement);
    if (mark.hidden !== isPrivate) return;
    mark.hidden = !isPrivate;
    render(mark, isPrivate ? html`${LOCK} private · ` : html``);
  }

  /** A stream on demand has one button, because viewers start and stop it. @param {Stream} stream */
  #updateControls({ onDemand, enabled, phase }) {
    const [start, stop] = [this.#button('start'), this.#button('stop')];
    const hadFocus = [start, stop].some((button) => button === document.activeElement);
    setText(start, onDemand ? 'Enable' : 'Start');
    setText(stop, onDemand ? 'Disable' : 'Stop');
    start.hidden = onDemand && enabled;
    stop.hidden = onDemand && !enabled;
    this.#disable('start', !onDemand && IDLE_IN.start.includes(phase));
    this.#disable('stop', !onDemand && IDLE_IN.stop.includes(phase));
    if (hadFocus) (start.hidden ? stop : stop.hidden ? start : null)?.focus();
  }

  /** @param {Stream['targets']} targets */
  #updateTargets(targets) {
    const list = find(this, '.card-targets', HTMLElement);
    list.hidden = targets.length === 0;
    while (list.children.length > targets.length) list.lastElementChild?.remove();
    while (list.children.length < targets.length) list.append(document.createElement('li'));
    targets.forEach((target, place) => {
      const item = /** @type {HTMLElement} */ (list.children[place]);
      item.dataset.phase = target.phase;
      setText(item, pushed(target));
    });
  }

  /** @param {Record<string, string>} urls */
  #updateLinks(urls) {
    const links = JSON.stringify(urls);
    if (links === this.#links) return;
    this.#links = links;
    find(this, '.links', HTMLElement).replaceChildren(...FORMATS.flatMap(({ id, label }) => {
      const url = urls[id];
      return url === undefined ? [] : [Object.assign(new CopyLink(), { label, url })];
    }));
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const button = event.target instanceof Element ? event.target.closest('button') : null;
    const name = this.#stream?.name;
    if (!button || name === undefined || button.getAttribute('aria-disabled') === 'true') return;
    switch (button.dataset.action) {
      case 'play': return this.dispatchEvent(new CustomEvent('stream-play', { bubbles: true, detail: name }));
      case 'start': return this.#run(button, () => startStream(name));
      case 'stop': return this.#run(button, () => stopStream(name));
      case 'edit': return this.#settings.hidden ? this.#run(button, () => this.#settings.open(name)) : this.#settings.focusFirst();
      case 'ask': return this.#ask(true);
      case 'keep': return this.#ask(false);
      case 'delete': return this.#run(button, () => deleteStream(name));
    }
  }

  /**
   * @param {HTMLButtonElement} button
   * @param {() => Promise<void>} act
   */
  async #run(button, act) {
    button.setAttribute('aria-busy', 'true');
    const error = find(this, '.card-error', HTMLElement);
    try {
      await act();
      setText(error, '');
    } catch (reason) {
      setText(error, reason instanceof Error ? reason.message : String(reason));
    }
    button.removeAttribute('aria-busy');
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new CustomEvent('streams-changed', { bubbles: true }));
  }

  /** Shows the question whether to delete the stream, or the other buttons. @param {boolean} asking */
  #ask(asking) {
    const [actions, confirm] = this.querySelectorAll('.actions');
    actions?.toggleAttribute('hidden', asking);
    confirm?.toggleAttribute('hidden', !asking);
    this.#button(asking ? 'keep' : 'ask').focus();
  }

  /**
   * Uses `aria-disabled`, because a button that becomes `disabled` loses the focus.
   * @param {string} action
   * @param {boolean} idle
   */
  #disable(action, idle) {
    this.#button(action).setAttribute('aria-disabled', String(idle));
  }

  get #settings() {
    return find(this, 'stream-settings', StreamSettings);
  }

  /** @param {string} action */
  #button(action) {
    return find(this, `[data-action=${action}]`, HTMLButtonElement);
  }
}

customElements.define('stream-card', StreamCard);
