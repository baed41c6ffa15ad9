/** Measured pass rates: the models side by side, and the predicted difficulty against the measured fail rate. */

import { find, group, make, setText } from "../lib/dom.js";
import { formatNumber, formatPercent } from "../lib/format.js";
import { plotLayout } from "../lib/plot.js";
import { setTable } from "../lib/table.js";
import { chartColors } from "../lib/theme.js";
import { drawPlot, panelOf, removePanel } from "./panels.js";

/**
 * @typedef {import("../lib/plot.js").Plotly} Plotly
 * @typedef {{ n: number, value: number, low: number, high: number }} Interval - a share of n questions' rollouts
 * @typedef {Interval & { name: string, counts: number[] }} Model - counts: of questions, by PARTS
 * @typedef {Interval & { from: number, to: number, predicted: number }} Bin - of the predicted fail rate
 * @typedef {{ bins: Bin[], figures: string, model: string | null }} Reliability
 * @typedef {{ models: Model[], reliability: Reliability | null }} Rates
 */

const MODELS = "Pass rates by model";
const MODELS_NOTE = "The questions on which each model was measured, by the share of its rollouts that are right.";
const PARTS = ["never", "up to 1/4", "up to 1/2", "up to 3/4", "below 1", "always"];
const COLORS = ["#312e81", "#4338ca", "#6366f1", "#818cf8", "#a5b4fc", "#c7d2fe"]; // one hue, dark where a model fails
const RELIABILITY = "Predicted against measured difficulty";
const LONGEST = 18; // characters of a model's name shown next to its bar
const BAR = 30; // pixels

/**
 * @param {import("./app.js").App} app
 * @param {Plotly} plotly
 */
export function drawRates(app, plotly) {
  const [rates, board] = [app.last?.rates, app.part("board")];
  const colors = chartColors(app.element);
  if (rates && rates.models.length > 1) drawModels(board, plotly, colors, rates.models);
  else removePanel(board, "models", plotly);
  if (rates?.reliability) drawReliability(board, plotly, colors, rates.reliability);
  else removePanel(board, "reliability", plotly);
}

/** @param {Interval} interval */
const intervalText = ({ low, high }) => `${formatPercent(low)} to ${formatPercent(high)}`;

/** @param {string} name */
const shortened = (name) => (name.length > LONGEST ? `${name.slice(0, LONGEST - 1)}…` : name);

/** The colours' meanings: a legend of plotly covers the bars of a narrow chart. */
function makeKeys() {
  return group("p", "quiet keys", ...PARTS.map((part, i) => {
    const key = group("span", "", make("i"), part);
    find(key, "i").style.background = COLORS[i];
    return key;
  }));
}

/**
 * @param {HTMLElement} board
 * @param {Plotly} plotly
 * @param {import("../lib/theme.js").ChartColors} colors
 * @param {Model[]} models
 */
function drawModels(board, plotly, colors, models) {
  const panel = panelOf(board, "models", MODELS, MODELS_NOTE);
  if (!panel.querySelector(".keys")) find(panel, ".plot").before(makeKeys());
  const places = models.map((_, i) => i);
  const traces = PARTS.map((part, i) => ({
    type: "bar",
    orientation: "h",
    name: part,
    y: places,
    x: models.map(({ counts, n }) => counts[i] / n),
    customdata: models.map(({ counts, name }) => [name, counts[i]]),
    marker: { color: COLORS[i] },
    hovertemplate: `%{customdata[0]}, ${part}: %{customdata[1]:,} (%{x:.1%})<extra></extra>`,
  }));
  drawPlot(plotly, find(panel, ".drawn"), traces, plotLayout(colors, {
    margin: { l: 8, r: 20, t: 4, b: 8 },
    height: 62 + BAR * models.length,
    barmode: "stack",
    xaxis: { tickformat: ".0%", range: [0, 1], tickvals: [0, 0.25, 0.5, 0.75, 1], title: { text: "share of questions", standoff: 6 } },
    yaxis: { tickvals: places, ticktext: models.map(({ name }) => shortened(name)), autorange: "reversed" },
  }));
  setText(find(panel, ".figures"), `Means: ${models.map(({ name, value }) => `${name} ${formatPercent(value)}`).join(", ")}.`);
  const rows = models.map((model) => [model.name, model.n, formatPercent(model.value), intervalText(model), ...model.counts]);
  setTable(find(panel, "table", HTMLTableElement), ["model", "questions", "mean", "95 % interval", ...PARTS], rows);
}

/**
 * @param {HTMLElement} board
 * @param {Plotly} plotly
 * @param {import("../lib/theme.js").ChartColors} colors
 * @param {Reliability} reliability
 */
function drawReliability(board, plotly, colors, { bins, figures, model }) {
  const panel = panelOf(board, "reliability", RELIABILITY, "");
  const whose = model === null ? "" : ` by ${model}`;
  setText(find(panel, ".note"), `Fail rate as predicted and as measured${whose}, with 95 % intervals. On the dashed line they agree.`);
  const [x, y] = [bins.map(({ predicted }) => predicted), bins.map(({ value }) => value)];
  const line = { type: "scatter", mode: "lines", x: [0, 1], y: [0, 1], hoverinfo: "skip", line: { color: colors.grey, dash: "dash", width: 1 } };
  const points = {
    type: "scatter",
    mode: "lines+markers",
    x,
    y,
    customdata: bins.map(({ n }) => n),
    line: { color: colors.accent, width: 2 },
    marker: { color: colors.accent, size: 7 },
    error_y: { type: "data", symmetric: false, array: bins.map(({ high, value }) => high - value), arrayminus: bins.map(({ low, value }) => value - low), color: colors.accent, thickness: 1.2, width: 3 },
    hovertemplate: "predicted %{x:.2f}, measured %{y:.2f}, %{customdata:,} questions<extra></extra>",
  };
  drawPlot(plotly, find(panel, ".drawn"), [line, points], plotLayout(colors, {
    margin: { l: 44, r: 8, t: 6, b: 8 },
    height: 190,
    xaxis: { range: [-0.02, 1.02], title: { text: "predicted fail rate", standoff: 6 } },
    yaxis: { automargin: false, range: [-0.02, 1.02], title: { text: "measured", standoff: 2 }, nticks: 5 },
  }));
  setText(find(panel, ".figures"), figures);
  const rows = bins.map((bin) => [`${bin.from} to ${bin.to}`, formatNumber(bin.n), bin.predicted.toFixed(3), bin.value.toFixed(3), intervalText(bin)]);
  setTable(find(panel, "table", HTMLTableElement), ["predicted", "questions", "mean predicted", "measured", "95 % interval"], rows);
}
