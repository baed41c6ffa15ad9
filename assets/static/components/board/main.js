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
  async function draw() {
    const plotly = await loadPlotly();
    if (!element.isConnected) return;
    /** @type {Chart[]} */
    const charts = JSON.parse(props.value || "[]");
    const colors = chartColors(element);
    updateKeyed(find(element, ".board"), charts, (chart) => chart.id, makePanel, (panel, chart) => {
      const plot = find(panel, PLOT);
      describeChart(panel, plot, chart);
      const traces = chart.traces.map((trace) => {
        const grey = trace.role === "every";
        return { ...trace, marker: { color: grey ? colors.grey : colors.accent, opacity: grey ? 0.45 : 1 } };
      });
      plotly.react(plot, traces, plotLayout(colors, { height: 260, bargap: 0.04, ...chart.layout }), PLOT_CONFIG);
      setTable(find(panel, "table", HTMLTableElement), chart.columns, chart.rows);
    }, (panel) => plotly.purge(find(panel, PLOT)));
  }

  watch("value", draw);
  return draw();
}
