// What if, 2 of 2: the sliders, the rows beside them, and what stands on the page from the start.
const ends = (id) => (id === "difficulty" ? set.difficulty : [set[id]]);

function put(id, end, value) {
  if (id !== "difficulty") set[id] = value;
  else {
    const band = [...set.difficulty];
    band[end] = value;
    const [low, high] = band;
    if (low !== null && high !== null && low > high) band[end] = band[1 - end]; // an end stops at the other
    set.difficulty = band;
    shown = end;
  }
  say(part("said"), "");
  part("refused").hidden = true;
  drawEnds(id, true);
  look();
}

// Where a slider's track begins and ends, and its step.
function track(chart) {
  const [low, high] = [chart.edges[0], chart.edges[chart.edges.length - 1]];
  return { low, high, step: Number(round((chart.edges[1] - chart.edges[0]) / 5)) };
}

// A value at the end of the track is an open end, unless it was typed and rows lie beyond it.
function read(chart, end, text, typed) {
  const value = Number(text);
  if (text === "" || !Number.isFinite(value)) return null;
  const { low, high } = track(chart);
  const beyond = typed && (end ? chart.above : chart.below);
  return !beyond && (end ? value >= high : value <= low) ? null : value;
}

function card(id, title) {
  const made = make("section");
  made.dataset.slider = id;
  made.append(make("h3", "", title), make("p", "quiet note"));
  const chart = chartOf(id);
  if (chart) made.append(...slider(chart));
  else {
    const [label, box] = [make("label", "", ""), make("input")];
    box.type = "checkbox";
    box.addEventListener("change", () => put(id, 0, box.checked));
    label.append(box, " Near-duplicates may stay");
    made.append(label);
  }
  made.append(make("p", "quiet drops"));
  if (EDGES[id].length > 1) {
    const which = make("div", "line which");
    ["lower", "upper"].forEach((name, end) => {
      const button = make("button", "", `Rows at the ${name} end`);
      button.type = "button";
      button.addEventListener("click", () => {
        shown = end;
        look(true);
      });
      which.append(button);
    });
    made.append(which);
  }
  const beside = make("div", "beside");
  ["kept", "dropped"].forEach((name) => {
    const side = make("div", name);
    side.append(make("h4"), make("p", "quiet"), make("ol"));
    beside.append(side);
  });
  made.append(make("p", "decided"), beside);
  return made;
}

const chartOf = (id) => base.charts.find((chart) => chart.id === id);

function slider(chart) {
  const [area, line] = [make("div", "track"), make("div", "line ends")];
  area.append(make("div", "bins"));
  const names = chart.id === "difficulty" ? ["from", "to"] : ["at least"];
  names.forEach((name, end) => {
    const [range, label, typed] = [make("input"), make("label", "", name), make("input")];
    range.type = "range";
    range.setAttribute("aria-label", `${chart.title} ${name}`);
    range.addEventListener("input", () => put(chart.id, end, read(chartOf(chart.id), end, range.value, false)));
    typed.type = "number";
    typed.step = "any";
    typed.setAttribute("aria-label", `${chart.title} ${name}, as a number`);
    typed.addEventListener("change", () => put(chart.id, end, read(chartOf(chart.id), end, typed.value, true)));
    area.append(range);
    label.append(typed);
    line.append(label);
  });
  return [area, line];
}

// The thumbs, the numbers and the shade of the bars: at once, before the server answers.
function drawEnds(id, whole = false) {
  const made = part("sliders").querySelector(`[data-slider="${id}"]`);
  const chart = chartOf(id);
  if (!chart) {
    made.querySelector("input").checked = set[id];
    return;
  }
  const { low, high, step } = track(chart);
  const values = ends(id);
  made.querySelectorAll("input[type=range]").forEach((range, end) => {
    Object.assign(range, { min: low, max: high, step });
    const open = end ? high : low;
    range.value = values[end] === null ? open : values[end];
    range.setAttribute("aria-valuetext", values[end] === null ? "open" : round(values[end]));
  });
  made.querySelectorAll("input[type=number]").forEach((typed, end) => {
    // not while it is written in
    if (whole || document.activeElement !== typed) typed.value = values[end] === null ? "" : round(values[end]);
    typed.placeholder = "open";
  });
  const bins = made.querySelector(".bins");
  if (bins.children.length !== chart.counts.length) bins.replaceChildren(...chart.counts.map(() => make("span")));
  const most = Math.max(...chart.counts, 1);
  const [from, to = null] = values;
  [...bins.children].forEach((bar, k) => {
    const middle = (chart.edges[k] + chart.edges[k + 1]) / 2;
    bar.style.height = `${(chart.counts[k] / most) * 100}%`;
    bar.classList.toggle("in", (from === null || middle >= from) && (to === null || middle <= to));
  });
}

function drawSliders(reply) {
  const titles = { ...Object.fromEntries(base.charts.map((chart) => [chart.id, chart.title])), duplicates: "Duplicates" };
  Object.entries(titles).forEach(([id, title]) => {
    let made = part("sliders").querySelector(`[data-slider="${id}"]`);
    if (!made) {
      made = card(id, title);
      part("sliders").append(made);
    }
    const chart = chartOf(id);
    say(made.querySelector(".note"), chart ? chart.note : `${props.duplicates} ${base.duplicates}`);
    drawEnds(id);
    const drops = EDGES[id].map((edge) => reply.drops[edge]);
    say(made.querySelector(".drops"), drops.join(" "));
    made.querySelectorAll(".which button").forEach((button, end) => button.setAttribute("aria-pressed", String(end === shown)));
    made.querySelector(".beside").classList.toggle("old", !reply.borders);
    if (reply.borders) drawBeside(made, id, reply.borders);
  });
}

function drawBeside(made, id, borders) {
  const end = id === "difficulty" ? shown : 0;
  const border = borders[EDGES[id][end]];
  const open = id === "duplicates" ? set.duplicates : ends(id)[end] === null;
  say(made.querySelector(".decided"), border.decided);
  made.querySelector(".decided").hidden = !border.decided;
  const heads = open ? { kept: "Would be dropped first", dropped: "" } : { kept: "Just kept", dropped: "Just dropped" };
  Object.entries(heads).forEach(([side, head]) => {
    const box = made.querySelector(`.beside .${side}`);
    box.hidden = !head || (id === "duplicates" && side === "kept" && !open);
    say(box.querySelector("h4"), head);
    say(box.querySelector("p"), border[side].length ? "" : "None.");
    const text = JSON.stringify(border[side]);
    if (box.dataset.rows === text) return;
    box.dataset.rows = text;
    box.querySelector("ol").replaceChildren(...border[side].map((row) => {
      const [item, button, words] = [make("li"), make("button"), make("span", "text", row.text)];
      button.type = "button";
      button.title = "Read its whole story";
      words.dir = "auto";
      button.append(make("span", "value", row.value), words);
      button.addEventListener("click", () => window.dispatchEvent(new CustomEvent("explore-ask", { detail: { row: row.id } })));
      item.append(button);
      return item;
    }));
  });
}

async function keep() {
  const filter = new URL(location.href).searchParams.get("filter");
  let reply;
  try {
    reply = await server.whatif_keep({ name: part("name").value, filter, thresholds: set });
  } catch {
    reply = { error: SILENT };
  }
  say(part("refused"), reply.error || "");
  part("refused").hidden = !reply.error;
  say(part("said"), reply.said || "");
  if (reply.error) return;
  part("name").value = "";
  window.dispatchEvent(new CustomEvent("explore-views"));
}

function start() {
  part("name").maxLength = props.longest;
  part("form").addEventListener("submit", (event) => {
    event.preventDefault();
    keep();
  });
  element.querySelector('[data-do="reset"]').addEventListener("click", () => {
    set = structuredClone(OPEN);
    look();
  });
  let open = false;
  const follow = () => {
    if (!element.isConnected) window.removeEventListener("explore-address", follow);
    else if (here()) look(true);
  };
  window.addEventListener("explore-address", follow);
  new IntersectionObserver(() => {
    if (here() && !open) look(true); // the filter may be another by now
    open = here();
  }).observe(element);
}

start();
