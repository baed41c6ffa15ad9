/** The histograms of numbers. Drag on one to select a range, click a bar to select it, or write the ends. */

import { find, findAll, group, make, setOptions } from "../lib/dom.js";
import { formatNumber } from "../lib/format.js";
import { describeChart, plotLayout } from "../lib/plot.js";
import { setTable } from "../lib/table.js";
import { chartColors, themeColor } from "../lib/theme.js";
import { binName, gapOf, isInRange, rangeOfBins } from "./bins.js";
import { withModel } from "./filter.js";
import { drawPlot, wholeStep } from "./panels.js";
import { drawRangeFields, makeRangeFields } from "./range_fields.js";

/**
 * @typedef {import("./app.js").App} App
 * @typedef {import("./app.js").Chart} Chart
 * @typedef {import("../lib/plot.js").Plotly} Plotly
 */

const PANELS = "section[data-histogram]";
const PLOT_AREA = ".nsewdrag"; // plotly's, within the axes
/** What was drawn in each plot but for the heights of the kept bars. @type {WeakMap<HTMLElement, string>} */
const drawnRest = new WeakMap();

/**
 * @param {App} app
 * @param {Chart} chart
 */
function makePanel(app, chart) {
  const plot = group("div", "plot", make("div", "drawn"), make("div", "brush"));
  const ends = makeRangeFields(() => app.range(chart.id) ?? null, (range) => app.setRange(chart.id, range));
  const details = group("details", "", make("summary", "", "As a table"), make("table"));
  const panel = group("section", "", make("h3"), make("p", "note"), ...(chart.id === "pass_rate" ? [modelSelect(app)] : []), plot, ends, details);
  details.addEventListener("toggle", () => fillTable(app, panel));
  panel.dataset.histogram = chart.id;
  listenToBrush(app, panel, plot, chart.id);
  return panel;
}

/** Whose pass rates are shown. @param {App} app */
function modelSelect(app) {
  const select = make("select");
  select.addEventListener("change", () => app.setCondition("pass_rate", withModel(app.conditions, select.value || null)));
  return group("label", "model", "Model ", select);
}

/**
 * @param {HTMLElement} panel
 * @param {Chart} chart
 */
function drawModels(panel, { models = [], model = null }) {
  const select = find(panel, ".model select", HTMLSelectElement);
  const key = JSON.stringify(models);
  if (document.activeElement === select) return; // a list that is open must not change
  if (select.dataset.models !== key) setOptions(select, [["", "measured first"], ...models]);
  select.dataset.models = key;
  select.value = model ?? "";
}

/**
 * @param {App} app
 * @param {HTMLElement} panel
 * @param {HTMLElement} plot
 * @param {string} id
 */
function listenToBrush(app, panel, plot, id) {
  /** @type {number | null} */
  let start = null;
  let moved = false;
  const current = () => JSON.stringify(app.range(id) ?? null);

  /**
   * @param {PointerEvent} event
   * @param {Chart} chart
   */
  function binAt(event, chart) {
    const area = plot.querySelector(PLOT_AREA);
    if (!area) return null;
    const box = area.getBoundingClientRect();
    const count = chart.edges.length - 1;
    return Math.min(Math.max(Math.floor(((event.clientX - box.left) / box.width) * count), 0), count - 1);
  }

  /**
   * @param {PointerEvent} event
   * @param {import("./app.js").How} how
   */
  function select(event, how) {
    const chart = app.chart(id);
    const end = chart ? binAt(event, chart) : null;
    if (!chart || start === null || end === null) return;
    const range = rangeOfBins(chart, Math.min(start, end), Math.max(start, end));
    if (JSON.stringify(range) === current() && how.tick) return;
    app.setRange(id, range, how);
    drawRange(app, panel, chart);
  }

  plot.addEventListener("pointerdown", (event) => {
    const [area, chart] = [plot.querySelector(PLOT_AREA), app.chart(id)];
    if (event.button || !area || !chart || event.clientX < area.getBoundingClientRect().left - 4) return;
    start = binAt(event, chart);
    moved = false;
    app.brushing = id;
    plot.setPointerCapture(event.pointerId);
  }, true);
  plot.addEventListener("pointermove", (event) => {
    const chart = app.chart(id);
    if (start === null || !chart || (!moved && binAt(event, chart) === start)) return;
    moved = true;
    select(event, { tick: true });
  }, true);
  /** @param {PointerEvent} event */
  const onEnd = (event) => {
    const chart = app.chart(id);
    if (start === null || !chart) return;
    app.brushing = null;
    const again = current() === JSON.stringify(rangeOfBins(chart, start, start)); // a second click on the one chosen bar
    if (event.type === "pointercancel") app.look();
    else if (!moved && again) app.setRange(id, null);
    else select(event, {});
    start = null;
  };
  plot.addEventListener("pointerup", onEnd, true);
  plot.addEventListener("pointercancel", onEnd, true);
}

/**
 * The selected range over the plot, and in the two fields.
 * @param {App} app
 * @param {HTMLElement} panel
 * @param {Chart} chart
 */
function drawRange(app, panel, chart) {
  /** @type {import("./filter.js").Range | null} */
  const range = app.range(chart.id) ?? null;
  const [first, end] = [chart.edges[0], chart.edges[chart.edges.length - 1]];
  const gap = gapOf(chart);
  drawRangeFields(find(panel, ".ends"), { title: chart.title, range, step: chart.edges[1] - chart.edges[0], limits: [first, end - gap] });
  const shade = find(panel, ".brush");
  const area = panel.querySelector(PLOT_AREA);
  shade.hidden = !range || !area;
  if (!range || !area) return;
  const [box, around] = [area.getBoundingClientRect(), find(panel, ".plot").getBoundingClientRect()];
  /** @param {number} value */
  const share = (value) => Math.min(Math.max((value - first) / (end - first), 0), 1);
  const from = range[0] === null ? 0 : share(range[0]);
  const to = range[1] === null ? 1 : share(range[1] + gap);
  shade.style.left = `${box.left - around.left + from * box.width}px`;
  shade.style.width = `${Math.max((to - from) * box.width, 2)}px`;
  shade.style.top = `${box.top - around.top}px`;
  shade.style.height = `${box.height}px`;
}

/** After the size of the plots has changed. @param {App} app */
export function drawRanges(app) {
  findAll(app.part("board"), PANELS).forEach((panel) => {
    const chart = app.chart(panel.dataset.histogram ?? "");
    if (chart) drawRange(app, panel, chart);
  });
}

/**
 * @param {App} app
 * @param {Plotly} plotly
 */
export function drawCharts(app, plotly) {
  const { board } = app;
  if (!board) return;
  const panels = new Map(findAll(app.part("board"), PANELS).map((panel) => [panel.dataset.histogram, panel]));
  board.charts.forEach((chart) => {
    const panel = panels.get(chart.id) ?? makePanel(app, chart);
    if (!panels.delete(chart.id)) app.part("board").append(panel);
    if (chart.id === "pass_rate") drawModels(panel, chart);
    if (chart.id !== app.brushing) drawChart(app, plotly, panel, chart);
    drawRange(app, panel, chart);
  });
  panels.forEach((panel) => {
    plotly.purge(find(panel, ".drawn"));
    panel.remove();
  });
}

/**
 * @param {App} app
 * @param {Plotly} plotly
 * @param {HTMLElement} panel
 * @param {Chart} chart
 */
function drawChart(app, plotly, panel, chart) {
  if (!app.last) return;
  const { counts, none } = app.last.numbers[chart.id];
  const plot = find(panel, ".drawn");
  describeChart(panel, plot, chart, none ? ` ${formatNumber(none)} without a value.` : "");
  const colors = { ...chartColors(app.element), faint: themeColor(app.element, "--neutral-400", "#94a3b8") };
  const shift = shiftOf(chart);
  const middles = counts.map((_, bin) => (chart.edges[bin] + chart.edges[bin + 1]) / 2 + shift);
  /**
   * @param {number[]} y
   * @param {object} marker
   * @param {string} what
   */
  const bars = (y, marker, what) => ({
    type: "bar",
    x: middles,
    y,
    width: (chart.edges[1] - chart.edges[0]) * 0.96,
    marker,
    customdata: middles.map((_, bin) => binName(chart, bin)),
    hovertemplate: `%{customdata}: %{y:,} ${what}<extra></extra>`,
  });
  const opacity = middles.map((_, bin) => (isInRange(chart, bin, app.range(chart.id)) ? 1 : 0.35));
  const scaled = app.part("scale", HTMLInputElement).checked;
  // Bars that are cut off would say that all of them are alike: where the scale is that of the kept ones, these are alone.
  const all = { ...bars(chart.totals, { color: colors.faint }, "in all"), visible: !scaled };
  const kept = bars(counts, { color: colors.accent, opacity }, "kept");
  const most = Math.max(...(scaled ? counts : chart.totals), 1);
  // Where only the heights of the kept bars are new, the axes stay: drawing them is most of the work.
  const rest = JSON.stringify([all, kept.marker, colors, most, chart.axis, plot.clientWidth]);
  if (drawnRest.get(plot) === rest) {
    const heights = { data: [{}, { y: kept.y }], traces: [0, 1] }; // plotly removes the bars of a trace that isn't named
    plotly.animate(plot, heights, { mode: "immediate", transition: { duration: 0 }, frame: { duration: 0, redraw: false } });
  } else {
    drawnRest.set(plot, rest);
    drawPlot(plotly, plot, [all, kept], layoutOf(chart, colors, most));
  }
  fillTable(app, panel);
}

/** Bars of single values stand over their value. @param {Chart} chart */
const shiftOf = ({ edges, single }) => (single ? (edges[0] - edges[1]) / 2 : 0);

/**
 * @param {Chart} chart
 * @param {import("../lib/theme.js").ChartColors} colors
 * @param {number} most
 */
function layoutOf(chart, colors, most) {
  const { edges, axis, whole } = chart;
  const span = edges[edges.length - 1] - edges[0];
  return plotLayout(colors, {
    margin: { l: 52, r: 8, t: 6, b: 8 },
    height: 190,
    dragmode: false,
    hovermode: "x",
    xaxis: { range: [edges[0], edges[edges.length - 1]].map((edge) => edge + shiftOf(chart)), title: { text: axis, standoff: 6 }, ...(whole && span < 6 ? { dtick: 1 } : { nticks: 6 }), ...(whole ? { tickformat: ",d" } : {}) },
    yaxis: { automargin: false, range: [0, most * 1.05], title: { text: "questions", standoff: 2 }, dtick: wholeStep(most), tickformat: ",d" },
  });
}

/**
 * @param {App} app
 * @param {HTMLElement} panel
 */
function fillTable(app, panel) {
  const chart = app.chart(panel.dataset.histogram ?? "");
  if (!find(panel, "details", HTMLDetailsElement).open || !chart || !app.last) return;
  const { counts } = app.last.numbers[chart.id];
  const rows = chart.totals.map((total, bin) => [binName(chart, bin), total, counts[bin]]).filter(([, total]) => total);
  setTable(find(panel, "table", HTMLTableElement), [chart.axis, "in all", "kept"], rows);
}
