/** What is asked over the card, without moving it: the reason of a rejection, a note, the tags of the keys; and the list of keys. */

import { button, group, make, setMessage } from "../lib/dom.js";
import { formatNumber } from "../lib/format.js";
import { decide, getDecidable } from "./decide.js";
import { drawCard } from "./card.js";

/** @typedef {import("./app.js").App} App */

/** What a pane is called by screen readers. @type {Record<string, string>} */
const TITLES = { rejection: "Why reject?", note: "Note", tags: "Tags of the keys", edit: "Edit", help: "Keys" };
const KEYS = [
  ["a", "accept, with the solution that is shown"], ["x", "reject; then 1-9 for a reason, Enter for none, or type one"],
  ["space", "skip"], ["u", "undo, as far back as you like"], ["e", "edit; Ctrl-Enter saves, Esc cancels"], ["n", "note"],
  ["1-9", "add a tag, or remove it"], ["j / k", "next or previous question, without deciding"],
  ["[ / ]", "previous or next solution"], ["/", "Explore's search"], ["?", "show these keys; Esc closes"],
];

/**
 * @param {App} app
 * @param {import("./app.js").Pane} pane
 * @param {Node[]} children
 */
export function openPane(app, pane, children) {
  const place = app.part("pane");
  if (!place.contains(document.activeElement)) app.opener = document.activeElement;
  app.pane = pane;
  place.setAttribute("aria-label", TITLES[pane.kind] ?? pane.kind);
  place.replaceChildren(...children);
  place.hidden = false;
  place.scrollTop = 0;
}

/** @param {App} app */
export function closePane(app) {
  if (!app.pane) return;
  const place = app.part("pane");
  const hadFocus = place.contains(document.activeElement);
  app.pane = null;
  place.hidden = true;
  place.replaceChildren();
  if (hadFocus) returnFocus(app);
}

/** To the button that opened the pane, if a key pressed it; else to the card. @param {App} app */
function returnFocus({ element, opener, part }) {
  const again = opener instanceof HTMLElement && opener.dataset.opens ? part("card").querySelector(`[data-opens="${opener.dataset.opens}"]`) : null;
  const target = opener?.isConnected ? opener : again;
  if (target instanceof HTMLButtonElement && element.contains(target) && !target.disabled) target.focus({ preventScroll: true });
  else part("card").focus({ preventScroll: true });
}

/**
 * Whether the pane may be replaced or closed by another action. Where it has unsaved text, it says so and stays.
 * @param {App} app
 */
export function mayLeavePane(app) {
  if (!app.pane?.hasUnsaved()) return true;
  app.report(`Save or cancel the ${app.pane.kind} first: its text is not saved yet.`);
  const field = app.part("pane").querySelector("textarea, input");
  if (field instanceof HTMLElement) field.focus();
  return false;
}

/**
 * Closes the pane on Escape; for `onKey`.
 * @param {App} app
 */
export const closeOnEscape = (app) => (/** @type {KeyboardEvent} */ event) => {
  if (event.key !== "Escape") return false;
  closePane(app);
  return true;
};

/**
 * Why a text is too long; empty where it isn't.
 * @param {string} name
 * @param {string} text
 * @param {number} most - characters
 */
export function lengthProblem(name, text, most) {
  const count = [...text].length;
  return count > most ? `${name} has ${formatNumber(count)} characters; the limit is ${formatNumber(most)}.` : "";
}

/**
 * The keys of a field: Ctrl-Enter saves, Escape cancels.
 * @param {HTMLElement} field
 * @param {() => unknown} save
 * @param {() => void} cancel
 */
export function onFieldKeys(field, save, cancel) {
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save();
    if (event.key === "Escape") cancel();
  });
}

/** @param {App} app */
export function openReject(app) {
  if (!getDecidable(app)) return;
  const { longest_reason: longest, reasons } = app.props;
  const close = () => closePane(app);
  const reject = (/** @type {string} */ reason) => decide(app, "reject", reason ? { reason } : {});
  const items = reasons.map((reason, i) => {
    const made = button("", () => reject(reason));
    made.append(make("kbd", "", String(i + 1)), ` ${reason}`);
    return group("li", "", made);
  });
  const field = make("input");
  field.maxLength = longest;
  field.placeholder = "or type another reason";
  field.setAttribute("aria-label", "Another reason");
  const rejectTyped = () => reject(field.value.trim());
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") rejectTyped();
    if (event.key === "Escape") close();
  });
  const onKey = (/** @type {KeyboardEvent} */ { key }) => {
    const reason = /^[1-9]$/.test(key) ? reasons[Number(key) - 1] : undefined;
    if (reason !== undefined) reject(reason);
    else if (key === "Enter") reject("");
    else if (key === "Escape") close();
    else if (key.length === 1 && key !== " ") {
      field.focus(); // the letter is typed there
      return false;
    }
    return true;
  };
  openPane(app, { kind: "rejection", onKey, hasUnsaved: () => field.value.trim() !== "" }, [
    make("strong", "", "Why reject? Press 1 to 9, Enter for no reason, Esc to cancel."),
    group("ol", "", ...items),
    group("div", "line", field, button("Reject", rejectTyped, "main"), button("Cancel", close)),
  ]);
}

/** @param {App} app */
export function openNote(app) {
  const card = getDecidable(app);
  if (!card) return;
  openText(app, "note", "A note on this question, for all reviewers. Ctrl-Enter saves, Esc cancels.", "", (text) => {
    const note = text.trim();
    const problem = lengthProblem("The note", note, app.props.longest_note);
    if (problem) return problem;
    app.report(note ? "Note added." : "");
    if (note) app.record("note", { text: note }, card.id);
    return "";
  });
}

/** @param {App} app */
export function openTags(app) {
  const help = "The tags of the keys 1 to 9, one per line, for all reviewers. Ctrl-Enter saves, Esc cancels.";
  openText(app, "tags", help, app.tags.join("\n"), async (text) => {
    const tags = text.split("\n").map((name) => name.trim()).filter(Boolean);
    const reply = await app.call("curate_tags", { tags });
    if (reply.error) return reply.error;
    app.tags = reply.tags;
    app.report("Tags saved.");
    drawCard(app);
    return "";
  });
}

/**
 * A pane with a text to write.
 * @param {App} app
 * @param {string} kind
 * @param {string} help
 * @param {string} text
 * @param {(text: string) => string | Promise<string>} save - returns why it can't be saved: then the text stays
 */
function openText(app, kind, help, text, save) {
  const close = () => closePane(app);
  const field = make("textarea");
  field.value = text;
  field.rows = kind === "tags" ? 9 : 4;
  field.setAttribute("aria-label", help);
  const message = make("p", "message is-error");
  message.setAttribute("role", "alert");
  message.hidden = true;
  const submit = async () => {
    const problem = await save(field.value);
    if (!field.isConnected) return;
    setMessage(message, problem);
    if (!problem) close();
  };
  onFieldKeys(field, submit, close);
  openPane(app, { kind, onKey: closeOnEscape(app), hasUnsaved: () => field.value !== text }, [
    make("p", "quiet", help),
    field,
    message,
    group("div", "line", button("Save", submit, "main"), button("Cancel", close)),
  ]);
  field.focus();
}

/** @param {App} app */
export function toggleHelp(app) {
  const close = () => closePane(app);
  if (app.pane?.kind === "help") {
    close();
    return;
  }
  const keys = make("dl");
  KEYS.forEach(([key, text]) => keys.append(group("dt", "", make("kbd", "", key)), make("dd", "", text)));
  const onKey = (/** @type {KeyboardEvent} */ { key }) => {
    if (!["Escape", "?"].includes(key)) return false;
    close();
    return true;
  };
  openPane(app, { kind: "help", onKey, hasUnsaved: () => false }, [keys, button("Close", close)]);
}
