// Map, 1 of 3: which part of the map is shown, the questions to the server, and what stands beside the map. Follows the
// filter in the page's address. The scripts run as one, once, when the component is loaded.
const SILENT = "The app does not answer. See whether it still runs, then reload this page.";
const OFTEN = 1000; // milliseconds between two looks while the map is being made
const CORNERS = 100;
const at = { x: props.side / 2, y: props.side / 2, span: props.side }; // the middle of what is shown, and how wide it is
let colour = "density";
let mode = "move";
let last = null; // the newest reply with a map that was drawn
let cells = null; // its tiles, unpacked
let drawing = null; // the corners of an area that is being drawn
let [sent, drawn, flying, waiting, again] = [0, 0, 0, false, null];

const part = (name) => element.querySelector(`[data-part="${name}"]`);
const number = (value) => value.toLocaleString("en");
const here = () => element.isConnected && element.offsetParent !== null;

function keep() {
  at.span = Math.min(Math.max(at.span, props.least), props.side);
  const half = at.span / 2;
  ["x", "y"].forEach((axis) => (at[axis] = Math.min(Math.max(at[axis], half), props.side - half)));
}

const shownPart = () => [at.x - at.span / 2, at.y - at.span / 2, at.x + at.span / 2, at.y + at.span / 2];

// One request at a time; moves meanwhile become one more. What comes back after something newer was drawn is dropped.
async function look() {
  if (!here()) return;
  if (flying) {
    waiting = true;
    return;
  }
  waiting = false;
  clearTimeout(again);
  const mine = ++sent;
  flying += 1;
  const asked = Date.now();
  let reply;
  try {
    const filter = new URL(location.href).searchParams.get("filter");
    reply = await server.map_look({ filter, view: shownPart(), colour });
  } catch {
    reply = { error: SILENT };
  }
  flying -= 1;
  if (mine > drawn) {
    drawn = mine;
    take(reply, Date.now() - asked);
  }
  if (waiting) look();
}

function unpack(text, Kind) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return Kind === Uint8Array ? bytes : new Kind(bytes.buffer);
}

function take(reply, took) {
  say(part("error"), reply.error || reply.refused || "");
  part("error").hidden = !part("error").textContent;
  if (reply.error) return;
  const busy = reply.job && !reply.job.ended;
  if (busy || reply.sampled) again = setTimeout(look, Math.max(OFTEN, 5 * took));
  say(part("about"), reply.about || "");
  say(part("make"), reply.make || "");
  part("make").hidden = !reply.make || busy;
  part("make").dataset.anew = reply.anew ? "yes" : "";
  part("stop").hidden = !busy;
  say(part("job"), reply.job ? reply.job.said : "");
  part("progress").hidden = !busy || reply.job.share === null;
  if (busy && reply.job.share !== null) part("progress").value = reply.job.share;
  part("all").hidden = !reply.map;
  if (!reply.map) return;
  part("again").hidden = busy || !reply.remake || !part("sure").hidden;
  cells = reply.tiles ? {
    counts: unpack(reply.tiles.counts, Uint32Array),
    values: reply.tiles.values ? unpack(reply.tiles.values, Uint8Array) : null,
  } : null;
  last = reply;
  part("clear").hidden = !reply.area;
  say(part("count"), `${number(reply.count)} question${reply.count === 1 ? "" : "s"} of the filter in view`);
  legend();
  paint();
}

// The filter in the address, with another area or none.
function ask(points) {
  let filter = {};
  try {
    filter = JSON.parse(new URL(location.href).searchParams.get("filter") || "{}");
  } catch {
    filter = {};
  }
  delete filter.area;
  if (points) filter.area = { map: last.map, points };
  window.dispatchEvent(new CustomEvent("explore-ask", { detail: { filter } }));
}

async function begin(anew) {
  const reply = await server.map_start({ anew }).catch(() => ({ error: SILENT }));
  if (reply.error) {
    say(part("error"), reply.error);
    part("error").hidden = false;
    return;
  }
  look();
}

function sure(asked) {
  part("sure").hidden = !asked;
  part("again").hidden = asked;
}

const DO = {
  make: () => begin(part("make").dataset.anew === "yes"),
  stop: () => server.map_stop({}).then(look),
  nearer: () => zoom(0.5),
  farther: () => zoom(2),
  whole: () => show(props.side / 2, props.side / 2, props.side),
  view: () => {
    const [left, low, right, high] = shownPart();
    ask([[left, low], [right, low], [right, high], [left, high]].map(rounded));
  },
  clear: () => ask(null),
  anew: () => sure(true),
  keep: () => sure(false),
  remake: () => {
    sure(false);
    begin(true);
  },
};

const rounded = ([x, y]) => [Number(x.toFixed(3)), Number(y.toFixed(3))];

function show(x, y, span) {
  Object.assign(at, { x, y, span });
  keep();
  paint();
  look();
}

// About a place that stays where it is.
function zoom(by, x = at.x, y = at.y) {
  const span = Math.min(Math.max(at.span * by, props.least), props.side);
  const share = span / at.span;
  show(x + (at.x - x) * share, y + (at.y - y) * share, span);
}
