/** Charts by plotly.js, which the app serves itself. */

import { setText } from "./dom.js";

/**
 * What we use of plotly.js.
 * @typedef {object} Plotly
 * @property {(place: HTMLElement, traces: object[], layout: object, config: object) => Promise<unknown>} react
 * @property {(place: HTMLElement, frame: object, options: object) => Promise<unknown>} animate
 * @property {(place: HTMLElement) => void} purge
 */

/** @type {Promise<Plotly> | null} */
let loading = null;

/** plotly.js, loaded once for the page. @returns {Promise<Plotly>} */
export function loadPlotly() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL("../../../vendor/plotly.min.js", import.meta.url).href;
    script.onload = () => resolve(/** @type {any} */ (window).Plotly);
    script.onerror = () => reject(new Error("plotly.js could not be loaded; reload the page."));
    document.head.append(script);
  });
  return loading;
}

/** Nothing is sent anywhere, and no tool bar covers the chart. */
export const PLOT_CONFIG = {
  responsive: true,
  displaylogo: false,
  displayModeBar: false,
  doubleClick: false,
  showSendToCloud: false,
  plotlyServerURL: "",
};

/**
 * A layout with the theme's colours. Axes are merged with the given ones.
 * @param {import("./theme.js").ChartColors} colors
 * @param {{ xaxis?: object, yaxis?: object } & Record<string, unknown>} layout
 */
export function plotLayout(colors, layout) {
  const axis = { gridcolor: colors.line, zerolinecolor: colors.line, automargin: true, fixedrange: true };
  return {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 8, r: 8, t: 8, b: 8 },
    barmode: "overlay",
    showlegend: false,
    font: { color: colors.ink, size: 12, family: colors.font },
    ...layout,
    xaxis: { ...axis, ...layout.xaxis },
    yaxis: { ...axis, ...layout.yaxis },
  };
}

/**
 * The heading of a chart, and what a screen reader says of it.
 * @param {HTMLElement} panel
 * @param {HTMLElement} plot
 * @param {{ title: string, note: string }} chart
 * @param {string} [more] - added to the note that is shown
 */
export function describeChart(panel, plot, { title, note }, more = "") {
  const [heading, text] = [panel.querySelector("h3"), panel.querySelector(".note")];
  if (heading) setText(heading, title);
  if (text) setText(text, `${note}${more}`);
  plot.setAttribute("role", "img");
  plot.setAttribute("aria-label", `${title}. ${note} The table below lists the numbers.`);
}
