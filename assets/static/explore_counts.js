// Explore, 3 of 5: the funnel, the topics and the facets: counts of values, each a button or a box to choose it.
function chosen(name, value) {
  return (view.filter[name] || []).includes(value);
}

// A click chooses one value alone, or none if it was that; with Ctrl, Cmd or Shift it is added or taken away.
function choose(name, value, event) {
  const have = view.filter[name] || [];
  const several = event.ctrlKey || event.metaKey || event.shiftKey;
  if (several) toggle(name, value);
  else ask(name, have.length === 1 && have[0] === value ? null : [value]);
}

function toggle(name, value) {
  const have = view.filter[name] || [];
  ask(name, have.includes(value) ? have.filter((other) => other !== value) : [...have, value]);
}

function section(id, title, note) {
  let made = part("board").querySelector(`section[data-counts="${id}"]`);
  if (!made) {
    made = make("section");
    made.dataset.counts = id;
    made.append(make("h3", "", title), make("p", "note"));
    part("board").append(made);
  }
  say(made.querySelector(".note"), note);
  return made;
}

const FUNNEL = ["stage", "", "kept", "dropped", "pending"];

function drawFunnel() {
  const made = section("funnel", "Funnel", last.dropped);
  let table = made.querySelector("table");
  if (!table) {
    const scroll = make("div", "scroll");
    table = make("table", "funnel");
    const head = table.createTHead().insertRow();
    FUNNEL.forEach((name) => {
      const cell = make("th", "", name);
      cell.scope = "col";
      head.append(cell);
    });
    table.append(make("tbody"));
    scroll.append(table);
    const clear = button("Clear", () => ask("drop_stage", null));
    clear.className = "clear";
    clear.setAttribute("aria-label", "Clear Funnel");
    made.append(scroll, clear);
  }
  made.querySelector(".clear").hidden = !view.filter.drop_stage;
  const most = Math.max(last.funnel[0][1], 1);
  const create = ([stage]) => {
    const row = make("tr");
    const name = make("th");
    name.scope = "row";
    const press = button(stage, (event) => choose("drop_stage", stage, event));
    if (stage === "generated") name.textContent = stage;
    else name.append(press);
    const bar = make("td", "way");
    bar.append(make("span", "kept"), make("span", "dropped"));
    row.append(name, bar, make("td"), make("td"), make("td"));
    return row;
  };
  keyed(table.tBodies[0], last.funnel, (row) => row[0], create, (row, [stage, , kept, dropped, pending]) => {
    const press = row.querySelector("button");
    if (press) press.setAttribute("aria-pressed", chosen("drop_stage", stage));
    if (press) press.title = `What ${stage} dropped, and why`;
    row.querySelector(".kept").style.width = `${(kept / most) * 100}%`;
    row.querySelector(".dropped").style.width = `${(dropped / most) * 100}%`;
    [kept, dropped, pending].forEach((value, i) => say(row.cells[i + 2], number(value)));
  });
}

function drawTopics() {
  const text = board.topic;
  const made = section("topic", text.title, text.note);
  let list = made.querySelector(".values");
  if (!list) {
    list = make("div", "values");
    const clear = button("Clear", () => ask("topic", null));
    clear.className = "clear";
    clear.setAttribute("aria-label", "Clear Topic");
    const table = make("details");
    table.append(make("summary", "", "As a table"), make("table"));
    table.addEventListener("toggle", drawTopics);
    made.append(list, clear, table);
  }
  made.querySelector(".clear").hidden = !view.filter.topic;
  const totals = new Map(text.totals);
  const most = Math.max(...(part("scale").checked ? last.topic.map((entry) => entry.count) : totals.values()), 1);
  const entries = [...last.topic].sort((a, b) => totals.get(b.value) - totals.get(a.value));
  const create = (entry) => {
    const press = button("", (event) => choose("topic", entry.value, event));
    const track = make("span", "track");
    track.append(make("span", "total"), make("span", "kept"));
    press.append(make("span", "name", entry.text), track, make("span", "count"));
    return press;
  };
  keyed(list, entries, (entry) => entry.value, create, (press, entry) => {
    const total = totals.get(entry.value) || 0;
    press.setAttribute("aria-pressed", chosen("topic", entry.value));
    press.querySelector(".total").style.width = `${Math.min((total / most) * 100, 100)}%`;
    press.querySelector(".kept").style.width = `${(entry.count / most) * 100}%`;
    say(press.querySelector(".count"), `${number(entry.count)} of ${number(total)}`);
  });
  const details = made.querySelector("details");
  const rows = entries.map((entry) => [entry.text, totals.get(entry.value) || 0, entry.count]);
  if (details.open) numbersTable(details.querySelector("table"), ["topic", "in all", "kept"], rows);
}

function drawFacets() {
  const names = Object.keys(props.facets);
  const create = (name) => {
    const made = make("fieldset");
    const legend = make("legend", "", props.facets[name]);
    const clear = button("Clear", () => ask(name, null));
    clear.setAttribute("aria-label", `Clear ${props.facets[name]}`);
    made.append(legend, make("div", "choices"), clear);
    return made;
  };
  let box = part("facets").querySelector(".boxes");
  if (!box) {
    box = make("div", "boxes");
    part("facets").append(box);
  }
  keyed(box, names, (name) => name, create, (made, name) => {
    made.querySelector(":scope > button").hidden = !view.filter[name];
    const entries = last.facets[name].filter((entry) => entry.count || chosen(name, entry.value));
    // levels come with some imports only
    made.hidden = name === "level" && !entries.some((entry) => entry.value !== null || chosen(name, null));
    keyed(made.querySelector(".choices"), entries, (entry) => entry.value, (entry) => {
      const label = make("label");
      const box = make("input");
      box.type = "checkbox";
      box.addEventListener("change", () => toggle(name, entry.value));
      label.append(box, make("span", "name", entry.text), make("span", "count"));
      return label;
    }, (label, entry) => {
      label.querySelector("input").checked = chosen(name, entry.value);
      say(label.querySelector(".count"), number(entry.count));
    });
  });
}
