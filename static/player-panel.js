// @ts-check
// <player-panel>: plays the chosen stream, or says why it does not play and what helps. Set `choice` and `streams`.
// Fires `choose` (detail: a choice, or null to close), `tool` (detail: the tool to open), `compare` (detail: a choice to play beside this one) and `streams-changed`.

import { obstacle, remark } from './obstacle.js';
import { withConditions } from './address.js';
import { FORMATS, choose, sourceName } from './choice.js';
import { EventLog } from './event-log.js';
import { watchFailedRequests } from './failed-requests.js';
import { find, html, render, setText } from './html.js';
import { icon } from './icons.js';
import { LatencyReadout } from './latency-readout.js';
import { LivePicture } from './live-picture.js';
import { PlayerChoice } from './player-choice.js';
import { PlayerControls, SHORTCUTS } from './player-controls.js';
import { PlayerFigures } from './player-figures.js';
import { PlayerNote } from './player-note.js';
import { ToolTabs } from './tool-tabs.js';
import { UrlBuilder } from './url-builder.js';

/** @typedef {import('./answers.js').Stream} Stream */
/** @typedef {import('./choice.js').Choice} Choice */
/** @typedef {import('./player-note.js').Note} Note */

const SHOW_EVERY_MS = 500;

export class PlayerPanel extends HTMLElement {
  /** @type {Choice | null} */
  #choice = null;
  /** Null until the first list. @type {readonly Stream[] | null} */
  #streams = null;
  #timer = 0;

  connectedCallback() {
    render(this, html`
      <div class="panel-head">
        <h2 id="player-heading" tabindex="-1">Player</h2>
        <p class="conditions-now" hidden></p>
        <div class="actions">
          <button type="button" class="quiet" data-action="compare">${icon('beside')}<span>Compare</span></button>
          <button type="button" class="quiet" data-action="close">${icon('close')}<span>Close</span></button>
        </div>
      </div>
      <player-choice></player-choice>
      <live-picture tabindex="-1"><player-note></player-note></live-picture>
      <player-controls></player-controls>
      <latency-readout></latency-readout>
      <tool-tabs>
        <player-figures data-tool="figures" data-label="Measurements"></player-figures>
        <url-builder data-tool="url" data-label="Build a URL"></url-builder>
        <event-log data-tool="log" data-label="Events"></event-log>
      </tool-tabs>`);
    this.#button('close').addEventListener('click', () => this.#fire('choose', null));
    this.#button('compare').addEventListener('click', () => this.#compare());
    this.#controls.picture = this.picture;
    this.picture.addEventListener('picture-changed', () => {
      this.#showFigures();
      this.#settle();
    });
    this.addEventListener('keydown', (event) => this.#pressed(event));
    this.tool = 'figures';
    watchFailedRequests((text) => this.picture.note('request', text));
    this.#timer = setInterval(() => this.#showFigures(), SHOW_EVERY_MS);
    this.#settle();
  }

  disconnectedCallback() {
    clearInterval(this.#timer);
  }

  /** @param {Choice | null} choice */
  set choice(choice) {
    this.#choice = choice;
    this.#settle();
  }

  /** @param {readonly Stream[]} streams */
  set streams(streams) {
    this.#streams = streams;
    this.#settle();
  }

  /** @param {string} tool that is open below the player */
  set tool(tool) {
    find(this, 'tool-tabs', ToolTabs).tool = tool;
  }

  /** Scrolls the heading into view and gives it the focus. */
  reveal() {
    find(this, 'h2', HTMLElement).focus({ preventScroll: true });
    this.scrollIntoView({ block: 'nearest' });
  }

  get picture() {
    return find(this, 'live-picture', LivePicture);
  }

  /** Plays what is chosen if the server has it; otherwise plays nothing. */
  #settle() {
    const choice = this.#choice;
    const stream = this.#streams?.find(({ name }) => name === choice?.stream) ?? null;
    const picker = find(this, 'player-choice', PlayerChoice);
    picker.choice = choice;
    picker.offered = FORMATS.map(({ id }) => id).filter((id) => choice?.url || stream?.urls[id] !== undefined);
    setText(find(this, 'h2', HTMLElement), choice === null ? 'Player' : sourceName(choice));
    const conditions = find(this, '.conditions-now', HTMLElement);
    conditions.hidden = !choice?.conditions;
    setText(conditions, choice?.conditions.replaceAll(',', ', ') ?? '');
    this.#button('close').disabled = choice === null;
    this.#button('compare').disabled = choice === null;

    const builder = find(this, 'url-builder', UrlBuilder);
    builder.choice = choice;
    builder.streams = this.#streams ?? [];

    const found = { choice, stream, isListed: this.#streams !== null, plays: this.picture.showing !== null };
    const changed = () => this.#fire('streams-changed', null);
    const why = obstacle(found, changed);
    const url = choice?.url || stream?.urls[choice?.format ?? ''];
    if (choice && url && why === null) this.picture.show(choice, withConditions(url, choice.conditions));
    else void this.picture.close();
    if (this.#controls.enable(this.picture.showing !== null)) find(this, 'h2', HTMLElement).focus();
    this.#showNote(why ?? remark(stream, this.picture.showing?.playback ?? null));
  }

  /** Plays the same stream beside this one, in the other family of formats. */
  #compare() {
    if (this.#choice === null) return;
    const isDash = this.#choice.format.endsWith('dash');
    const { stream, url, conditions } = this.#choice;
    const other = url === '' ? choose(stream, isDash ? 'llhls' : 'lldash', '') : this.#choice;
    this.#fire('compare', { ...other, url, conditions: url === '' ? '' : conditions });
  }

  /** @param {Note | null} note */
  #showNote(note) {
    const element = find(this, 'player-note', PlayerNote);
    const hadFocus = element.contains(document.activeElement);
    element.show(note);
    if (hadFocus && !note?.remedy) find(this, 'h2', HTMLElement).focus();
  }

  #showFigures() {
    const showing = this.picture.showing;
    const { figures } = this.picture.read();
    find(this, 'player-figures', PlayerFigures).show(showing === null ? null : this.picture);
    find(this, 'latency-readout', LatencyReadout).show(figures?.latencySeconds ?? null, showing?.history ?? null);
    find(this, 'event-log', EventLog).show(showing === null ? null : this.picture);
    this.#controls.update();
  }

  /** Keys act only while the focus is in the player, so that they disturb nobody who speaks to the browser. @param {KeyboardEvent} event */
  #pressed(event) {
    const { target, key } = event;
    const isTyped = event.ctrlKey || event.altKey || event.metaKey || document.querySelector('dialog[open]') !== null;
    const isHere = target instanceof Element && !target.matches('input:not([type=range], [type=radio], [type=checkbox]), select, textarea');
    const act = SHORTCUTS[key.toLowerCase()];
    if (isTyped || !isHere || act === undefined || this.hidden) return;
    event.preventDefault();
    act(this.#controls);
  }

  /** @param {string} name @param {unknown} detail */
  #fire(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
  }

  get #controls() {
    return find(this, 'player-controls', PlayerControls);
  }

  /** @param {string} action */
  #button(action) {
    return find(this, `:scope > .panel-head [data-action=${action}]`, HTMLButtonElement);
  }
}

customElements.define('player-panel', PlayerPanel);
