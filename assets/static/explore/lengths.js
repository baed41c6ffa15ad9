/** How long right, wrong and cut-off solutions are: a line for each, as shares, so that few and many compare. */

import { find, setText } from "../lib/dom.js";
import { formatNumber, formatPercent } from "../lib/format.js";
import { plotLayout } from "../lib/plot.js";
import { setTable } from "../lib/table.js";
import { chartColors } from "../lib/theme.js";
import { drawPlot, panelOf, removePanel } from "./panels.js";

/**
 * @typedef {{ name: string, count: number, median: number, counts: number[] }} Outcome
 * @typedef {{ edges: number[], outcomes: Outcome[] }} Lengths - edges in characters
 */

const TITLE = "Length of right and wrong solutions";
const NOTE = "Characters of the chosen solution with its reasoning, as shares of each outcome.";
const DASHES = ["solid", "dash", "dot", "dashdot"]; // lines differ without their colours too
const COLORS = ["#2563eb", "#c2410c", "#6b7280", "#9333ea"]; // green and red are for passed and dropped
const ORDER = ["right", "wrong", "undecided", "cut off"];

/**
 * @param {import("./app.js").App} app
 * @param {import("../lib/plot.js").Plotly} plotly
 */
export function drawLengths(app, plotly) {
  const lengths = app.last?.lengths;
  const board = app.part("board");
  if (!lengths) {
    removePanel(board, "lengths", plotly);
    return;
  }
  const panel = panelOf(board, "lengths", TITLE, NOTE);
  const plot = find(panel, ".drawn");
  const { edges, outcomes } = lengths;
  const middles = edges.slice(1).map((edge, bin) => Math.sqrt(edge * edges[bin]));
  const colors = chartColors(app.element);
  const traces = outcomes.map(({ name, count, counts }) => ({
    type: "scatter",
    mode: "lines",
    name,
    x: middles,
    y: counts.map((one) => one / count),
    line: { color: COLORS[ORDER.indexOf(name)], dash: DASHES[ORDER.indexOf(name)], width: 2 },
    hovertemplate: `${name}: %{y:.1%}<extra></extra>`,
  }));
  drawPlot(plotly, plot, traces, plotLayout(colors, {
    margin: { l: 44, r: 8, t: 28, b: 8 },
    height: 190,
    hovermode: "x",
    showlegend: true,
    legend: { font: { size: 11 }, orientation: "h", x: 0, y: 1, yanchor: "bottom", bgcolor: "rgba(0,0,0,0)" },
    xaxis: { type: "log", title: { text: "characters", standoff: 6 }, dtick: 1 },
    yaxis: { automargin: false, tickformat: ".0%", rangemode: "tozero", nticks: 5, title: { text: "share", standoff: 2 } },
  }));
  const all = outcomes.reduce((sum, { count }) => sum + count, 0);
  const medians = outcomes.map(({ name, median }) => `${name} ${formatNumber(Math.round(median))}`);
  setText(find(panel, ".figures"), `Medians: ${medians.join(", ")}.`);
  const rows = outcomes.map(({ name, count, median }) => [name, count, formatPercent(count / all), formatNumber(Math.round(median))]);
  setTable(find(panel, "table", HTMLTableElement), ["outcome", "solutions", "share", "median characters"], rows);
}
