/** Deciding the open question, and what the server replies to decisions. */

import { setText } from "../lib/dom.js";
import { drawCard, shownIndex } from "./card.js";
import { drawBar } from "./progress.js";
import { isVerb, neighbor, nextUndecided, openId } from "./queue.js";

/**
 * @typedef {import("./app.js").App} App
 * @typedef {import("./outbox.js").Decision} Decision
 * @typedef {import("./outbox.js").Result} Result
 */

/**
 * The open card if it can be decided; else null, and the reason is shown.
 * @param {App} app
 */
export function getDecidable(app) {
  const { card, queue } = app;
  if (queue && queue.at !== null && !card) app.report("This question is still loading…");
  return card && card.gone === undefined ? card : null;
}

/**
 * Decides the open question and opens the next one.
 * @param {App} app
 * @param {import("./queue.js").Verb} verb
 * @param {object} [payload]
 */
export function decide(app, verb, payload = {}) {
  if (!app.queue) return;
  const id = openId(app.queue);
  const settles = app.queue.settles && verb !== "skip" ? { settles: true } : {};
  app.record(verb, { ...payload, blind: !app.exposed.has(id), ...settles }, id);
  app.report("");
  markDecided(app, verb);
}

/**
 * @param {App} app
 * @param {import("./queue.js").Verb} verb
 */
function markDecided(app, verb) {
  const { queue } = app;
  if (!queue || queue.at === null) return;
  queue.decided[queue.at] = verb;
  app.show(nextUndecided(queue, (queue.at + 1) % queue.ids.length));
}

/** Accepts the question with the solution that is shown. @param {App} app */
export function accept(app) {
  const card = getDecidable(app);
  if (!card) return;
  const sample = card.samples[shownIndex(app, card)];
  if (!sample || sample.sample === card.chosen) {
    decide(app, "accept");
    return;
  }
  if (card.original.response !== undefined) { // the edit was of another solution
    app.record("edit", { response: sample.raw, ...(sample.answer === null ? {} : { answer: sample.answer }) }, card.id);
  }
  decide(app, "accept", { sample: sample.sample });
}

/** @param {App} app */
export function skip(app) {
  if (app.card?.gone !== undefined) markDecided(app, "skip"); // nobody can decide it, so nothing is stored
  else if (getDecidable(app)) decide(app, "skip");
}

/** @param {App} app */
export function undo(app) {
  if (!app.queue) return;
  app.actions.closePane();
  app.report("Undoing…");
  app.record("undo", {}, null);
}

/**
 * Opens the next or the previous question.
 * @param {App} app
 * @param {1 | -1} step
 */
export function move(app, step) {
  const at = app.queue && neighbor(app.queue, step);
  if (at !== null) app.show(at);
}

/**
 * @param {App} app
 * @param {1 | -1} step
 */
export function cycleSample(app, step) {
  const { card } = app;
  if (!card || card.gone !== undefined || !card.samples.length) return;
  app.showSample((shownIndex(app, card) + step + card.samples.length) % card.samples.length);
}

/**
 * Adds the tag of a key to the open question, or removes it.
 * @param {App} app
 * @param {number} index
 */
export function toggleTag(app, index) {
  const name = app.tags[index];
  if (name === undefined) {
    app.report(`The key ${index + 1} has no tag yet. Press “Tags…” next to the question to add one.`);
    return;
  }
  const card = getDecidable(app);
  if (!card) return;
  const isTagged = card.tags.includes(name);
  app.record(isTagged ? "untag" : "tag", { tag: name }, card.id);
  card.tags = isTagged ? card.tags.filter((tag) => tag !== name) : [...card.tags, name].sort();
  app.report(isTagged ? `Removed the tag ${name}.` : `Added the tag ${name}.`);
  drawCard(app);
}

/**
 * Shows what the server did with decisions.
 * @param {App} app
 * @param {import("./outbox.js").Batch} batch
 * @param {Map<string, Result>} results
 */
export function settle(app, batch, results) {
  batch.events.forEach((decision) => {
    const result = results.get(decision.event_id);
    if (result) settleOne(app, decision, result);
  });
}

/**
 * @param {App} app
 * @param {Decision} decision
 * @param {Result} result
 */
function settleOne(app, decision, result) {
  const { queue } = app;
  const id = decision.question_id;
  if (result.refused) {
    const refused = app.part("refused");
    setText(refused, `Not saved: ${decision.action} of ${id || "the newest decision"}. ${result.refused}`);
    refused.hidden = false;
    app.report(""); // it said that this was done
  }
  if (!queue || decision.queue !== queue.name) return;
  if (decision.action === "undo") {
    settleUndo(app, queue, result);
    return;
  }
  if (id === null || app.outbox.isPending(id)) return;
  const at = queue.ids.indexOf(id);
  if (result.refused && isVerb(decision.action) && at >= 0) queue.decided[at] = null;
  app.cardRequests.forget(id); // a card that was requested before may not have this decision
  if (id === openId(queue)) app.fetchCards([id]);
  else app.cards.delete(id); // fetched again when it is shown
  drawBar(app, queue);
}

/**
 * @param {App} app
 * @param {import("./queue.js").Queue} queue
 * @param {Result} result
 */
function settleUndo(app, queue, result) {
  app.report(result.said || result.refused || "");
  if (result.at === undefined) {
    if (result.undone !== null) app.actions.openQueue(queue.name); // a bulk decision, or a question of no queue
    return;
  }
  queue.decided[result.at] = result.decided ?? null;
  app.cards.delete(result.undone ?? "");
  if (!app.pane) app.show(result.at);
  else if (openId(queue) === result.undone) app.prefetch(); // someone types there: the card stays
  drawBar(app, queue);
}
