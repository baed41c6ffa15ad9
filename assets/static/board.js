// Draws the board's charts with our own plotly.js: one panel a chart, each also as a table. Everything that comes from
// data is set as text, never as markup. Runs once, when the component is loaded; draws again whenever its value changes.
const root = () => element.querySelector(".board");

function colour(name, fallback) {
  return getComputedStyle(element).getPropertyValue(name).trim() || fallback;
}

function dress(layout) {
  const ink = colour("--body-text-color", "#222");
  const line = colour("--border-color-primary", "#ccc");
  const axis = { gridcolor: line, zerolinecolor: line, automargin: true, fixedrange: true };
  return {
    ...layout,
    font: { color: ink, size: 12 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 8, r: 8, t: 8, b: 8 },
    height: 260,
    barmode: "overlay",
    bargap: 0.04,
    showlegend: false,
    xaxis: { ...axis, ...layout.xaxis },
    yaxis: { ...axis, ...layout.yaxis },
  };
}

function cell(row, kind, text) {
  const made = document.createElement(kind);
  made.textContent = text;
  row.appendChild(made);
}

function table(panel, columns, rows) {
  const made = panel.querySelector("table");
  made.replaceChildren();
  const head = made.createTHead().insertRow();
  columns.forEach((name) => cell(head, "th", name));
  const body = made.createTBody();
  rows.forEach((values) => {
    const row = body.insertRow();
    values.forEach((value) => cell(row, "td", typeof value === "number" ? value.toLocaleString("en") : value));
  });
}

function panelFor(chart) {
  const found = root().querySelector(`[data-chart="${CSS.escape(chart.id)}"]`);
  if (found) return found;
  const panel = document.createElement("section");
  panel.dataset.chart = chart.id;
  for (const [kind, name] of [["h3", ""], ["p", "note"], ["div", "plot"], ["details", ""]]) {
    const part = document.createElement(kind);
    if (name) part.className = name;
    panel.appendChild(part);
  }
  const summary = document.createElement("summary");
  summary.textContent = "As a table";
  panel.querySelector("details").append(summary, document.createElement("table"));
  root().appendChild(panel);
  return panel;
}

function draw() {
  if (!root()) return;
  if (!window.Plotly) {
    setTimeout(draw, 50);
    return;
  }
  const charts = JSON.parse(props.value || "[]");
  const wanted = new Set(charts.map((chart) => chart.id));
  root().querySelectorAll("section").forEach((panel) => {
    if (!wanted.has(panel.dataset.chart)) {
      window.Plotly.purge(panel.querySelector(".plot"));
      panel.remove();
    }
  });
  charts.forEach((chart) => {
    const panel = panelFor(chart);
    panel.querySelector("h3").textContent = chart.title;
    panel.querySelector(".note").textContent = chart.note;
    const plot = panel.querySelector(".plot");
    plot.setAttribute("role", "img");
    plot.setAttribute("aria-label", `${chart.title}. ${chart.note} The numbers stand in the table below.`);
    const accent = colour("--color-accent", "#e8590c");
    const grey = colour("--neutral-400", "#999");
    const traces = chart.traces.map((trace) => ({
      ...trace,
      marker: { color: trace.role === "every" ? grey : accent, opacity: trace.role === "every" ? 0.45 : 1 },
    }));
    window.Plotly.react(plot, traces, dress(chart.layout), {
      responsive: true,
      displaylogo: false,
      displayModeBar: false,
      showSendToCloud: false,
      plotlyServerURL: "",
    });
    table(panel, chart.columns, chart.rows);
  });
}

watch("value", draw);
draw();
