// Curate, 2 of 8: what was decided goes to the server in its order, each with an id of its own, and stays in the browser
// until the server has it. Sent twice, it is stored once. It outlives a reload of the page.
const OUTBOX = "curate-outbox";
const MOST = 50; // decisions in one request
const WAITS = [1000, 2000, 4000, 8000, 15000]; // milliseconds until it is tried again
let outbox = [];
let sending = false;
let failed = 0;
let waits = null;

function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function stow() {
  try {
    if (outbox.length) sessionStorage.setItem(OUTBOX, JSON.stringify(outbox));
    else sessionStorage.removeItem(OUTBOX);
  } catch {
    // without such a memory it is kept as long as the page is
  }
}

function recover() {
  try {
    const left = JSON.parse(sessionStorage.getItem(OUTBOX) || "[]");
    if (Array.isArray(left)) outbox = left;
  } catch {
    outbox = [];
  }
  if (outbox.length) flush();
}

function put(action, payload, id) {
  outbox.push({ event_id: newId(), question_id: id, action, payload, queue: queue.name, reviewer: who });
  stow();
  drawSaved();
  flush();
}

const pending = (id) => outbox.some((event) => event.question_id === id);

// One request at a time, of decisions of one queue and one reviewer.
async function flush() {
  if (sending || !outbox.length) return;
  clearTimeout(waits);
  sending = true;
  const [first] = outbox;
  const other = outbox.findIndex((event) => event.queue !== first.queue || event.reviewer !== first.reviewer);
  const batch = outbox.slice(0, Math.min(other < 0 ? outbox.length : other, MOST));
  const reply = await ask("curate_send", { reviewer: first.reviewer, queue: first.queue, events: batch });
  sending = false;
  const done = new Map((reply.done || []).map((entry) => [entry.event_id, entry]));
  outbox = outbox.filter((event) => !done.has(event.event_id));
  stow();
  batch.forEach((event) => done.has(event.event_id) && settled(event, done.get(event.event_id)));
  if (queue && reply.estimate !== undefined && first.queue === queue.name) {
    say(part("estimate"), reply.estimate);
    if (queue.at === null) drawDone();
  }
  failed = reply.error ? failed + 1 : 0;
  drawSaved(reply.error);
  if (reply.error) waits = setTimeout(flush, WAITS[Math.min(failed, WAITS.length) - 1]);
  else if (outbox.length) flush();
  else window.dispatchEvent(new CustomEvent("curate-saved"));
}

function settled(event, entry) {
  if (entry.refused) {
    const refused = part("refused");
    refused.textContent = `Not saved: ${event.action} of ${event.question_id || "the newest decision"}. ${entry.refused}`;
    refused.hidden = false;
    say(part("told"), ""); // that it was done
  }
  if (!queue || event.queue !== queue.name) return;
  if (event.action === "undo") {
    undone(entry);
    return;
  }
  const at = queue.ids.indexOf(event.question_id);
  if (entry.refused && VERBS[event.action] && at >= 0 && !pending(event.question_id)) queue.decided[at] = null;
  if (pending(event.question_id)) return;
  asked.delete(event.question_id); // what was asked before may not know of it
  if (queue.at !== null && event.question_id === now()) fetchCards([event.question_id]);
  else cards.delete(event.question_id); // it is told anew when it is shown again
  drawBar();
}

function undone(entry) {
  say(part("told"), entry.said || entry.refused || "");
  if (entry.at === undefined) {
    if (entry.undone === null) return;
    openQueue(queue.name); // a batch, or a row that is not of this queue
    return;
  }
  queue.decided[entry.at] = entry.decided;
  cards.delete(entry.undone);
  show(entry.at);
}

function drawSaved(problem) {
  const saved = part("saved");
  const count = outbox.length;
  const text = !count ? (failed ? "" : "Saved") : problem || failed ? `${number(count)} not saved` : `Saving ${number(count)}…`;
  say(saved, text);
  saved.classList.toggle("is-error", Boolean(count && (problem || failed)));
  saved.title = problem || "";
  part("retry").hidden = !(count && (problem || failed));
  if (problem) {
    part("refused").textContent = `${problem} It is tried again by itself; nothing is lost while this page stays open.`;
    part("refused").hidden = false;
  } else if (!count && part("refused").textContent.includes("tried again by itself")) {
    part("refused").hidden = true;
  }
}

window.addEventListener("beforeunload", (event) => {
  if (element.isConnected && (outbox.length || (pane && pane.unsaved()))) event.preventDefault();
});
