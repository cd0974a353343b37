// @ts-check
// A table of figures with their targets. Each figure is also appended as a line of JSON to the file that the environment
// variable BARSTONE_BENCH_FIGURES names.

import { appendFileSync } from 'node:fs';

/** Widths in columns of the name and of the value. */
const NAME = 58;
const VALUE = 18;

/** @typedef {{ question: string, name: string, value: string, target: string | null, met: boolean | null }} Figure */

export class Table {
  #question;

  /** @param {string} question */
  constructor(question) {
    this.#question = question;
    console.log(`\n${question}`);
  }

  /**
   * Prints a figure.
   *
   * @param {string} name
   * @param {string} value
   * @param {[target: string, met: boolean]} [judged] the target, and whether the figure meets it
   * @param {string} [remark] is printed only
   */
  figure(name, value, judged, remark = '') {
    const [target, met] = judged ?? [null, null];
    const verdict = target === null ? '' : `  target ${target}: ${met ? 'met' : 'missed'}`;
    console.log(`  ${name.padEnd(NAME)}${value.padStart(VALUE)}${verdict}${remark}`);
    const file = process.env.BARSTONE_BENCH_FIGURES;
    /** @type {Figure} */
    const figure = { question: this.#question, name, value, target, met };
    if (file !== undefined) appendFileSync(file, `${JSON.stringify(figure)}\n`);
  }
}
