/** Accepting, rejecting and tagging the open row. */

import { button, group, make } from "../lib/dom.js";
import { storedReviewer, storeReviewer } from "../curate/reviewer.js";
import { randomId } from "../lib/requests.js";

/**
 * @typedef {import("./types.js").Review} Review
 * @typedef {{ longest_name: number, longest_tag: number }} Limits
 * @typedef {(action: string, payload: object, eventId: string) => void} Send
 */

const NAMELESS = "Enter your name to decide: it is stored with each decision.";

/**
 * The line of decisions.
 * @param {Review} review
 * @param {Limits} limits
 * @param {Send} send
 * @param {string} said - what the last decision did, or why it was refused
 */
export function decisionsOf(review, limits, send, said) {
  const { status, tags, offered, own } = review;
  /** @type {HTMLButtonElement[]} */
  const needName = [];
  const verb = (/** @type {string} */ name, /** @type {string} */ action, /** @type {string} */ done) => {
    const made = button(name, () => send(action, {}, randomId(16)));
    made.setAttribute("aria-pressed", String(status === done));
    needName.push(made);
    return made;
  };
  const line = group("div", "line", verb("Accept", "accept", "accepted"), verb("Reject", "reject", "rejected"));
  if (own !== null) {
    const undo = button("Undo", () => send("undo", {}, own));
    undo.title = "Take back your newest decision on this question";
    needName.push(undo);
    line.append(undo);
  }
  line.append(make("span", "status", status));
  const labels = [...new Set([...offered, ...tags])].map((tag) => {
    const isOn = tags.includes(tag);
    const made = button(`# ${tag}`, () => send(isOn ? "untag" : "tag", { tag }, randomId(16)), "tag");
    made.setAttribute("aria-pressed", String(isOn));
    needName.push(made);
    return made;
  });
  const field = make("input");
  Object.assign(field, { maxLength: limits.longest_tag, placeholder: "new tag", autocomplete: "off" });
  field.setAttribute("aria-label", "New tag");
  const add = button("Add tag", () => field.value.trim() && send("tag", { tag: field.value }, randomId(16)));
  needName.push(add);
  field.addEventListener("keydown", (event) => event.key === "Enter" && add.click());
  const why = make("p", "quiet");
  const parts = [line, group("div", "line", ...labels, field, add), why, message(said)];
  const allow = () => {
    why.textContent = review.who || storedReviewer()?.trim() ? "" : NAMELESS;
    why.hidden = !why.textContent;
    needName.forEach((made) => {
      made.disabled = !why.hidden;
      if (!why.hidden) made.title = why.textContent ?? "";
    });
  };
  if (!review.fixed && !storedReviewer()?.trim()) parts.unshift(nameField(limits, allow));
  allow();
  return parts;
}

/** @param {string} said */
function message(said) {
  const made = make("p", "quiet", said);
  made.setAttribute("role", "status");
  return made;
}

/**
 * @param {Limits} limits
 * @param {() => void} onChange
 */
function nameField({ longest_name: longest }, onChange) {
  const field = make("input");
  Object.assign(field, { maxLength: longest, autocomplete: "name", spellcheck: false });
  field.addEventListener("input", () => {
    storeReviewer(field.value.trim());
    onChange();
  });
  return group("label", "line", "Your name ", field);
}
