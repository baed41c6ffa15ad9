/** The card: the open question with its solution on the left, and what is known about it on the right. */

import { button, findAll, group, make } from "../lib/dom.js";
import { formatNumber } from "../lib/format.js";
import { showInExplore } from "../lib/messages.js";
import { redraw } from "../lib/redraw.js";
import { drawText, prepareText } from "../lib/text/draw.js";
import { makeDiff } from "./diff.js";
import { drawDone } from "./progress.js";
import { neighbor, nextUndecided, openId, OUTCOMES } from "./queue.js";

/**
 * @typedef {import("./app.js").App} App
 * @typedef {import("./app.js").Card} Card
 */

const OTHERS_HIDDEN = "Hidden until you decide: other reviewers' decisions, tags and notes. Agreement means more when nobody follows the others.";
const CHANGES = ["accept", "reject", "edit", "note"];
const ALWAYS = ["undo", "previous", "help"]; // buttons that work where all questions are decided

/** @param {Card} card */
export const chosenIndex = (card) => Math.max(card.samples.findIndex(({ sample }) => sample === card.chosen), 0);

/**
 * The index of the solution that is shown.
 * @param {App} app
 * @param {Card} card
 */
export const shownIndex = (app, card) => app.sampleShown ?? chosenIndex(card);

/**
 * Why a button would be refused; empty where it would not.
 * @param {import("./queue.js").Queue} queue
 * @param {Card | import("./app.js").GoneCard | undefined} card
 * @param {string} action
 */
function actionProblem(queue, card, action) {
  if (action === "previous" && neighbor(queue, -1) === null) return "This is the first question of the queue.";
  if (action === "next" && queue.at !== null && neighbor(queue, 1) === null) return "This is the last question of the queue.";
  if (queue.at === null) return ALWAYS.includes(action) ? "" : "All questions of this queue are decided.";
  return card?.gone !== undefined && CHANGES.includes(action) ? "This question was deleted with its run." : "";
}

/** @param {App} app */
export function drawCard(app) {
  const { card, element, part, queue } = app;
  if (!queue) return;
  const place = part("card");
  const isOver = queue.at === null;
  place.hidden = isOver;
  part("done").hidden = !isOver;
  findAll(element, '[role="toolbar"] [data-do]', HTMLButtonElement).forEach((made) => {
    const problem = actionProblem(queue, card, made.dataset.do ?? "");
    made.disabled = problem !== "";
    made.title = problem;
  });
  if (isOver) {
    drawDone(app, queue);
    return;
  }
  const id = openId(queue);
  const draw = () => fillCard(app, place, card, id);
  if (place.dataset.id === id) redraw(place, draw);
  else draw();
}

/**
 * @param {App} app
 * @param {HTMLElement} place
 * @param {Card | import("./app.js").GoneCard | undefined} card - undefined while it is loading
 * @param {string} id
 */
function fillCard(app, place, card, id) {
  place.dataset.id = id;
  if (!card) {
    place.classList.remove("is-blind");
    place.replaceChildren(make("p", "quiet", `Loading ${id}…`));
  } else if (card.gone !== undefined) {
    place.classList.remove("is-blind");
    place.replaceChildren(make("p", "", card.gone), make("p", "quiet", "Press space or j to go to the next question."));
  } else {
    if (card.others === "shown") app.exposed.add(card.id);
    place.classList.toggle("is-blind", card.hidden);
    place.replaceChildren(makeHead(app, card), group("div", "sides", makeTexts(app, card), makeFacts(app, card)));
    prepareNext(app);
  }
}

/** Makes the formulas of the next card. @param {App} app */
function prepareNext({ cards, queue }) {
  if (!queue || queue.at === null) return;
  const at = nextUndecided(queue, (queue.at + 1) % queue.ids.length);
  const next = at === null ? undefined : cards.get(queue.ids[at]);
  if (!next || next.gone !== undefined) return;
  [next.query, next.response ?? ""].forEach(prepareText);
}

/**
 * @param {string} title
 * @param {...(Node | string)} children
 */
const block = (title, ...children) => group("section", "", make("h3", "", title), ...children);

/**
 * @param {string} title
 * @param {...(Node | string)} children
 */
const collapsed = (title, ...children) => group("details", "", make("summary", "", title), ...children);

/**
 * @template Entry
 * @param {readonly Entry[]} entries
 * @param {(entry: Entry) => (Node | string)[]} childrenOf
 */
const list = (entries, childrenOf) => group("ul", "", ...entries.map((entry) => group("li", "", ...childrenOf(entry))));

/** @param {string} id */
const rowLink = (id) => button(id, () => showInExplore({ row: id }), "id");

/**
 * @param {App} app
 * @param {Card} card
 */
function makeHead({ queue }, card) {
  const made = make("div", "head");
  const verb = queue && queue.at !== null ? queue.decided[queue.at] : null;
  if (verb) made.append(make("span", "status", `You ${OUTCOMES[verb]} it`));
  const link = rowLink(card.id);
  link.title = "Show this question in Explore";
  made.append(link, ...card.facts.map((fact) => make("span", "chip", fact)));
  if (card.dropped) made.append(make("span", "chip is-dropped", card.dropped));
  if (!card.hidden && card.status && card.status !== "unreviewed") made.append(make("span", "chip", card.status));
  made.append(...card.tags.map((tag) => make("span", "chip tag", `# ${tag}`)));
  return made;
}

/**
 * @param {string} text
 * @param {string} className
 */
function makeText(text, className) {
  const made = make("div", className);
  drawText(made, text);
  return made;
}

/**
 * Folded; drawn when it is first opened, because reasoning is long.
 * @param {string} text
 */
function makeReasoning(text) {
  const made = collapsed(`Reasoning, ${formatNumber(text.length)} characters`);
  made.addEventListener("toggle", () => made.append(makeText(text, "solution")), { once: true });
  return made;
}

/**
 * @param {App} app
 * @param {Card} card
 */
function makeTexts(app, card) {
  const { original } = card;
  const made = group("div", "", block("Question", makeText(card.query, "question")));
  if (original.query !== undefined) made.append(collapsed("Question before edits", makeDiff(original.query, card.query)));
  const index = shownIndex(app, card);
  const sample = card.samples[index];
  if (!sample) {
    made.append(block("Solution", make("p", "quiet", "None: the question was dropped before it was solved.")));
    return made;
  }
  const chosen = index === chosenIndex(card) ? card.response : null; // with its edits
  const buttons = make("div", "samples");
  if (card.samples.length > 1) {
    buttons.append(button("[ Previous", () => app.actions.cycleSample(-1)), button("Next ]", () => app.actions.cycleSample(1)));
    if (index !== chosenIndex(card)) buttons.append(make("span", "quiet", "Accepting now takes this solution."));
  }
  const title = `Solution ${index + 1} of ${card.samples.length}: ${sample.title}`;
  const reasoning = sample.reasoning ? [makeReasoning(sample.reasoning)] : [];
  made.append(block(title, buttons, ...reasoning, makeText(chosen ?? sample.text, "solution")));
  if (chosen !== null && original.response !== undefined) made.append(collapsed("Solution before edits", makeDiff(original.response, chosen)));
  if (chosen && card.answer) {
    const before = original.answer !== undefined ? ` (edited, was ${original.answer || "none"})` : "";
    made.append(make("p", "quiet answer", `Answer: ${card.answer}${before}`));
  }
  if (card.reference) made.append(make("p", "quiet", `Reference answer: ${card.reference}`));
  return made;
}

/**
 * @param {App} app
 * @param {Card} card
 */
function makeFacts(app, card) {
  const { decisions, near, notes, samples, scores, verdicts } = card;
  const made = group("aside", "", makeTags(app, card));
  if (card.hidden) made.append(make("p", "quiet", "Blind: scores, verdicts and other reviewers' decisions appear after you decide."));
  else if (card.others === "hidden") made.append(make("p", "quiet", OTHERS_HIDDEN));
  if (card.others === "shown" && card.reviews.length) made.append(block("Reviewers", list(card.reviews, (review) => [review])));
  if (scores.length) made.append(block("Scores among all questions", ...scores.map(makeScore)));
  if (samples.length > 1) made.append(block(card.groups.length ? "Solutions by answer" : "Solutions", ...makeGroups(app, card)));
  if (notes.length) made.append(block("Notes", list(notes, (note) => [`${note.text} (${note.who}, ${note.when})`])));
  if (near.length) {
    const rows = list(near, ({ id, text }) => [rowLink(id), make("div", "written", text)]);
    made.append(collapsed(`Near-duplicates: ${formatNumber(card.near_of)}`, rows));
  }
  if (verdicts.length) {
    const rows = list(verdicts, ({ stage, said, raw }) => [`${stage}: ${said}`, ...(raw ? [make("div", "diff", raw)] : [])]);
    made.append(collapsed("Verdicts", rows));
  }
  if (decisions.length) {
    const rows = list(decisions, (one) => {
      const details = one.with ? `, ${one.with}` : "";
      return [`${one.when} ${one.who}: ${one.what}${details}${one.undone ? " (undone)" : ""}`];
    });
    made.append(collapsed(`History: ${formatNumber(decisions.length)}`, rows));
  }
  return made;
}

/** @param {import("./app.js").Score} score */
function makeScore({ name, value, percentile }) {
  const made = group("div", "score", make("span", "", name), make("strong", "", value));
  if (percentile === null) return made;
  const mark = make("span");
  mark.style.left = `calc(${percentile}% - .17rem)`;
  made.append(group("div", "track", mark), make("span", "quiet", `higher than ${Math.round(percentile)}\u00a0% of all`));
  return made;
}

/**
 * The solutions by their final answers.
 * @param {App} app
 * @param {Card} card
 */
function makeGroups(app, card) {
  const one = { title: "", facts: "", samples: card.samples.map(({ sample }) => sample) };
  return (card.groups.length ? card.groups : [one]).map(({ title, facts, samples }) => {
    const buttons = samples.map((sample) => {
      const index = card.samples.findIndex((other) => other.sample === sample);
      const isChosen = sample === card.chosen;
      const made = button(`${isChosen ? "★ " : ""}${sample}`, () => app.showSample(index));
      made.setAttribute("aria-label", `Show sample ${sample}${isChosen ? ", the chosen one" : ""}`);
      made.setAttribute("aria-pressed", String(index === shownIndex(app, card)));
      return made;
    });
    const heading = title ? [make("div", "quiet", `${title}: ${facts}`)] : [];
    return group("div", "", ...heading, group("div", "samples", ...buttons));
  });
}

/**
 * @param {App} app
 * @param {Card} card
 */
function makeTags({ actions, tags }, card) {
  const made = make("div", "tags");
  tags.forEach((name, i) => {
    const tag = button("", () => actions.toggleTag(i));
    tag.append(make("kbd", "", String(i + 1)), ` ${name}`);
    tag.setAttribute("aria-pressed", String(card.tags.includes(name)));
    made.append(tag);
  });
  const edit = button(tags.length ? "Tags…" : "Add tags for the keys 1 to 9…", () => actions.editTags(), "quiet");
  edit.dataset.opens = "tags";
  made.append(edit);
  return made;
}
