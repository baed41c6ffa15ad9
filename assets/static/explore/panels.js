/** Panels of charts that don't filter: a title, a note, a plot, a sentence of figures, and the numbers as a table. */

import { find, findAll, group, make } from "../lib/dom.js";

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
