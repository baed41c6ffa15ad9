/**
 * Draws a board of charts: a panel for each, which also has its numbers as a table. A chart is drawn only once its panel
 * has a size, one chart per animation frame, and again when that size or the theme changes.
 */

import { button, find, group, make, setText, updateKeyed } from "../../lib/dom.js";
import { formatCell } from "../../lib/format.js";
import { isShown, onResize } from "../../lib/lifetime.js";
import { describeChart, loadPlotly, PLOT_CONFIG, plotLayout } from "../../lib/plot.js";
import { setHeader, setRows } from "../../lib/table.js";
import { chartColors, isDark, onThemeChange } from "../../lib/theme.js";

/**
 * @typedef {object} Chart
 * @property {string} id
 * @property {string} title
 * @property {string} note
 * @property {({ role: string } & Record<string, unknown>)[]} traces - of plotly.js; the role "every" is drawn in grey
 * @property {object} layout
 * @property {string[]} columns
 * @property {(string | number)[][]} rows
 * @property {Record<string, Record<string, unknown>>} [filters] - what Explore shows of each bar, by its label
 */

/** @typedef {import("../../lib/plot.js").Plotly} Plotly */
/** @typedef {{ points: { label?: string, customdata?: string, y?: unknown, pointNumber: number, data: { role?: string } }[] }} PlotClick */
/** @typedef {HTMLElement & { on?: (name: string, handler: (event: PlotClick) => void) => void }} PlotPlace */

const PLOT = ".plot";
const HEIGHT = 260;

/** @param {Chart} chart */
function makePanel({ id }) {
  const table = group("details", "", make("summary", "", "As a table"), make("table"));
  const panel = group("section", "", make("h3"), make("p", "note"), make("div", "plot"), table);
  panel.dataset.chart = id;
  find(panel, PLOT).style.minHeight = `${HEIGHT}px`; // nothing moves when the chart comes
  return panel;
}

export class Board {
  /**
   * @param {HTMLElement} root - an empty element
   * @param {(filter: Record<string, unknown>) => void} [onFilter] - a bar with a filter was clicked
   */
  constructor(root, onFilter) {
    this.root = root;
    this.onFilter = onFilter;
    /** @type {Chart[]} */
    this.charts = [];
    /** The charts that are to be drawn. @type {Set<string>} */
    this.due = new Set();
    /** What each panel was drawn at. @type {Map<string, string>} */
    this.drawnAt = new Map();
    /** @type {WeakSet<HTMLElement>} */
    this.clickable = new WeakSet();
    this.waiting = false;
    onResize(root, () => this.drawOthers());
    onThemeChange(root, () => this.drawOthers());
  }

  /** Headings and tables don't wait for plotly.js, which takes a moment to load. @param {Chart[]} charts */
  update(charts) {
    const before = new Map(this.charts.map((chart) => [chart.id, JSON.stringify(chart)]));
    this.charts = charts;
    updateKeyed(this.root, charts, (chart) => chart.id, makePanel, (panel, chart) => {
      describeChart(panel, find(panel, PLOT), chart);
      this.fillTable(find(panel, "table", HTMLTableElement), chart);
      if (before.get(chart.id) !== JSON.stringify(chart)) this.due.add(chart.id);
    }, async (panel) => {
      this.drawnAt.delete(panel.dataset.chart ?? "");
      (await loadPlotly()).purge(find(panel, PLOT));
    });
    this.schedule();
  }

  /**
   * The numbers; what can be shown in Explore is a button.
   * @param {HTMLTableElement} table
   * @param {Chart} chart
   */
  fillTable(table, { columns, rows, filters }) {
    setHeader(table, columns);
    setRows(table, rows, (cell, value, column) => {
      const filter = column === 0 ? filters?.[String(value)] : undefined;
      if (!filter || !this.onFilter) setText(cell, formatCell(value ?? ""));
      else cell.replaceChildren(button(formatCell(value ?? ""), () => this.onFilter?.(filter), "link"));
    });
  }

  /** Draws what was drawn for another size or in other colours. */
  drawOthers() {
    for (const { id } of this.charts) if (this.drawnAt.get(id) !== this.look(id)) this.due.add(id);
    this.schedule();
  }

  /** @param {string} id */
  panel(id) {
    return find(this.root, `[data-chart="${CSS.escape(id)}"]`);
  }

  /** The size and the colours that a chart has to be drawn for. @param {string} id */
  look(id) {
    return `${find(this.panel(id), PLOT).clientWidth} ${isDark()}`;
  }

  async schedule() {
    if (this.waiting || !this.due.size || !isShown(this.root) || !this.root.clientWidth) return;
    this.waiting = true;
    const plotly = await loadPlotly();
    requestAnimationFrame(() => {
      this.waiting = false;
      this.drawNext(plotly);
      this.schedule();
    });
  }

  /** @param {Plotly} plotly */
  drawNext(plotly) {
    const chart = this.charts.find(({ id }) => this.due.has(id));
    if (!chart) this.due.clear(); // charts that are gone
    else if (this.root.clientWidth) {
      this.due.delete(chart.id);
      this.drawChart(plotly, chart);
    }
  }

  /**
   * @param {Plotly} plotly
   * @param {Chart} chart
   */
  drawChart(plotly, chart) {
    const place = find(this.panel(chart.id), PLOT);
    const colors = chartColors(this.root);
    const traces = chart.traces.map((trace) => {
      const grey = trace.role === "every";
      return { ...trace, marker: { color: grey ? colors.grey : colors.accent, opacity: grey ? 0.45 : 1 } };
    });
    const size = { width: place.clientWidth, height: HEIGHT };
    const layout = plotLayout(colors, { ...size, bargap: 0.04, ...chart.layout });
    this.drawnAt.set(chart.id, this.look(chart.id));
    plotly.react(place, traces, layout, { ...PLOT_CONFIG, responsive: false });
    if (chart.filters && !this.clickable.has(place)) this.listenTo(place, chart.id);
  }

  /**
   * A click on a bar shows its questions in Explore, on a coloured one its pairs.
   * @param {PlotPlace} place
   * @param {string} id
   */
  listenTo(place, id) {
    this.clickable.add(place);
    place.style.cursor = "pointer";
    place.on?.("plotly_click", ({ points: [point] }) => {
      const filter = this.charts.find((chart) => chart.id === id)?.filters?.[point.customdata ?? String(point.y)];
      if (filter) this.onFilter?.(point.data.role === "kept" ? { ...filter, stage: "pair" } : filter);
    });
  }
}
