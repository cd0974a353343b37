// @ts-check
// <stream-editor>: a dialog with one form for every setting of a stream, which creates or changes it. Call `create`, `edit` or `copy`.
// Fires `stream-created` (detail: the name) and `streams-changed`.

import { createStream, definitionOf, Problem, replaceStream } from './api.js';
import { consequences, DEFAULTS, fromForm, grid, merge, PRESETS, SIZES } from './definition.js';
import { DefinitionForm } from './definition-form.js';
import { box, lines, number, pictureFields, renditionFields, select, targetFields, text } from './fields.js';
import { find, html, render, setText } from './html.js';
import { icon } from './icons.js';
import { StreamStill } from './stream-still.js';

/** @typedef {import('./definition.js').Filled} Filled */
/** @typedef {import('./answers.js').Tagged} Tagged */

const MOST_RENDITIONS = 8;
const MOST_TARGETS = 8;
/** Name in the picture of a stream that has no name yet. */
const PREVIEW_NAME = 'new-stream';

export class StreamEditor extends DefinitionForm {
  /** The stream that is changed; null for a new one. @type {Tagged | null} */
  #before = null;
  #name = '';
  /** Rows get numbers that no other row has had, so that their fields keep their names. */
  #nextRow = 0;
  /** @type {Element | null} */
  #opener = null;
  /** What was typed for a new stream before Escape closed the form. @type {Filled | null} */
  #draft = null;

  create() {
    this.#open('', null, this.#draft ?? DEFAULTS);
  }

  /** @param {string} name */
  async edit(name) {
    const before = await definitionOf(name);
    this.#open(name, before, filled(before.definition));
  }

  /** Opens the form of a new stream that is like another one. @param {string} name */
  async copy(name) {
    const { definition } = await definitionOf(name);
    // The server masks secrets of push targets.
    this.#open('', null, { ...filled(definition), name: `${name}-copy`.slice(0, 63), push: [] });
  }

  /** @param {FormData} form */
  async send(form) {
    const content = fromForm(form);
    if (this.#before === null) {
      await createStream(merge({}, content));
      this.#draft = null;
      this.#close();
      this.dispatchEvent(new CustomEvent('stream-created', { bubbles: true, detail: content.name }));
      return;
    }
    const { definition, tag } = this.#before;
    try {
      await replaceStream(this.#name, merge(definition, content), tag);
    } catch (reason) {
      if (!(reason instanceof Problem && reason.code === 'changed')) throw reason;
      this.#before = await definitionOf(this.#name);
      throw new Error('Someone else changed this stream. Save again to overwrite their change, or cancel to keep it.');
    }
    this.#close();
    this.dispatchEvent(new CustomEvent('streams-changed', { bubbles: true }));
  }

  /** @param {string} name @param {Tagged | null} before @param {Filled} content */
  #open(name, before, content) {
    this.#opener = document.activeElement;
    this.#name = name;
    this.#before = before;
    this.#build(content);
    const dialog = find(this, 'dialog', HTMLDialogElement);
    dialog.addEventListener('cancel', () => {
      if (before === null) this.#draft = fromForm(new FormData(this.form));
    });
    dialog.addEventListener('close', () => {
      render(this, html``);
      if (this.#opener instanceof HTMLElement && this.#opener.isConnected) this.#opener.focus();
    });
    dialog.showModal();
    find(this, before === null ? '[name=name]' : '[name=title]', HTMLElement).focus();
  }

  #cancel() {
    this.#draft = null;
    this.#close();
  }

  #close() {
    find(this, 'dialog', HTMLDialogElement).close();
  }

  /** @param {Filled} content */
  #build(content) {
    const isNew = this.#before === null;
    const heading = isNew ? 'New stream' : `Settings of ${this.#name}`;
    render(this, html`
      <dialog class="editor" aria-labelledby="editor-heading">
        <form novalidate aria-labelledby="editor-heading">
          <div class="panel-head"><h2 id="editor-heading">${heading}</h2>
            <button type="button" class="quiet" data-action="cancel" aria-label="Close the form">${icon('close')}</button></div>
          ${isNew ? html`<div class="presets" role="group" aria-label="Presets"><span>Preset</span>
            ${PRESETS.map(({ id, label }) => html`<button type="button" data-preset="${id}">${label}</button>`)}</div>` : ''}
          <div class="editor-body"></div>
          <p class="form-fault" role="alert"></p>
          <div class="actions editor-foot">
            <button type="submit" class="primary">${isNew ? 'Create stream' : 'Save'}</button>
            <button type="button" data-action="cancel">Cancel</button>
            <p class="consequences" role="status"></p>
          </div>
        </form>
      </dialog>`);
    this.#fill(content);
    this.prepare();
    for (const button of this.querySelectorAll('[data-action=cancel]')) button.addEventListener('click', () => this.#cancel());
    this.addEventListener('click', this.#clicked);
    this.form.addEventListener('input', (event) => this.#changed(event));
  }

  /** Puts the fields into the form. @param {Filled} content */
  #fill(content) {
    const { window_seconds, segment_frames, chunk_frames, video, audio, push, schedule } = content;
    render(find(this, '.editor-body', HTMLElement), html`
      <section class="editor-picture">
        ${pictureFields(content, this.#before === null)}
        <stream-still></stream-still>
      </section>
      <fieldset data-field="video">
        <legend>Renditions</legend>
        <ul class="rows" data-list="video">${video.map((track) => renditionFields(track, (this.#nextRow += 1)))}</ul>
        <div class="actions add" role="group" aria-label="Add a rendition"><span>Add</span>
          ${SIZES.map(({ id, height }) => html`<button type="button" data-add="${id}">${icon('plus')}<span>${height}p</span></button>`)}</div>
        <p class="hint" id="h-video">At most ${MOST_RENDITIONS}; none for a stream of sound only. The bitrate is that of the segments as served.</p>
      </fieldset>
      <fieldset data-field="audio">
        <legend>Sound</legend>
        ${box('audio', 'A beep every second', audio !== null)}
        <div class="columns">${soundFields(audio)}</div>
        <p class="hint" id="h-audio"></p>
      </fieldset>
      <fieldset>
        <legend>Segments</legend>
        <div class="columns">
          ${number({ name: 'segment_frames', label: 'Segment', unit: 'frames', hint: 'A segment lasts 1 to 10 s' }, { value: segment_frames, min: 1 })}
          ${number({ name: 'chunk_frames', label: 'Chunk', unit: 'frames', hint: '80 ms at least, a segment at most; shorter is faster' }, { value: chunk_frames, min: 1 })}
          ${number({ name: 'window_seconds', label: 'Window', unit: 's', hint: 'The past that manifests list; at least 10 s and 5 segments' }, { value: window_seconds, min: 10 })}
        </div>
      </fieldset>
      <details><summary>When it runs</summary>${runFields(content)}${scheduleFields(schedule)}</details>
      <details><summary>Who may watch</summary>${viewerFields(content)}</details>
      <details ${push.length > 0 ? 'open' : ''}><summary>Push to other servers</summary>
        <fieldset data-field="push">
          <legend class="unseen">Push targets</legend>
          <ul class="rows" data-list="push">${push.map((target) => targetFields(target, (this.#nextRow += 1)))}</ul>
          <div class="actions add"><button type="button" data-add-target>${icon('plus')}<span>Add a target</span></button></div>
          <p class="hint" id="h-push">At most ${MOST_TARGETS}: rtmp, rtmps, srt, udp, whip or whips, such as whips://TOKEN@HOST/PATH. Secrets are shown as ***, and stay as they are.</p>
        </fieldset>
      </details>`);
    find(this, '[name=fps]', HTMLInputElement).value = content.fps;
    this.#showConsequences();
  }

  /** @param {MouseEvent} event */
  #clicked = (event) => {
    const button = event.target instanceof Element ? event.target.closest('button') : null;
    if (!button) return;
    const { preset, add, addTarget, remove } = button.dataset;
    if (preset !== undefined) this.#applyPreset(preset);
    if (add !== undefined) this.#addRendition(add);
    if (addTarget !== undefined) this.#addRow('push', MOST_TARGETS, targetFields({ url: '', video: null }, (this.#nextRow += 1)), '[name$=url]');
    if (remove !== undefined) this.#removeRow(button);
  };

  /** @param {string} id */
  #applyPreset(id) {
    const change = PRESETS.find((preset) => preset.id === id)?.change ?? {};
    this.#fill({ ...fromForm(new FormData(this.form)), ...change });
    this.matchBoxes();
    for (const button of this.querySelectorAll('[data-preset]')) button.setAttribute('aria-pressed', String(/** @type {HTMLElement} */ (button).dataset.preset === id));
  }

  /** @param {string} id of a size in the table */
  #addRendition(id) {
    const size = SIZES.find((each) => each.id === id);
    const { video } = fromForm(new FormData(this.form));
    if (!size) return;
    const taken = video.filter((track) => track.id === id || track.id.startsWith(`${id}-`)).length;
    const track = { ...size, id: taken === 0 ? id : `${id}-${taken + 1}` };
    this.#addRow('video', MOST_RENDITIONS, renditionFields(track, (this.#nextRow += 1)), '[name$=bitrate]');
  }

  /** @param {string} list @param {number} most @param {ReturnType<typeof html>} markup @param {string} first input to give the focus to */
  #addRow(list, most, markup, first) {
    const rows = find(this, `[data-list=${list}]`, HTMLElement);
    if (rows.children.length >= most) return;
    const template = document.createElement('ul');
    render(template, markup);
    const row = template.firstElementChild;
    if (!row) return;
    rows.append(row);
    find(row, first, HTMLInputElement).focus();
    this.#showConsequences();
  }

  /** @param {HTMLElement} button */
  #removeRow(button) {
    const fieldset = button.closest('fieldset');
    button.closest('[data-row]')?.remove();
    fieldset?.querySelector('button')?.focus();
    this.#showConsequences();
  }

  /** A frame rate of the table brings segments and chunks that fit it. @param {Event} event */
  #changed({ target }) {
    if (target instanceof HTMLInputElement && target.name === 'fps') {
      const { segment_frames, chunk_frames } = grid(target.value);
      if (segment_frames !== undefined) find(this, '[name=segment_frames]', HTMLInputElement).value = String(segment_frames);
      if (chunk_frames !== undefined) find(this, '[name=chunk_frames]', HTMLInputElement).value = String(chunk_frames);
    }
    this.#showConsequences();
  }

  #showConsequences() {
    const content = fromForm(new FormData(this.form));
    setText(find(this, '.consequences', HTMLElement), consequences(content));
    if (this.#isPictureValid()) find(this, 'stream-still', StreamStill).preview({ ...content, name: content.name || PREVIEW_NAME });
  }

  /** Whether the server can paint the picture of the form. A stream without a name yet gets one. */
  #isPictureValid() {
    const inputs = [...this.form.querySelectorAll('.editor-picture input, [data-list=video] input, [name$=_frames]')];
    return inputs.every((input) => !(input instanceof HTMLInputElement) || (input.name === 'name' && input.value === '') || input.checkValidity());
  }
}

/** @param {Record<string, unknown>} definition @returns {Filled} */
function filled(definition) {
  return /** @type {Filled} */ ({ ...DEFAULTS, ...definition });
}

/** @param {Filled['audio']} audio */
function soundFields(audio) {
  const { id, bitrate, beep_hz, beep_dbfs } = audio ?? /** @type {NonNullable<Filled['audio']>} */ (DEFAULTS.audio);
  const sound = 'audio';
  return html`
    ${number({ name: 'audio.beep_hz', label: 'Pitch', unit: 'Hz', hint: '100 to 8000; an octave higher at the full minute' }, { value: beep_hz, min: 100, max: 8000, box: sound })}
    ${number({ name: 'audio.beep_dbfs', label: 'Level', unit: 'dBFS', hint: '-60 to 0' }, { value: beep_dbfs, min: -60, max: 0, step: 'any', box: sound })}
    ${number({ name: 'audio.bitrate', label: 'Bitrate', unit: 'kbit/s', hint: '48 to 256' }, { value: bitrate / 1000, min: 48, max: 256, step: 'any', box: sound })}
    ${text({ name: 'audio.id', label: 'Id in URLs', hint: 'a–z, 0–9 and -' }, id)}`;
}

/** @param {Filled} content */
function runFields({ enabled, on_demand, idle_seconds, requires }) {
  return html`
    <div data-field="enabled">${box('enabled', 'Enabled: the stream runs', enabled)}<p class="hint" id="h-enabled"></p></div>
    <div data-field="on_demand">${box('on_demand', 'Run only while watched', on_demand)}<p class="hint" id="h-on_demand"></p></div>
    <div class="columns">
      ${number({ name: 'idle_seconds', label: 'Seconds after the last viewer', unit: 's', hint: '10 to 3600; then the stream stops' }, { value: idle_seconds, min: 10, max: 3600, box: 'on_demand' })}
      ${lines({ name: 'requires', label: 'Required streams', hint: 'A name on each line; they run whenever this stream runs' }, requires)}
    </div>`;
}

/** @param {Filled['schedule']} schedule */
function scheduleFields(schedule) {
  const { time_zone = 'UTC', start = [], stop = [], windows = [] } = schedule ?? {};
  const on = 'schedule';
  return html`
    <fieldset data-field="schedule">
      <legend class="unseen">Schedule</legend>
      ${box('schedule', 'Start and stop by the calendar', schedule !== null)}
      <div class="columns">
        ${text({ name: 'schedule.time_zone', label: 'Time zone', hint: 'Such as Europe/Berlin' }, time_zone)}
        ${lines({ name: 'schedule.start', label: 'Starts', hint: 'A cron expression on each line: 0 8 * * 1-5' }, start, on)}
        ${lines({ name: 'schedule.stop', label: 'Stops', hint: 'A cron expression on each line' }, stop, on)}
        ${lines({ name: 'schedule.windows', label: 'Periods', hint: 'From and until as RFC 3339, a period on each line' }, windows.map(({ from, until }) => `${from} ${until}`), on)}
      </div>
      <p class="hint" id="h-schedule"></p>
    </fieldset>`;
}

/** @param {Filled} content */
function viewerFields({ access, allow, deny, max_viewers, max_bandwidth, overflow_url }) {
  return html`
    <div class="columns">
      ${select({ name: 'access', label: 'Access', hint: 'Private: links need a token' }, [{ id: 'public', label: 'Public' }, { id: 'private', label: 'Private' }], access)}
      ${number({ name: 'max_viewers', label: 'Viewer limit', unit: 'viewers', hint: 'Empty: no limit' }, { value: max_viewers, min: 1, max: 1_000_000, optional: true })}
      ${number({ name: 'max_bandwidth', label: 'Bandwidth limit', unit: 'Mbit/s', hint: 'Empty: no limit; 0.1 at least' }, { value: max_bandwidth === null ? null : max_bandwidth / 1e6, min: 0.1, max: 1_000_000, step: 'any', optional: true })}
      ${text({ name: 'overflow_url', label: 'Overflow URL', hint: 'Base URL for viewers over a limit; empty: they get 503' }, overflow_url ?? '', 'https://other.example')}
      ${lines({ name: 'allow', label: 'Allowed addresses', hint: 'An address or network on each line; empty: everyone' }, allow)}
      ${lines({ name: 'deny', label: 'Denied addresses', hint: 'An address or network on each line' }, deny)}
    </div>`;
}

customElements.define('stream-editor', StreamEditor);
