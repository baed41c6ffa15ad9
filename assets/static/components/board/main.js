/** A board of charts: a panel for each, which also has its numbers as a table. */

import { find, group, make, updateKeyed } from "../../lib/dom.js";
import { describeChart, loadPlotly, PLOT_CONFIG, plotLayout } from "../../lib/plot.js";
import { setTable } from "../../lib/table.js";
import { chartColors } from "../../lib/theme.js";

/**
 * @typedef {object} Chart
 * @property {string} id
 * @property {string} title
 * @property {string} note
 * @property {({ role: string } & Record<string, unknown>)[]} traces - of plotly.js; the role "every" is drawn in grey
 * @property {object} layout
 * @property {string[]} columns
 * @property {(string | number)[][]} rows
 */

const PLOT = ".plot";

/** @param {Chart} chart */
function makePanel({ id }) {
  const table = group("details", "", make("summary", "", "As a table"), make("table"));
  const panel = group("section", "", make("h3"), make("p", "note"), make("div", "plot"), table);
  panel.dataset.chart = id;
  return panel;
}

/** @param {import("../../lib/host.js").Host<{ value: string }>} host */
export function mount({ element, props, watch }) {
  /** Headings and tables don't wait for plotly.js, which takes a moment to load. */
  async function draw() {
    const board = find(element, ".board");
    /** @type {Chart[]} */
    const charts = JSON.parse(props.value || "[]");
    updateKeyed(board, charts, (chart) => chart.id, makePanel, (panel, chart) => {
      describeChart(panel, find(panel, PLOT), chart);
      setTable(find(panel, "table", HTMLTableElement), chart.columns, chart.rows);
    }, async (panel) => (await loadPlotly()).purge(find(panel, PLOT)));
    const plotly = await loadPlotly();
    const colors = chartColors(element);
    charts.forEach((chart, i) => {
      const panel = board.children[i];
      if (!(panel instanceof HTMLElement) || panel.dataset.chart !== chart.id) return; // others are drawn by now
      const traces = chart.traces.map((trace) => {
        const grey = trace.role === "every";
        return { ...trace, marker: { color: grey ? colors.grey : colors.accent, opacity: grey ? 0.45 : 1 } };
      });
      plotly.react(find(panel, PLOT), traces, plotLayout(colors, { height: 260, bargap: 0.04, ...chart.layout }), PLOT_CONFIG);
    });
  }

  watch("value", draw);
  draw();
}
