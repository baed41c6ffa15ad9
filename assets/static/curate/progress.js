/** The bar above the card, whether decisions are saved, and the summary where all are decided. */

import { button, group, make, setMessage, setText } from "../lib/dom.js";
import { formatNumber } from "../lib/format.js";
import { showInExplore } from "../lib/messages.js";
import { countDecided, isVerb, OUTCOMES } from "./queue.js";

/**
 * @typedef {import("./app.js").App} App
 * @typedef {import("./queue.js").Queue} Queue
 */

/**
 * @param {App} app
 * @param {Queue} queue
 */
export function drawBar({ part }, queue) {
  const done = countDecided(queue);
  const total = queue.ids.length;
  setText(part("title"), queue.text);
  part("title").title = `${queue.order}; ${queue.filter}`;
  part("estimate").title = `The share that people would accept of all ${formatNumber(queue.of)} rows of the filter, with its 95\u00a0% interval`;
  const row = queue.at === null ? "" : ` · row ${formatNumber(queue.at + 1)}`;
  setText(part("progress"), `${formatNumber(done)} of ${formatNumber(total)} decided${row}`);
  part("bar").style.width = `${total ? (100 * done) / total : 0}%`;
  part("blind-mark").hidden = !queue.blind;
}

/**
 * @param {App} app
 * @param {string} [problem] - why the last request failed
 */
export function drawSaved({ part, outbox }, problem) {
  const status = part("saved");
  const count = formatNumber(outbox.size);
  const failed = outbox.size > 0 && Boolean(problem || outbox.failures);
  const saved = outbox.failures ? "" : "Saved";
  setText(status, !outbox.size ? saved : failed ? `${count} not saved` : `Saving ${count}…`);
  status.classList.toggle("is-error", failed);
  status.title = problem ?? "";
  part("retry").hidden = !failed;
  if (problem) setMessage(part("unsent"), `${problem} Saving is retried automatically; nothing is lost while this page stays open.`);
  else if (!outbox.size) setMessage(part("unsent"), "");
}

/**
 * @param {App} app
 * @param {Queue} queue
 */
export function drawDone(app, queue) {
  const { part } = app;
  const counts = Object.entries(OUTCOMES).map(([verb, outcome]) => `${formatNumber(isVerb(verb) ? countDecided(queue, verb) : 0)} ${outcome}`);
  const estimate = part("estimate").textContent;
  const sampled = estimate ? `Of all ${formatNumber(queue.of)} rows of the filter: ${estimate}.` : "";
  const about = queue.sample ? sampled : "This queue is not a probability sample, so it gives no estimate for the other rows.";
  const decided = `All ${formatNumber(queue.ids.length)} rows of this queue are decided: ${counts.join(", ")}.`;
  part("done").replaceChildren(
    make("h2", "", "Done"),
    make("p", "", queue.ids.length ? decided : "This queue has no rows."),
    make("p", "quiet", about),
    group("div", "line",
      button("Review them again", () => app.show(0)),
      button("All queues", () => app.actions.leaveQueue()),
      button("Show accepted rows in Explore", () => showInExplore({ filter: { status: ["accepted"] } }))),
    make("p", "quiet", "Next: the panels below show how well rewards and filters agree with people; Export makes a dataset of the accepted rows."),
  );
}
