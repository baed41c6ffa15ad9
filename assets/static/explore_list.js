// Explore, 4 of 5: the filter in words, the table of questions, and the row that is open.
const COLUMNS = [
  ["question", "query"], ["topic", "topic"], ["difficulty", "difficulty"], ["reward", "reward"], ["agreement", "agreement"],
  ["samples", "samples"], ["status", "status"], ["dropped at", "drop_stage"], ["why", "drop_reason"],
];

function drawAsked() {
  say(part("headline"), last.headline);
  keyed(part("parts"), last.parts, (entry) => entry.name, (entry) => {
    const made = make("li");
    made.append(make("span"), button("×", () => ask(entry.name, null)));
    return made;
  }, (made, entry) => {
    say(made.querySelector("span"), entry.text);
    made.querySelector("button").setAttribute("aria-label", `Remove ${entry.text}`);
  });
  element.querySelector('.asked [data-do="clear"]').hidden = !last.parts.length;
  const notes = last.notes.map((text, i) => ({ text, i }));
  keyed(part("notes"), notes, (note) => note.i, () => make("p", "note"), (made, note) => say(made, note.text));
  const nothing = part("empty");
  nothing.hidden = !last.empty;
  if (last.empty) {
    say(nothing.querySelector("span"), last.empty.text);
    say(nothing.querySelector("button"), last.empty.name ? "Remove it" : "Clear all");
  }
  const text = part("text");
  if (document.activeElement !== text) text.value = boxed(view.filter);
  part("sort").querySelector('option[value="match"]').hidden = !last.ranked;
  part("sort").value = last.sort || "-newest";
}

function shown(name, value) {
  if (value === null) return "";
  if (name === "agreement") return `${Math.round(value * 100)} %`;
  if (name === "samples") return number(value);
  if (typeof value !== "number") return value;
  return value && Math.abs(value) < 0.0005 ? value.toExponential(1) : (value + 0).toFixed(3);
}

// A question in pieces: what was not found and what was take turns.
function drawQuery(box, pieces) {
  const key = JSON.stringify(pieces);
  if (box.dataset.pieces === key) return;
  box.dataset.pieces = key;
  if (pieces === null || pieces.join("") === "") box.textContent = pieces === null ? "(deleted meanwhile)" : "(no text)";
  else box.replaceChildren(...pieces.map((piece, i) => (i % 2 ? make("mark", "", piece) : piece)));
}

function drawTable(page) {
  const table = part("table");
  if (!table.tHead.rows.length) {
    const head = table.tHead.insertRow();
    COLUMNS.forEach(([title]) => {
      const cell = make("th", "", title);
      cell.scope = "col";
      head.append(cell);
    });
  }
  const create = (entry) => {
    const row = make("tr");
    row.tabIndex = 0;
    row.dataset.id = entry.question_id;
    COLUMNS.forEach(([title, name]) => {
      const cell = make("td", `is-${name}`);
      cell.dataset.title = title;
      cell.dir = "auto";
      if (name === "query") cell.append(make("div"));
      row.append(cell);
    });
    row.addEventListener("click", () => openRow(entry.question_id));
    row.addEventListener("keydown", (event) => {
      if (event.key === "Enter") openRow(entry.question_id);
      const next = { ArrowDown: row.nextElementSibling, ArrowUp: row.previousElementSibling }[event.key];
      if (!next) return;
      event.preventDefault();
      next.focus();
    });
    return row;
  };
  keyed(table.tBodies[0], page.rows, (entry) => entry.question_id, create, (row, entry) => {
    COLUMNS.forEach(([, name], i) => {
      if (name === "query") drawQuery(row.cells[i].firstChild, entry.query);
      else say(row.cells[i], shown(name, entry[name]));
    });
  });
  say(part("said"), page.said);
  element.querySelector('[data-do="previous"]').disabled = page.first;
  element.querySelector('[data-do="next"]').disabled = page.last;
}

function turn(way) {
  const rows = last.page.rows;
  if (!rows.length) return;
  view.page = way > 0 ? { after: rows[rows.length - 1].question_id } : { before: rows[0].question_id };
  look().then(() => part("table").scrollIntoView({ block: "start" }));
}

function openRow(id) {
  view.row = id;
  remember();
  drawMode();
  trigger("story", { row: id });
  look();
  element.scrollIntoView({ block: "start" });
}

function drawMode() {
  part("story").hidden = view.row === null;
  part("all").hidden = view.row !== null || !last || !last.total;
  const place = last && last.place && last.place.row === view.row ? last.place : {};
  say(part("place"), view.row === null ? "" : `${view.row}${place.said ? `, ${place.said}` : ""}`);
  element.querySelector('[data-do="before"]').disabled = !place.before;
  element.querySelector('[data-do="after"]').disabled = !place.after;
}

function step(way) {
  const place = last && last.place;
  if (place && place.row === view.row && place[way]) openRow(place[way]);
}

// Back to the page that holds the row, and to the row.
function back() {
  const id = view.row;
  view.row = null;
  remember();
  trigger("story", { row: null });
  const row = () => part("table").querySelector(`tr[data-id="${CSS.escape(id)}"]`);
  const ready = () => {
    drawMode();
    drawCharts();
    const here = row();
    if (here) here.focus();
    if (here) here.scrollIntoView({ block: "center" });
  };
  if (row()) {
    ready();
    return;
  }
  view.page = { at: id };
  look().then(ready);
}

async function copyLink() {
  const link = part("link");
  link.value = location.href;
  try {
    await navigator.clipboard.writeText(location.href);
    link.hidden = true;
    say(part("copied"), "The link to this view is copied.");
  } catch {
    link.hidden = false; // no clipboard without https, except on this machine
    link.select();
    say(part("copied"), "Copy the link from the field.");
  }
  setTimeout(() => say(part("copied"), ""), 4000);
}
