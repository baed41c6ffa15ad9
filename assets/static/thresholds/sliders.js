/** The sliders over their histograms, and the rows at their ends. */

import { button, find, findAll, fit, group, make, setMessage, setText, updateKeyed } from "../lib/dom.js";
import { formatDigits } from "../lib/format.js";
import { openRow } from "../lib/messages.js";
import { EDGES, endsOf, isBand, isBinKept, parseEnd, trackOf } from "./state.js";

/**
 * @typedef {import("./state.js").Chart} Chart
 * @typedef {import("./state.js").SliderId} SliderId
 * @typedef {import("./state.js").Thresholds} Thresholds
 * @typedef {{ id: string, value: string, text: string }} Row
 * @typedef {{ kept: Row[], dropped: Row[], decided: string }} Border - the rows on both sides of a threshold
 * @typedef {object} Base
 * @property {Chart[]} charts
 * @property {string} duplicates
 * @typedef {{ drops: Record<string, string>, borders?: Record<string, Border> }} Reply
 */

export class Sliders {
  /**
   * @param {HTMLElement} root
   * @param {object} options
   * @param {string} options.duplicatesNote
   * @param {() => Thresholds} options.thresholds
   * @param {(id: Chart["id"], end: number, value: number | null) => void} options.onEnd
   * @param {(stay: boolean) => void} options.onDuplicates
   * @param {() => void} options.onSide - when the rows at the other end of a band are asked for
   */
  constructor(root, options) {
    this.root = root;
    this.options = options;
    /** The ends of the bands whose rows are shown. @type {Record<string, number>} */
    this.shownEnds = {};
    /** @type {Base} */
    this.base = { charts: [], duplicates: "" };
  }

  /** @param {string} id */
  chart(id) {
    return this.base.charts.find((chart) => chart.id === id);
  }

  /**
   * @param {Base} base
   * @param {Reply} reply
   */
  draw(base, reply) {
    this.base = base;
    /** @type {SliderId[]} */
    const ids = [...base.charts.map((chart) => chart.id), "duplicates"];
    updateKeyed(this.root, ids, (id) => id, (id) => this.make(id), (made, id) => {
      const chart = this.chart(id);
      setText(find(made, ".note"), chart ? chart.note : `${this.options.duplicatesNote} ${base.duplicates}`);
      this.drawEnds(id);
      setText(find(made, ".drops"), EDGES[id].map((edge) => reply.drops[edge]).join(" "));
      findAll(made, ".which button").forEach((one, end) => one.setAttribute("aria-pressed", String(end === (this.shownEnds[id] ?? 0))));
      find(made, ".borders").classList.toggle("old", !reply.borders);
      if (reply.borders) this.drawBorders(made, id, reply.borders);
    });
  }

  /** @param {SliderId} id */
  make(id) {
    const chart = this.chart(id);
    const made = group("section", "", make("h3", "", chart ? chart.title : "Duplicates"), make("p", "quiet note"));
    made.dataset.slider = id;
    made.append(...(chart ? this.makeTrack(chart) : [this.makeDuplicates()]), make("p", "quiet drops"));
    if (EDGES[id].length > 1) {
      made.append(group("div", "line which", ...["lower", "upper"].map((name, end) => button(`Rows at the ${name} end`, () => {
        this.shownEnds[id] = end;
        this.options.onSide();
      }))));
    }
    const sides = ["kept", "dropped"].map((name) => group("div", name, make("h4"), make("p", "quiet"), make("ol")));
    made.append(make("p", "decided"), group("div", "borders", ...sides));
    return made;
  }

  makeDuplicates() {
    const box = make("input");
    box.type = "checkbox";
    box.addEventListener("change", () => this.options.onDuplicates(box.checked));
    return group("label", "", box, " Keep near-duplicates");
  }

  /** @param {Chart} chart */
  makeTrack({ id, title }) {
    const [area, line] = [group("div", "track", make("div", "bins")), make("div", "line ends")];
    (isBand(id) ? ["from", "to"] : ["at least"]).forEach((name, end) => {
      const [range, typed] = [make("input"), make("input")];
      /** @param {HTMLInputElement} input */
      const read = (input) => {
        const chart = this.chart(id);
        if (chart) this.options.onEnd(id, end, parseEnd(chart, end, input.value, input === typed));
      };
      range.type = "range";
      range.setAttribute("aria-label", `${title} ${name}`);
      range.addEventListener("input", () => read(range));
      Object.assign(typed, { type: "number", step: "any", placeholder: "open" });
      typed.setAttribute("aria-label", `${title} ${name}, as a number`);
      typed.addEventListener("change", () => read(typed));
      area.append(range);
      line.append(group("label", "", name, typed));
    });
    return [area, line];
  }

  /**
   * Draws thumbs, numbers and the shade of the bars without waiting for the server.
   * @param {SliderId} id
   * @param {boolean} [overwrite] - a number that is being typed too
   */
  drawEnds(id, overwrite = false) {
    const made = find(this.root, `[data-slider="${id}"]`);
    const chart = this.chart(id);
    if (!chart) {
      find(made, "input", HTMLInputElement).checked = this.options.thresholds().duplicates;
      return;
    }
    const { low, high, step } = trackOf(chart);
    const values = endsOf(this.options.thresholds(), chart.id);
    findAll(made, "input[type=range]", HTMLInputElement).forEach((range, end) => {
      const value = values[end];
      Object.assign(range, { min: low, max: high, step });
      range.value = String(value ?? (end ? high : low));
      range.setAttribute("aria-valuetext", value === null ? "open" : formatDigits(value));
    });
    findAll(made, "input[type=number]", HTMLInputElement).forEach((typed, end) => {
      const value = values[end];
      if (overwrite || document.activeElement !== typed) typed.value = value === null ? "" : formatDigits(value);
    });
    const bins = find(made, ".bins");
    fit(bins, chart.counts.length, "span");
    const most = Math.max(...chart.counts, 1);
    findAll(bins, "span").forEach((bar, bin) => {
      bar.style.height = `${(chart.counts[bin] / most) * 100}%`;
      bar.classList.toggle("in", isBinKept(chart, bin, values));
    });
  }

  /**
   * @param {HTMLElement} made
   * @param {SliderId} id
   * @param {Record<string, Border>} borders
   */
  drawBorders(made, id, borders) {
    const end = this.shownEnds[id] ?? 0;
    const border = borders[EDGES[id][end]];
    const thresholds = this.options.thresholds();
    const open = id === "duplicates" ? thresholds.duplicates : endsOf(thresholds, id)[end] === null;
    setMessage(find(made, ".decided"), border.decided);
    const heads = open ? { kept: "Would be dropped first", dropped: "" } : { kept: "Just kept", dropped: "Just dropped" };
    /** @type {("kept" | "dropped")[]} */ (["kept", "dropped"]).forEach((side) => {
      const box = find(made, `.borders .${side}`);
      box.hidden = !heads[side] || (id === "duplicates" && side === "kept" && !open);
      setText(find(box, "h4"), heads[side]);
      setText(find(box, "p"), border[side].length ? "" : "None.");
      updateKeyed(find(box, "ol"), border[side], (row) => [row.id, row.value, row.text], makeRow, () => {});
    });
  }
}

/** @param {Row} row */
function makeRow(row) {
  const text = make("span", "text", row.text);
  text.dir = "auto";
  const open = button("", () => openRow(row.id));
  open.title = "Show all about this question";
  open.append(make("span", "value", row.value), text);
  return group("li", "", open);
}
