// Curate, 1 of 8: who reviews, which queue is open and where in it one is, and the questions to the server. The scripts
// run as one, once, when the component is loaded. Everything that a model or a person wrote is set as text.
const SILENT = "The app does not answer. See whether it still runs; what you decided stays here until it is saved.";
const AHEAD = 6; // cards that are fetched before they are shown
const KEPT = 60; // cards that are held

let who = null; // the reviewer's name
let fixed = false; // a login says who it is
let told = null; // what the server last said of queues, views and tags
let queue = null; // { name, text, ids, decided, at, blind, sample, ... } while one is open
let tags = []; // those of the keys 1 to 9
let sent = 0;
const cards = new Map(); // question id -> its card as the server told it
const asked = new Map(); // question id -> number of the newest request for it

const part = (name) => element.querySelector(`[data-part="${name}"]`);
const number = (value) => value.toLocaleString("en");

function alarm(text) {
  const message = part("message");
  say(message, text);
  message.classList.toggle("is-error", Boolean(text));
  message.hidden = !text;
}

// Gradio's client gives nothing where there is no answer.
async function ask(name, wish = {}) {
  try {
    return (await server[name]({ reviewer: who || (told && told.demo ? "demo" : null), ...wish })) || { error: SILENT };
  } catch {
    return { error: SILENT };
  }
}

// The browser's own memory, where it has one.
function remembered(name, value) {
  try {
    if (value === undefined) return localStorage.getItem(name);
    localStorage.setItem(name, value);
  } catch {
    // none is allowed here: the name is asked for again
  }
  return null;
}

function address(name) {
  const url = new URL(location.href);
  if (name === null) url.searchParams.delete("curate");
  else url.searchParams.set("curate", name);
  if (url.href !== location.href) history.replaceState(history.state, "", url);
}

const here = () => element.isConnected && element.offsetParent !== null;
const now = () => queue.ids[queue.at];
const card = () => (queue && queue.at !== null ? cards.get(now()) : undefined);

// The next row from a place on that nobody has decided here, the first ones last; null where all are.
function open(from) {
  for (let i = 0; i < queue.ids.length; i += 1) {
    const at = (from + i) % queue.ids.length;
    if (queue.decided[at] === null) return at;
  }
  return null;
}

// Cards are asked for by number: what comes back after something newer was asked of it is dropped.
async function fetchCards(ids) {
  if (!ids.length) return;
  sent += 1;
  const mine = sent;
  const of = queue.name;
  ids.forEach((id) => asked.set(id, mine));
  const reply = await ask("curate_cards_of", { ids, blind: queue.blind });
  if (!queue || queue.name !== of) return;
  const fresh = ids.filter((id) => asked.get(id) === mine);
  fresh.forEach((id) => asked.delete(id));
  if (reply.error) {
    if (!cards.has(now())) alarm(reply.error);
    return;
  }
  alarm("");
  fresh.forEach((id) => keep(id, reply.cards[id]));
  if (queue.at !== null && fresh.includes(now())) drawCard();
}

function keep(id, found) {
  cards.delete(id);
  cards.set(id, found);
  const near = new Set(queue.at === null ? [] : [now()]);
  for (const key of cards.keys()) {
    if (cards.size <= KEPT) break;
    if (!near.has(key)) cards.delete(key);
  }
}

function prefetch() {
  const missing = (id) => !cards.has(id) && !asked.has(id) && !pending(id);
  const wanted = [];
  let at = queue.at;
  for (let i = 0; i < AHEAD; i += 1) {
    at = open((at + 1) % queue.ids.length);
    if (at === null) break;
    wanted.push(queue.ids[at]);
  }
  [queue.at + 1, queue.at - 1].forEach((i) => i in queue.ids && wanted.push(queue.ids[i]));
  if (!cards.has(now()) && !asked.has(now())) fetchCards([now()]); // by itself: it is waited for
  fetchCards([...new Set(wanted)].filter(missing).slice(0, AHEAD));
}

// Shows a row of the queue; null: all are decided.
function show(at) {
  queue.at = at;
  shown = null;
  closePane();
  drawCard();
  drawBar();
  if (at !== null) prefetch();
}
