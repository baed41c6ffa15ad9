/** The list of queues and the form of a new one; opening and leaving a queue. */

import { addressFilter, setParameters } from "../lib/address.js";
import { button, find, findAll, group, make, setOptions, setText } from "../lib/dom.js";
import { redraw } from "../lib/redraw.js";
import { drawCard } from "./card.js";
import { drawBar, drawSaved } from "./progress.js";
import { isVerb, nextUndecided, openId } from "./queue.js";
import { storeReviewer } from "./reviewer.js";

/**
 * @typedef {import("./app.js").App} App
 * @typedef {import("./app.js").QueueRow} QueueRow
 */

const NO_NAME = "Enter your name first: each decision is stored with one.";
const EMPTY = "There are no questions yet. Generate some in the Sample or the Runs tab, or import them with `scalequest import`.";
const SETTLING = "differ"; // the order of the questions that reviewers disagree on
const FROM_EXPLORE = "explore";
const FROM_VIEW = "view "; // and its index

/** Fetches the queues, the views and the tags. @param {App} app */
export async function look(app) {
  const number = app.listRequests.next();
  const reply = await app.call("curate_look");
  if (!app.listRequests.isNewest(number)) return;
  if (reply.error) {
    app.showError(reply.error);
    return;
  }
  app.overview = reply;
  if (reply.fixed) app.reviewer = reply.who;
  app.tags = reply.tags;
  app.showError("");
  drawStart(app);
}

/** Shows the list of queues, or the queue that is open. @param {App} app */
function drawStart(app) {
  const { overview, part, queue, reviewer } = app;
  part("start").hidden = queue !== null;
  part("review").hidden = queue === null;
  if (queue !== null || overview === null) return;
  const { demo, fixed, notes, queues, total } = overview;
  const field = part("reviewer", HTMLInputElement);
  if (fixed || (!field.value && document.activeElement !== field)) field.value = reviewer ?? "";
  field.disabled = fixed;
  find(part("reviewer-form"), "button").hidden = fixed;
  const seed = part("seed", HTMLInputElement);
  if (document.activeElement !== seed) seed.defaultValue = String(overview.seed); // with another queue's seed the same rows come again
  part("notes").replaceChildren(...[...(demo ? [app.props.demo] : []), ...notes].map((text) => make("p", "message", text)));
  part("none").hidden = queues.length > 0;
  redraw(part("queues"), () => part("queues").replaceChildren(...queues.map((row) => makeQueue(app, row))));
  drawName(app);
  drawBases(app);
  part("new").hidden = !total;
  if (!total) app.showError(EMPTY);
}

/** Without a name no queue can be opened: its buttons are disabled, and a sentence says why. @param {App} app */
export function drawName({ overview, part, reviewer }) {
  const isFixed = overview?.fixed ?? false;
  const hasName = isFixed || part("reviewer", HTMLInputElement).value.trim() !== "";
  setText(part("reviewer-help"), isFixed ? "Your login is your name." : hasName || reviewer ? "Each decision is stored with this name." : NO_NAME);
  [part("begin"), ...findAll(part("queues"), "[data-opens]")].forEach((made) => {
    if (!(made instanceof HTMLButtonElement)) return;
    made.disabled = !hasName;
    made.title = hasName ? "" : NO_NAME;
  });
}

/**
 * @param {App} app
 * @param {QueueRow} row
 */
function makeQueue(app, row) {
  const open = button(row.over ? "View" : "Continue", () => openQueue(app, row.name), row.over ? "" : "main");
  open.dataset.opens = row.name;
  open.setAttribute("aria-label", `${open.textContent} ${row.text}`);
  const remove = button("Delete", () => confirmDelete(app, row));
  remove.dataset.deletes = row.name;
  remove.setAttribute("aria-label", `Delete ${row.text}`);
  return group("div", "queue",
    make("strong", "", `${row.text}: ${row.progress} decided`),
    group("div", "acts", open, remove),
    make("span", "quiet", `${row.order}, ${row.of} rows of ${row.filter}; created ${row.made}`));
}

/**
 * @param {App} app
 * @param {QueueRow} row
 */
function confirmDelete({ part }, row) {
  const confirm = part("confirm");
  confirm.dataset.queue = row.name;
  confirm.hidden = false;
  setText(find(confirm, "span"), `Delete the queue “${row.text}”? Its decisions are kept.`);
  find(confirm, "[data-do=deleteQueue]").focus();
}

/** Back to the button that asked. @param {App} app */
export function cancelDelete({ part }) {
  const confirm = part("confirm");
  confirm.hidden = true;
  const rows = findAll(part("queues"), ".queue");
  const row = rows.find((one) => find(one, "[data-opens]").dataset.opens === confirm.dataset.queue);
  if (row) find(row, "[data-deletes]").focus();
}

/** Deletes the queue that was confirmed. @param {App} app */
export async function deleteQueue(app) {
  const confirm = app.part("confirm");
  const reply = await app.call("curate_delete", { queue: confirm.dataset.queue });
  confirm.hidden = true;
  app.part("order").focus();
  await look(app);
  if (reply.error) app.showError(reply.error);
}

/** What a new queue can be drawn from. @param {App} app */
function drawBases({ overview, part }) {
  const base = part("base", HTMLSelectElement);
  const before = base.value;
  const filter = addressFilter();
  /** @type {[string, string][]} */
  const options = [["all", "All rows"], ...(overview?.views ?? []).map(({ text }, i) => /** @type {[string, string]} */ ([`${FROM_VIEW}${i}`, `View: ${text}`]))];
  if (filter && filter !== "{}") options.unshift([FROM_EXPLORE, "Explore's current filter"]);
  const texts = (/** @type {(readonly [string, string])[]} */ of) => JSON.stringify(of);
  if (texts([...base.options].map(({ value, text }) => [value, text])) !== texts(options)) setOptions(base, options);
  base.value = options.some(([value]) => value === before) ? before : options[0][0];
}

/** @param {App} app */
export function drawOrder({ part, props }) {
  const order = props.orders.find(({ name }) => name === part("order", HTMLSelectElement).value);
  setText(part("order-help"), order?.help ?? "");
  ["field-label", "value-label"].forEach((name) => (part(name).hidden = order?.name !== "threshold"));
}

/** Prepares a queue of Explore's filter. @param {App} app */
export async function reviewExplore(app) {
  if (app.queue) await leaveQueue(app);
  else if (!app.overview) await look(app);
  drawBases(app);
  const base = app.part("base", HTMLSelectElement);
  base.value = [...base.options].some(({ value }) => value === FROM_EXPLORE) ? FROM_EXPLORE : "all";
  app.part("order").focus();
}

/** Prepares a queue of the disagreements. @param {App} app */
export async function prepareSettling(app) {
  if (app.queue) await leaveQueue(app);
  app.part("base", HTMLSelectElement).value = "all";
  app.part("order", HTMLSelectElement).value = SETTLING;
  drawOrder(app);
  app.part("new").scrollIntoView({ block: "center" });
  app.part("begin").focus({ preventScroll: true });
}

/** @param {App} app */
function baseFilter({ overview, part }) {
  const { value } = part("base", HTMLSelectElement);
  if (value === FROM_EXPLORE) return addressFilter();
  return value.startsWith(FROM_VIEW) ? overview?.views[Number(value.slice(FROM_VIEW.length))].filter ?? null : null;
}

/** Takes the name from its field; whether there is one. @param {App} app */
export function useName(app) {
  const name = app.part("reviewer", HTMLInputElement).value.trim();
  if (app.overview?.fixed || !name) return Boolean(app.reviewer);
  if (app.reviewer !== name) app.exposed.clear(); // another person, who has seen nothing
  app.reviewer = name;
  storeReviewer(name);
  return true;
}

/** Creates the queue of the form and opens it. @param {App} app */
export async function createQueue(app) {
  const { part } = app;
  if (!useName(app)) {
    setText(part("reviewer-help"), NO_NAME);
    part("reviewer").focus();
    return;
  }
  const text = (/** @type {string} */ name) => part(name, HTMLInputElement).value;
  const numberOf = (/** @type {string} */ name) => (text(name) === "" ? null : Number(text(name)));
  const order = part("order", HTMLSelectElement).value;
  const threshold = order === "threshold" ? { field: part("field", HTMLSelectElement).value, value: numberOf("value") } : {};
  const submit = part("begin", HTMLButtonElement);
  submit.disabled = true;
  const reply = await app.call("curate_make", {
    filter: baseFilter(app), order, size: numberOf("size"), seed: numberOf("seed"), name: text("name"),
    blind: part("blind", HTMLInputElement).checked, ...threshold,
  });
  submit.disabled = false;
  if (reply.error) {
    app.showError(reply.error);
    return;
  }
  part("name", HTMLInputElement).value = ""; // no two queues have one name
  openQueue(app, reply.queue);
}

/**
 * Opens a queue at the first question that this reviewer has not decided.
 * @param {App} app
 * @param {string} name
 */
export async function openQueue(app, name) {
  const { outbox, part } = app;
  if (!useName(app)) {
    await look(app);
    app.showError(NO_NAME);
    part("reviewer").focus();
    return;
  }
  const number = app.listRequests.next();
  const reply = await app.call("curate_open", { queue: name, others: app.showsOthers });
  if (!app.listRequests.isNewest(number)) return;
  if (reply.error) {
    await leaveQueue(app, reply.error);
    return;
  }
  app.showError("");
  const openPane = app.queue?.name === name && app.pane ? openId(app.queue) : null; // someone types there
  if (app.queue?.name !== name) part("refused").hidden = true;
  app.cards.clear();
  app.cardRequests.clear();
  /** @type {import("./queue.js").Queue} */
  const queue = { ...reply, name: reply.queue };
  outbox.decisions.forEach((decision) => {
    const at = queue.ids.indexOf(decision.question_id ?? "");
    if (decision.queue === name && isVerb(decision.action) && at >= 0) queue.decided[at] = decision.action;
  });
  if (openPane !== null && queue.ids.includes(openPane)) {
    refreshQueue(app, queue, openPane);
    return;
  }
  if (app.queue?.name !== name) {
    app.showsOthers = queue.settles && !queue.blind; // who settles has to know what is settled
    part("others", HTMLInputElement).checked = app.showsOthers;
  }
  app.queue = queue;
  setParameters({ curate: name });
  drawStart(app);
  setText(part("estimate"), queue.estimate);
  if (app.overview === null) await look(app);
  app.show(nextUndecided(queue, queue.at ?? 0));
  drawBar(app, queue);
  drawSaved(app);
  part("card").focus({ preventScroll: true });
}

/**
 * Takes over what was decided meanwhile. The open card and its pane stay.
 * @param {App} app
 * @param {import("./queue.js").Queue} queue
 * @param {string} id - of the open card
 */
function refreshQueue(app, queue, id) {
  app.queue = { ...queue, at: queue.ids.indexOf(id) };
  setText(app.part("estimate"), queue.estimate);
  drawBar(app, app.queue);
  drawSaved(app);
  app.prefetch();
}

/**
 * Back to the list of queues.
 * @param {App} app
 * @param {string} [problem] - why the queue can't be open
 */
export async function leaveQueue(app, problem) {
  app.actions.closePane();
  app.queue = null;
  app.cards.clear();
  setParameters({ curate: null });
  drawStart(app);
  await look(app);
  if (problem) app.showError(problem);
}

/**
 * Shows or hides what other reviewers did, from the open card on.
 * @param {App} app
 * @param {boolean} shown
 */
export async function showOthers(app, shown) {
  const { queue } = app;
  app.showsOthers = shown;
  app.cards.clear();
  app.cardRequests.clear();
  if (!queue) return;
  drawCard(app);
  app.prefetch();
  const reply = await app.call("curate_open", { queue: queue.name, others: shown });
  if (!reply.error && app.queue === queue && app.showsOthers === shown) setText(app.part("estimate"), reply.estimate);
}
