// Below the card, 1 of 2: the panels, each computed when it is opened, drawn of plain tables. What a model or a person
// wrote is set as text. The scripts run as one, once, when the component is loaded.
const SILENT = "The app does not answer. See whether it still runs, then reload this page.";
const asked = new Map(); // panel -> number of its newest request: what comes back after that is dropped
const LINE = 24; // characters of a cell that stay on one line
let of = "me"; // whose history
let sent = 0;

const panelOf = (name) => element.querySelector(`[data-panel="${name}"]`);
const filter = () => new URL(location.href).searchParams.get("filter");

function reviewer() {
  const field = document.querySelector("#curate [data-part=who]");
  return field ? field.value : "";
}

async function ask(name, wish) {
  try {
    const reply = await server[name]({ reviewer: reviewer(), filter: filter(), ...wish });
    return reply || { error: SILENT }; // Gradio's client gives nothing where there is no answer
  } catch {
    return { error: SILENT };
  }
}

async function fetchPanel(name, more) {
  sent += 1;
  const mine = sent;
  asked.set(name, mine);
  const reply = await ask("curate_panel", { panel: name, before: more || null, of: of === "me" ? reviewer() : "" });
  if (asked.get(name) === mine) drawPanel(name, reply, Boolean(more));
}

function bodyOf(name) {
  const place = panelOf(name);
  let body = place.querySelector(".body");
  if (!body) {
    body = make("div", "body");
    place.append(body);
  }
  return body;
}

function drawPanel(name, reply, added) {
  const body = bodyOf(name);
  const nodes = reply.error ? [make("p", "error", reply.error)] : partsOf(name, reply);
  if (added && !reply.error) {
    body.querySelector("tbody").append(...nodes.flatMap((node) => [...node.querySelectorAll("tbody tr")]));
    body.querySelector(".more").replaceWith(moreOf(reply.more));
    return;
  }
  body.replaceChildren(...nodes);
  if (reply.chart) drawChart(body.querySelector(".plot"), reply.chart);
}

function partsOf(name, reply) {
  const nodes = [];
  if (name === "history") nodes.push(whose());
  nodes.push(...reply.notes.map((text) => make("p", "quiet", text)));
  if (reply.chart) nodes.push(make("div", "plot"));
  reply.tables.filter((table) => table.rows.length).forEach((table) => nodes.push(tableOf(table)));
  if (name === "history") nodes.push(moreOf(reply.more));
  if (name === "pairs") nodes.push(...pairsOf(reply));
  return nodes;
}

function whose() {
  const line = make("div", "line");
  [["me", "Mine"], ["all", "Everyone's"]].forEach(([value, text]) => {
    const one = button(text, () => {
      of = value;
      fetchPanel("history");
    });
    one.setAttribute("aria-pressed", String(of === value));
    if (of === value) one.classList.add("main");
    line.append(one);
  });
  return line;
}

function moreOf(turn) {
  const line = make("div", "line more");
  if (turn) line.append(button("Older ones", () => fetchPanel("history", turn)));
  return line;
}

function pairsOf(reply) {
  const line = make("div", "line");
  const go = button("Make the pairs that are new", async () => {
    go.disabled = true;
    const answer = await ask("curate_pairs", {});
    await fetchPanel("pairs");
    panelOf("pairs").querySelector(".body").prepend(make("p", answer.error ? "error" : "", answer.error || answer.said));
  }, "main");
  go.disabled = !reply.make;
  line.append(go);
  if (!reply.command) return [line];
  return [line, make("p", "quiet", "To train a generator with the stored pairs:"), make("code", "", reply.command)];
}

function tableOf(table) {
  const box = make("div", "scroll");
  if (table.title) box.append(make("h4", "", table.title));
  const made = make("table");
  const head = made.createTHead().insertRow();
  table.head.forEach((name, i) => {
    const cell = make("th", table.rows.every((row) => typeof row.cells[i] === "number") ? "number" : "", name);
    cell.scope = "col";
    head.append(cell);
  });
  const body = made.createTBody();
  table.rows.forEach((row) => rowOf(body.insertRow(), row));
  box.append(made);
  return box;
}

function rowOf(made, row) {
  if (row.gone) made.classList.add("is-gone");
  row.cells.forEach((value) => {
    const cell = made.insertCell();
    if (row.open && value === row.open) cell.append(button(value, () => openRow(row.open)));
    else cell.textContent = typeof value === "number" ? value.toLocaleString("en") : value;
    if (typeof value === "number") cell.className = "number";
    else cell.className = value.length > LINE ? "long" : "short"; // on a narrow page the table is moved sideways
  });
  if (!row.undo) {
    if (row.gone !== undefined) made.insertCell();
    return;
  }
  const back = button("Undo", async () => {
    back.disabled = true;
    const reply = await ask("curate_take_back", { event_id: row.undo });
    if (!reply.error) window.dispatchEvent(new CustomEvent("curate-changed"));
    await fetchPanel("history");
    bodyOf("history").prepend(make("p", reply.error ? "error" : "", reply.error || reply.said));
  });
  made.insertCell().append(back);
}

function openRow(row) {
  [...document.querySelectorAll('[role="tab"], .overflow-dropdown button')].filter((tab) => tab.textContent.trim() === "Explore").forEach((tab) => tab.click());
  const go = (tries) => {
    if (document.querySelector("#explore .explore")) window.dispatchEvent(new CustomEvent("explore-ask", { detail: { row } }));
    else if (tries) setTimeout(() => go(tries - 1), 100);
  };
  setTimeout(() => go(50), 0);
}

function colour(name, fallback) {
  return getComputedStyle(element).getPropertyValue(name).trim() || fallback;
}

function drawChart(plot, chart) {
  if (!window.Plotly) {
    setTimeout(() => plot.isConnected && drawChart(plot, chart), 50);
    return;
  }
  const line = colour("--border-color-primary", "#ccc");
  const axis = { gridcolor: line, zerolinecolor: line, automargin: true, fixedrange: true };
  const accent = colour("--color-accent", "#4f46e5");
  const trace = {
    type: "scatter", mode: "markers", x: chart.x, y: chart.y, customdata: chart.n, marker: { color: accent, size: 8 },
    error_y: {
      type: "data", symmetric: false, color: accent, thickness: 1.5,
      array: chart.high.map((high, i) => high - chart.y[i]), arrayminus: chart.low.map((low, i) => chart.y[i] - low),
    },
    hovertemplate: "decile %{x}: %{y:.0%} of %{customdata:,}<extra></extra>",
  };
  const layout = {
    font: { color: colour("--body-text-color", "#222"), size: 12 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 8, r: 8, t: 8, b: 8 }, height: 240, showlegend: false,
    xaxis: { ...axis, range: [0.5, 10.5], dtick: 1, title: { text: "decile of the reward" } },
    yaxis: { ...axis, range: [0, 1.02], tickformat: ".0%" },
  };
  plot.setAttribute("role", "img");
  plot.setAttribute("aria-label", `${chart.title}. The numbers stand in the table below.`);
  window.Plotly.react(plot, [trace], layout, {
    responsive: true, displaylogo: false, displayModeBar: false, showSendToCloud: false, plotlyServerURL: "",
  });
}

function refresh() {
  element.querySelectorAll("details[open]").forEach((place) => {
    if (place.dataset.panel === "bulk") countBulk();
    else fetchPanel(place.dataset.panel);
  });
}
