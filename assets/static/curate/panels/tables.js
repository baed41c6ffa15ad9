/** The tables and the chart of a panel. */

import { button, make, setText } from "../../lib/dom.js";
import { formatCell } from "../../lib/format.js";
import { showInExplore } from "../../lib/messages.js";
import { loadPlotly, PLOT_CONFIG, plotLayout } from "../../lib/plot.js";
import { makeScrollableTable, setHeader, setRows } from "../../lib/table.js";
import { chartColors } from "../../lib/theme.js";

/**
 * @typedef {object} Row
 * @property {(string | number)[]} cells
 * @property {string} [open] - the question that its cell opens in Explore
 * @property {string} [undo] - the decision that can be undone
 * @property {boolean} [gone] - the decision is undone; given where there is nothing to undo
 * @typedef {{ title: string, head: string[], rows: Row[] }} Table
 * @typedef {{ title: string, x: number[], y: number[], low: number[], high: number[], n: number[] }} Chart
 */

/** @param {number[]} shares */
const percents = (shares) => shares.map((share) => 100 * share);

const LONG = 24; // characters from which a cell has several lines

/**
 * @param {Table} table
 * @param {(eventId: string) => void} undo
 */
export function makeTable({ title, head, rows }, undo) {
  const { box, table } = makeScrollableTable(title);
  if (title) box.prepend(make("h3", "", title));
  const isNumeric = (/** @type {number} */ i) => rows.every(({ cells }) => typeof cells[i] === "number");
  setHeader(table, head.map((name, i) => ({ name, right: isNumeric(i) })));
  fillRows(table, rows, undo);
  return box;
}

/**
 * @param {HTMLTableElement} table
 * @param {Row[]} rows
 * @param {(eventId: string) => void} undo
 */
function fillRows(table, rows, undo) {
  setRows(table, rows.map(({ cells }) => cells), (cell, value) => {
    setText(cell, formatCell(value ?? ""));
    cell.className = typeof value === "number" ? "number" : String(value).length > LONG ? "long" : "short";
  });
  rows.forEach((row, i) => {
    const made = table.tBodies[0].rows[i];
    made.classList.toggle("is-gone", Boolean(row.gone));
    const { open, undo: eventId } = row;
    if (open !== undefined) made.cells[row.cells.indexOf(open)]?.replaceChildren(button(open, () => showInExplore({ row: open })));
    if (eventId !== undefined) made.insertCell().append(makeUndo(() => undo(eventId)));
    else if (row.gone !== undefined) made.insertCell();
  });
}

/** A button that works once. @param {() => void} undo */
function makeUndo(undo) {
  const made = button("Undo", () => {
    made.disabled = true;
    undo();
  });
  return made;
}

/**
 * The share of accepted pairs in each decile of the reward, with intervals.
 * @param {HTMLElement} place
 * @param {Chart} chart
 */
export async function drawChart(place, { title, x, y, low, high, n }) {
  place.setAttribute("role", "img");
  place.setAttribute("aria-label", `${title}. The table below lists the numbers.`);
  const plotly = await loadPlotly();
  if (!place.isConnected) return;
  const colors = chartColors(place);
  const interval = { array: percents(high.map((end, i) => end - y[i])), arrayminus: percents(low.map((end, i) => y[i] - end)) };
  const trace = {
    type: "scatter", mode: "markers", x, y: percents(y), customdata: n, marker: { color: colors.accent, size: 8 },
    error_y: { type: "data", symmetric: false, color: colors.accent, thickness: 1.5, ...interval },
    hovertemplate: "decile %{x}: %{y:.0f}\u00a0% of %{customdata:,}<extra></extra>",
  };
  plotly.react(place, [trace], plotLayout(colors, {
    height: 240,
    xaxis: { range: [0.5, 10.5], dtick: 1, title: { text: "decile of the reward" } },
    yaxis: { range: [0, 102], tickformat: ".0f", ticksuffix: "\u00a0%" },
  }), PLOT_CONFIG);
}
