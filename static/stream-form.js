// @ts-check
// <stream-form>: creates a stream. Fires `stream-created` (detail: the name).

import { createStream } from './api.js';
import { DEFAULTS, fromForm, GRIDS, RENDITIONS } from './definition.js';
import { DefinitionForm, NAME_HINT } from './definition-form.js';
import { audienceFields, checkedNumber, demandField, field, option, patternField, titleField } from './fields.js';
import { html } from './html.js';

/** Its ids need no prefix, because there is one such form. */
const scope = '';

export class StreamForm extends DefinitionForm {
  connectedCallback() {
    this.build(html`
      <form novalidate>
        ${field({ scope, name: 'name', label: 'Name', hint: NAME_HINT }, (attributes) => html`
          <input ${attributes} required pattern="[a-z0-9][a-z0-9\\-]{0,62}" autocomplete="off" autocapitalize="none" spellcheck="false">`)}
        ${titleField(scope, DEFAULTS)}
        <div class="pair">
          ${patternField(scope, DEFAULTS)}
          ${field({ scope, name: 'fps', label: 'Frame rate' }, (attributes) => html`
            <select ${attributes}>${GRIDS.map(({ fps }) => option(fps, `${fps} fps`, fps === '25'))}</select>`)}
        </div>
        <fieldset data-field="video" aria-describedby="h-video">
          <legend>Renditions</legend>
          ${RENDITIONS.map(rendition)}
          <p class="hint" id="h-video"></p>
        </fieldset>
        <fieldset data-field="audio" aria-describedby="h-audio">
          <legend>Audio</legend>
          ${checkedNumber({
            scope, name: 'beep_hz', box: 'audio', label: 'A beep every second', describes: 'Pitch of the beep in Hz', checked: true, unit: 'Hz',
          }, { value: 1000, min: 100, max: 8000 })}
          <p class="hint" id="h-audio"></p>
        </fieldset>
        ${audienceFields(scope, DEFAULTS)}
        ${demandField(scope, DEFAULTS)}
        <p class="form-fault" role="alert"></p>
        <button type="submit" class="primary">Create stream</button>
      </form>`);
  }

  /** @param {FormData} form */
  async send(form) {
    const definition = fromForm(form);
    await createStream(definition);
    this.form.reset();
    this.dispatchEvent(new CustomEvent('stream-created', { bubbles: true, detail: definition.name }));
  }
}

/** @param {(typeof RENDITIONS)[number]} rendition */
function rendition({ id, label, kbps, chosen }) {
  return checkedNumber({
    scope, name: `${id}-kbps`, box: id, label, describes: `Bitrate of ${label} in kbit/s`, checked: chosen, unit: 'kbit/s',
  }, { value: kbps, min: 100, max: 50000 });
}

customElements.define('stream-form', StreamForm);
