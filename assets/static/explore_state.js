// Explore, 1 of 5: what is being looked at, and the questions to the server. The scripts run as one, once, when the
// component is loaded. The filter is the same JSON object as everywhere; it lives in the page's address.
const view = { filter: {}, sort: null, row: null, page: {} }; // no sort: the best match where there is one, else the newest
let board = null; // bins, titles and grey totals: sent anew only when the rows have changed
let last = null; // the newest reply that was drawn
let brushing = null; // the chart under the pointer: it is not redrawn meanwhile
let sent = 0;
let drawn = 0;
let flying = 0;
let waiting = null;

const part = (name) => element.querySelector(`[data-part="${name}"]`);

const number = (value) => value.toLocaleString("en");

// Children of a parent by key, kept where they are, so that focus and scroll stay.
function keyed(parent, entries, key, create, fill) {
  const have = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  entries.forEach((entry, i) => {
    const name = JSON.stringify(key(entry));
    let child = have.get(name);
    if (!child) {
      child = create(entry);
      child.dataset.key = name;
    }
    have.delete(name);
    if (parent.children[i] !== child) parent.insertBefore(child, parent.children[i] || null);
    fill(child, entry);
  });
  have.forEach((child) => child.remove());
}

// Ticks while brushing wait for each other; whatever comes back after something newer was drawn is dropped.
async function look(how = {}) {
  if (how.tick && flying) {
    waiting = how;
    return;
  }
  waiting = null;
  const mine = ++sent;
  flying += 1;
  let reply;
  try {
    const wish = { filter: view.filter, sort: view.sort, row: view.row, version: board && board.version };
    reply = await server.explore_look({ ...wish, ...view.page, ...how });
    if (!reply) throw new Error("nothing came back"); // Gradio's client raises nothing then
  } catch {
    reply = { error: "The app does not answer. See whether it still runs, then reload this page." };
  }
  flying -= 1;
  if (mine > drawn) {
    drawn = mine;
    show(reply, mine === sent && !how.tick);
  }
  if (waiting) look(waiting);
}

function show(reply, whole) {
  const message = part("message");
  say(message, reply.error || reply.refused || (whole || !last ? "" : message.textContent));
  message.hidden = !message.textContent;
  if (reply.error) return;
  if (whole && !brushing) {
    view.filter = typeof reply.filter === "object" ? reply.filter : {};
    remember();
  }
  if (reply.board) board = { ...reply.board, version: reply.version };
  last = { ...last, ...reply, empty: reply.count ? null : reply.empty || (last && last.empty) };
  drawAll(reply);
}

function remember() {
  const url = new URL(location.href);
  const asked = Object.keys(view.filter).length ? JSON.stringify(view.filter) : null;
  Object.entries({ filter: asked, sort: view.sort, row: view.row }).forEach(([name, value]) => {
    if (value === null) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  });
  if (url.href !== location.href) history.replaceState(history.state, "", url);
  window.dispatchEvent(new CustomEvent("explore-address")); // for who follows the filter: saved views, what-if
}

function recall() {
  const asked = new URL(location.href).searchParams;
  if (asked.get("filter")) view.filter = asked.get("filter"); // as text: the server reads it, and says what is wrong
  if (part("sort").querySelector(`option[value="${CSS.escape(asked.get("sort") || "")}"]`)) view.sort = asked.get("sort");
  view.row = asked.get("row");
}

// One part of the filter; null asks nothing.
function ask(name, value, how = {}) {
  if (typeof view.filter !== "object") view.filter = {};
  if (value === null || value.length === 0) delete view.filter[name];
  else view.filter[name] = value;
  view.page = {};
  look(how);
}

// What another part of the page asks for: a filter, or a row's story.
function goTo({ filter, row }) {
  if (row) {
    openRow(row);
    return;
  }
  if (view.row !== null) trigger("story", { row: null });
  Object.assign(view, { filter, row: null, page: {} });
  drawMode();
  look();
}

// The one box: /.../ is a regular expression, /.../i one whatever its case; everything else is words.
function searchFor(value) {
  if (typeof view.filter !== "object") view.filter = {};
  const { words, regex, ...rest } = view.filter;
  const typed = value.trim();
  const between = /^\/(.+)\/(i?)$/s.exec(typed);
  const asked = between ? { regex: (between[2] ? "(?i)" : "") + between[1] } : typed ? { words: typed } : {};
  view.filter = { ...rest, ...asked };
  view.page = {};
  look();
}

function boxed({ words, regex }) {
  if (words !== undefined) return words;
  if (regex === undefined) return "";
  return regex.startsWith("(?i)") ? `/${regex.slice(4)}/i` : `/${regex}/`;
}

function clearAll() {
  view.filter = {};
  view.page = {};
  look();
}
