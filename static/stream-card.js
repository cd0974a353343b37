// @ts-check
// <stream-card>: one stream and the buttons that act on it. Set `stream`; fires `stream-play`, `stream-edit`, `stream-copy` (detail: the
// name), `stream-publish` (detail: the name), `compare` (detail: a choice), `stream-deleted` (detail: what was deleted) and `streams-changed`.

import { definitionOf, deleteStream, startStream, stopStream } from './api.js';
import { choose, DEFAULT_FORMAT, FORMATS } from './choice.js';
import { serverNow } from './clock.js';
import { CopyLink } from './copy-link.js';
import { find, html, render, setText } from './html.js';
import { icon } from './icons.js';
import { StreamStill } from './stream-still.js';
import { audience, audienceInDetail, load, pushed, situation, summary } from './words.js';

/** @typedef {import('./answers.js').Stream} Stream */

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

  /** @param {boolean} chosen whether the page plays this stream */
  set chosen(chosen) {
    this.classList.toggle('chosen', chosen);
    this.setAttribute('aria-current', String(chosen));
  }

  /** @param {string} name */
  #build(name) {
    render(this, html`
      <div class="card-top">
        <stream-still></stream-still>
        <div class="card-words">
          <div class="card-head">
            <h3>${name}</h3>
            <p class="phase"><span class="phase-mark" aria-hidden="true"></span><span class="phase-word"></span></p>
          </div>
          <p class="card-title"></p>
          <p class="card-summary"><span class="private" hidden></span><span class="card-facts"></span></p>
          <p class="card-load"></p>
        </div>
      </div>
      <div class="card-now">
        <p class="card-situation"></p>
        <p class="card-viewers"></p>
      </div>
      <ul class="card-targets" aria-label="Push targets of ${name}" hidden></ul>
      <div class="actions" role="group" aria-label="Actions on ${name}">
        <button type="button" class="primary" data-action="play">Play</button>
        <button type="button" data-action="publish" hidden>Publish</button>
        <button type="button" data-action="toggle" data-writes></button>
        <button type="button" class="quiet" data-action="more" aria-expanded="false" aria-label="More about ${name}">${icon('more')}</button>
      </div>
      <div class="card-more" hidden>
        <div class="links" role="group" aria-label="Links of ${name}"></div>
        <div class="actions" role="group" aria-label="Changes of ${name}">
          <button type="button" data-action="edit" data-writes>Edit</button>
          <button type="button" data-action="copy" data-writes>Copy as new</button>
          <button type="button" data-action="beside">Compare</button>
          <button type="button" class="danger" data-action="ask" data-writes>Delete</button>
        </div>
        <div class="actions confirm" role="group" aria-label="Delete ${name}?" hidden>
          <p>The secrets of its push targets cannot be restored. Delete ${name}?</p>
          <button type="button" class="danger" data-action="delete">Delete</button>
          <button type="button" data-action="keep">Keep</button>
        </div>
      </div>
      <p class="card-error" role="alert"></p>`);
    this.addEventListener('click', (event) => this.#clicked(event));
    find(this, '.card-more', HTMLElement).addEventListener('keydown', ({ key }) => {
      if (key === 'Escape') this.#expand(false);
    });
  }

  /** @param {Stream} stream */
  #update(stream) {
    this.dataset.phase = stream.phase;
    find(this, 'stream-still', StreamStill).stream = stream;
    setText(find(this, '.phase-word', HTMLElement), stream.phase);
    setText(find(this, '.card-title', HTMLElement), stream.title);
    this.#updateAccess(stream.private);
    setText(find(this, '.card-facts', HTMLElement), summary(stream));
    setText(find(this, '.card-load', HTMLElement), load(stream, serverNow()));
    setText(find(this, '.card-situation', HTMLElement), situation(stream));
    const viewers = find(this, '.card-viewers', HTMLElement);
    setText(viewers, audience(stream.viewers));
    viewers.title = audienceInDetail(stream.viewers);
    this.#updateTargets(stream.targets);
    setText(this.#button('toggle'), TOGGLES[toggle(stream)].label);
    this.#button('publish').hidden = stream.urls.whip === undefined;
    for (const action of ['edit', 'ask']) this.#button(action).hidden = stream.declared;
    this.#updateLinks(stream.urls);
  }

  /** @param {boolean} isPrivate */
  #updateAccess(isPrivate) {
    const mark = find(this, '.private', HTMLElement);
    if (mark.hidden !== isPrivate) return;
    mark.hidden = !isPrivate;
    render(mark, isPrivate ? html`${icon('lock')} private · ` : html``);
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
    const stream = this.#stream;
    if (!button || stream === null) return;
    const { name } = stream;
    switch (button.dataset.action) {
      case 'play': return this.#fire('stream-play', name);
      case 'publish': return this.#fire('stream-publish', name);
      case 'toggle': return this.#run(button, () => TOGGLES[toggle(stream)].act(name));
      case 'more': return this.#expand(find(this, '.card-more', HTMLElement).hidden);
      case 'edit': return this.#fire('stream-edit', name);
      case 'beside': return this.#fire('compare', choose(name, DEFAULT_FORMAT, ''));
      case 'copy': return this.#fire('stream-copy', name);
      case 'ask': return stream.targets.length > 0 ? this.#ask(true) : this.#run(button, () => this.#delete(name));
      case 'keep': return this.#ask(false);
      case 'delete': return this.#run(button, () => this.#delete(name));
    }
  }

  /** @param {string} name */
  async #delete(name) {
    const { definition } = await definitionOf(name);
    await deleteStream(name);
    // A target without its secret would be refused.
    this.#fire('stream-deleted', { name, definition: { ...definition, push: [] }, hadFocus: this.contains(document.activeElement) });
  }

  /**
   * @param {HTMLButtonElement} button
   * @param {() => Promise<void>} act
   */
  async #run(button, act) {
    if (button.getAttribute('aria-busy') === 'true') return;
    button.setAttribute('aria-busy', 'true');
    const error = find(this, '.card-error', HTMLElement);
    try {
      await act();
      setText(error, '');
    } catch (reason) {
      setText(error, reason instanceof Error ? reason.message : String(reason));
    }
    button.removeAttribute('aria-busy');
    this.#fire('streams-changed', null);
  }

  /** @param {boolean} expanded */
  #expand(expanded) {
    find(this, '.card-more', HTMLElement).hidden = !expanded;
    this.#button('more').setAttribute('aria-expanded', String(expanded));
    if (!expanded) this.#button('more').focus();
  }

  /** Shows the question whether to delete the stream, or the other buttons. @param {boolean} asking */
  #ask(asking) {
    const [actions, confirm] = this.querySelectorAll('.card-more .actions');
    actions?.toggleAttribute('hidden', asking);
    confirm?.toggleAttribute('hidden', !asking);
    this.#button(asking ? 'keep' : 'ask').focus();
  }

  /** @param {string} name @param {unknown} detail */
  #fire(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
  }

  /** @param {string} action */
  #button(action) {
    return find(this, `[data-action=${action}]`, HTMLButtonElement);
  }
}

/** What the second button does, by the state of the stream; viewers start and stop a stream on demand that is enabled. */
const TOGGLES = {
  start: { label: 'Start', act: startStream },
  stop: { label: 'Stop', act: stopStream },
  enable: { label: 'Enable', act: startStream },
  disable: { label: 'Disable', act: stopStream },
};

/** @param {Stream} stream @returns {keyof typeof TOGGLES} */
function toggle({ onDemand, enabled, phase }) {
  if (onDemand) return enabled ? 'disable' : 'enable';
  return phase === 'stopped' || phase === 'failed' ? 'start' : 'stop';
}

customElements.define('stream-card', StreamCard);
