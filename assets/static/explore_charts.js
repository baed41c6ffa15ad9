// Explore, 2 of 5: the histograms of numbers. Drag on one to select a range, click a bar to select it, or write the ends.
function themeShades() {
  const style = getComputedStyle(element);
  const shade = (name, fallback) => style.getPropertyValue(name).trim() || fallback;
  return {
    ink: shade("--body-text-color", "#222"),
    line: shade("--border-color-primary", "#ccc"),
    all: shade("--neutral-400", "#999"),
    kept: shade("--color-accent", "#4f46e5"),
  };
}

const round = (value) => String(Number(value.toPrecision(6)));

function binName(chart, k) {
  const [low, high] = [chart.edges[k], chart.edges[k + 1]];
  const until = chart.whole ? high - 1 : high;
  if (k === 0 && chart.below) return `${round(until)} or less`;
  if (k === chart.edges.length - 2 && chart.above) return `${round(low)} or more`;
  return until === low ? round(low) : `${round(low)} to ${round(until)}`;
}

// The range of bins a to b; the outermost bins are open where values lie beyond them.
function rangeOf(chart, a, b) {
  const count = chart.edges.length - 1;
  const low = a === 0 && chart.below ? null : chart.edges[a];
  const high = b === count - 1 && chart.above ? null : chart.edges[b + 1] - (chart.whole ? 1 : 0);
  return low === null && high === null ? null : [low, high];
}

function inRange(chart, k) {
  const asked = view.filter[chart.id];
  if (!asked) return true;
  const [low, high] = asked;
  const until = chart.whole ? chart.edges[k + 1] - 1 : chart.edges[k + 1];
  const tiny = (chart.edges[1] - chart.edges[0]) * 1e-6;
  return (low === null || until > low + (chart.whole ? -tiny : tiny)) && (high === null || chart.edges[k] < high + (chart.whole ? tiny : -tiny));
}

function panel(chart) {
  const made = make("section");
  made.dataset.histogram = chart.id;
  const plot = make("div", "plot");
  plot.append(make("div", "drawn"), make("div", "brush"));
  const ends = make("div", "ends");
  ["from", "to"].forEach((name, end) => {
    const label = make("label", "", `${name} `);
    const input = make("input");
    input.type = "number";
    input.addEventListener("change", () => typed(chart.id, end, input.value));
    label.append(input);
    ends.append(label);
  });
  const clear = button("Clear", () => ask(chart.id, null));
  ends.append(clear);
  const table = make("details");
  table.append(make("summary", "", "As a table"), make("table"));
  table.addEventListener("toggle", () => fillTable(made));
  made.append(make("h3"), make("p", "note"), plot, ends, table);
  brush(plot, chart.id);
  return made;
}

function typed(id, end, text) {
  const value = text === "" ? null : Number(text);
  const range = [...(view.filter[id] || [null, null])];
  range[end] = Number.isFinite(value) ? value : null;
  if (range[0] !== null && range[1] !== null && range[0] > range[1]) range.reverse();
  ask(id, range[0] === null && range[1] === null ? null : range);
}

const chartOf = (id) => board.charts.find((chart) => chart.id === id);

function brush(plot, id) {
  let start = null;
  let moved = false;
  const bin = (event) => {
    const area = plot.querySelector(".nsewdrag");
    if (!area) return null;
    const box = area.getBoundingClientRect();
    const count = chartOf(id).edges.length - 1;
    const at = Math.floor(((event.clientX - box.left) / box.width) * count);
    return Math.min(Math.max(at, 0), count - 1);
  };
  const select = (event, how) => {
    const here = bin(event);
    const range = rangeOf(chartOf(id), Math.min(start, here), Math.max(start, here));
    const same = JSON.stringify(range) === JSON.stringify(view.filter[id] || null);
    if (same && how.tick) return;
    ask(id, range, how);
    mark(plot.parentElement, chartOf(id));
  };
  plot.addEventListener("pointerdown", (event) => {
    const area = plot.querySelector(".nsewdrag");
    if (event.button || !area || event.clientX < area.getBoundingClientRect().left - 4) return;
    start = bin(event);
    moved = false;
    brushing = id;
    plot.setPointerCapture(event.pointerId);
  }, true);
  plot.addEventListener("pointermove", (event) => {
    if (start === null || (!moved && bin(event) === start)) return;
    moved = true;
    select(event, { tick: true });
  }, true);
  const end = (event) => {
    if (start === null) return;
    const before = JSON.stringify(view.filter[id] || null);
    const only = JSON.stringify(rangeOf(chartOf(id), start, start));
    brushing = null;
    if (event.type === "pointercancel") look();
    else if (!moved && before === only) ask(id, null); // a second click on the one bar chosen
    else select(event, {});
    start = null;
  };
  plot.addEventListener("pointerup", end, true);
  plot.addEventListener("pointercancel", end, true);
}

// The selected range over the plot, and in the two fields.
function mark(made, chart) {
  const asked = view.filter[chart.id] || null;
  const inputs = made.querySelectorAll(".ends input");
  inputs.forEach((input, end) => {
    const value = asked && asked[end] !== null ? round(asked[end]) : "";
    if (document.activeElement !== input || input.value === "") input.value = value;
    else if (Number(input.value) !== Number(value)) input.value = value;
    input.step = round(chart.edges[1] - chart.edges[0]);
    const outermost = end ? chart.edges[chart.edges.length - 1] - (chart.whole ? 1 : 0) : chart.edges[0];
    input.placeholder = round(outermost);
    input.setAttribute("aria-label", `${chart.title} ${end ? "to" : "from"}`);
  });
  const clear = made.querySelector(".ends button");
  clear.hidden = !asked;
  clear.setAttribute("aria-label", `Clear ${chart.title}`);
  const shade = made.querySelector(".brush");
  const area = made.querySelector(".nsewdrag");
  shade.hidden = !asked || !area;
  if (shade.hidden) return;
  const [box, around] = [area.getBoundingClientRect(), shade.parentElement.getBoundingClientRect()];
  const [first, end] = [chart.edges[0], chart.edges[chart.edges.length - 1]];
  const share = (value, other) => Math.min(Math.max((value === null ? other : value - first) / (end - first), 0), 1);
  const from = share(asked[0], 0);
  const to = share(asked[1] === null ? null : asked[1] + (chart.whole ? 1 : 0), end - first);
  shade.style.left = `${box.left - around.left + from * box.width}px`;
  shade.style.width = `${Math.max((to - from) * box.width, 2)}px`;
  shade.style.top = `${box.top - around.top}px`;
  shade.style.height = `${box.height}px`;
}

function drawCharts() {
  const boxes = [...part("board").querySelectorAll("section[data-histogram]")];
  const wanted = new Set(board.charts.map((chart) => chart.id));
  boxes.filter((made) => !wanted.has(made.dataset.histogram)).forEach((made) => {
    window.Plotly.purge(made.querySelector(".drawn"));
    made.remove();
  });
  const shades = themeShades();
  board.charts.forEach((chart) => {
    let made = part("board").querySelector(`section[data-histogram="${CSS.escape(chart.id)}"]`);
    if (!made) {
      made = panel(chart);
      part("board").append(made);
    }
    if (chart.id !== brushing) drawChart(made, chart, shades);
    mark(made, chart);
  });
}

function drawChart(made, chart, shades) {
  const found = last.numbers[chart.id];
  const none = found.none ? ` ${number(found.none)} without a value.` : "";
  say(made.querySelector("h3"), chart.title);
  say(made.querySelector(".note"), `${chart.note}${none}`);
  const plot = made.querySelector(".drawn");
  plot.setAttribute("role", "img");
  plot.setAttribute("aria-label", `${chart.title}. ${chart.note} The numbers stand in the table below.`);
  const middles = found.counts.map((_, k) => (chart.edges[k] + chart.edges[k + 1]) / 2);
  const bars = (y, shade, opacity, what) => ({
    type: "bar",
    x: middles,
    y,
    width: (chart.edges[1] - chart.edges[0]) * 0.96,
    marker: { color: shade, opacity },
    customdata: middles.map((_, k) => binName(chart, k)),
    hovertemplate: `%{customdata}: %{y:,} ${what}<extra></extra>`,
  });
  const all = bars(chart.totals, shades.all, 0.4, "in all");
  const kept = bars(found.counts, shades.kept, middles.map((_, k) => (inRange(chart, k) ? 1 : 0.35)), "kept");
  const most = Math.max(...(part("scale").checked ? found.counts : chart.totals), 1);
  // Where no more than the heights of the kept bars is new, the axes stay, which is most of the work.
  const rest = JSON.stringify([all, kept.marker, shades, most, chart.axis]);
  if (plot.rest === rest) {
    const heights = { data: [{}, { y: kept.y }], traces: [0, 1] }; // Plotly takes away the bars of a trace not named here
    window.Plotly.animate(plot, heights, { mode: "immediate", transition: { duration: 0 }, frame: { duration: 0, redraw: false } });
  } else {
    plot.rest = rest;
    window.Plotly.react(plot, [all, kept], layoutOf(chart, shades, most), CONFIG);
  }
  fillTable(made);
}

const CONFIG = { responsive: true, displayModeBar: false, displaylogo: false, doubleClick: false, showSendToCloud: false, plotlyServerURL: "" };

function layoutOf(chart, { ink, line }, most) {
  const axis = { gridcolor: line, zerolinecolor: line, automargin: true, fixedrange: true };
  return {
    font: { color: ink, size: 11 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 44, r: 8, t: 6, b: 8 },
    height: 190,
    barmode: "overlay",
    showlegend: false,
    dragmode: false,
    hovermode: "x",
    xaxis: { ...axis, range: [chart.edges[0], chart.edges[chart.edges.length - 1]], title: { text: chart.axis, standoff: 6 } },
    yaxis: { ...axis, automargin: false, range: [0, most * 1.05], title: { text: "questions", standoff: 2 }, nticks: 5 },
  };
}

function fillTable(made) {
  const details = made.querySelector("details");
  if (!details.open) return;
  const chart = chartOf(made.dataset.histogram);
  const found = last.numbers[chart.id];
  const rows = chart.totals.map((total, k) => [binName(chart, k), total, found.counts[k]]);
  numbersTable(details.querySelector("table"), [chart.axis, "in all", "kept"], rows.filter((row) => row[1]));
}

function numbersTable(table, columns, rows) {
  table.replaceChildren();
  const head = table.createTHead().insertRow();
  columns.forEach((name) => {
    const cell = make("th", "", name);
    cell.scope = "col";
    head.append(cell);
  });
  const body = table.createTBody();
  rows.forEach((values) => {
    const row = body.insertRow();
    values.forEach((value) => row.append(make("td", "", typeof value === "number" ? number(value) : value)));
  });
}
