/** Panels of charts that don't filter: a title, a note, a plot, a sentence of figures, and the numbers as a table. */

import { find, findAll, group, make } from "../lib/dom.js";
import { PLOT_CONFIG } from "../lib/plot.js";

/** @typedef {import("../lib/plot.js").Plotly} Plotly */

/**
 * The panel with this key in the board, made where there is none yet. It has the parts `.drawn`, `.figures` and `table`.
 * @param {HTMLElement} board
 * @param {string} key - one word
 * @param {string} title
 * @param {string} note
 */
export function panelOf(board, key, title, note) {
  const there = findAll(board, `section[data-${key}]`)[0];
  if (there) return there;
  const drawn = make("div", "drawn");
  drawn.setAttribute("role", "img");
  drawn.setAttribute("aria-label", `${title}. ${note} The table below lists the numbers.`);
  const details = group("details", "", make("summary", "", "As a table"), make("table"));
  const panel = group("section", "", make("h3", "", title), make("p", "note", note), group("div", "plot lines", drawn), make("p", "quiet figures"), details);
  panel.dataset[key] = "";
  board.append(panel);
  return panel;
}

/**
 * @param {HTMLElement} board
 * @param {string} key
 * @param {Plotly} plotly
 */
export function removePanel(board, key, plotly) {
  findAll(board, `section[data-${key}]`).forEach((panel) => {
    plotly.purge(find(panel, ".drawn"));
    panel.remove();
  });
}

/**
 * Draws a plot as wide as its place. Only what is shown has a width: main.js draws nothing in a hidden board, and draws
 * again when its width changes.
 * @param {Plotly} plotly
 * @param {HTMLElement} place
 * @param {object[]} traces
 * @param {object} layout
 */
export function drawPlot(plotly, place, traces, layout) {
  plotly.react(place, traces, { ...layout, width: place.clientWidth }, { ...PLOT_CONFIG, responsive: false });
}

/**
 * The distance of about four ticks on an axis that counts up to `most`: 1, 2 or 5 times a power of ten, never below 1.
 * @param {number} most
 */
export function wholeStep(most) {
  const rough = Math.max(most / 4, 1);
  const unit = 10 ** Math.floor(Math.log10(rough));
  return ([1, 2, 5].find((step) => step * unit >= rough * 0.999) ?? 10) * unit;
}
