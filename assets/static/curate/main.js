/** Curate: a queue of questions, decided one at a time by single keys. */

import { ADDRESS_CHANGED, addressedTab, getParameter, setParameters } from "../lib/address.js";
import { onActions, setOptions } from "../lib/dom.js";
import { isShown, listen, onShownChange } from "../lib/lifetime.js";
import { DECISIONS_CHANGED, onReviewRequest, SETTLING_REQUESTED, showInExplore } from "../lib/messages.js";
import { App } from "./app.js";
import { accept, cycleSample, move, settle, skip, toggleTag, undo } from "./decide.js";
import { openEdit } from "./edit.js";
import { commandOf, isForeign } from "./keys.js";
import { closePane, mayLeavePane, openNote, openReject, openTags, toggleHelp } from "./panes.js";
import { storedReviewer } from "./reviewer.js";
import { cancelDelete, createQueue, deleteQueue, drawName, drawOrder, leaveQueue, look, openQueue, prepareSettling, reviewExplore, showOthers, useName } from "./start.js";

/** @param {import("../lib/host.js").Host<import("./app.js").Props>} host */
export function mount(host) {
  const { element, props } = host;
  const app = new App(host, (of) => ({
    openQueue: (name) => openQueue(of, name),
    leaveQueue: () => leaveQueue(of),
    cycleSample: (step) => cycleSample(of, step),
    toggleTag: (index) => toggleTag(of, index),
    editTags: () => mayLeavePane(of) && openTags(of),
    closePane: () => closePane(of),
    settle: (batch, results) => settle(of, batch, results),
  }));
  const { part } = app;

  /** @type {Record<import("./keys.js").Command, () => void>} */
  const commands = {
    accept: () => accept(app),
    reject: () => openReject(app),
    skip: () => skip(app),
    undo: () => undo(app),
    edit: () => openEdit(app),
    note: () => openNote(app),
    next: () => move(app, 1),
    previous: () => move(app, -1),
    sampleBefore: () => cycleSample(app, -1),
    sampleAfter: () => cycleSample(app, 1),
    help: () => toggleHelp(app),
    search: () => showInExplore({ search: true }),
  };

  // A text that is being written stays until it is saved or cancelled.
  const guarded = Object.fromEntries(Object.entries(commands).map(([name, action]) => [name, () => mayLeavePane(app) && action()]));

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (!isShown(element) || !app.queue || document.querySelector("dialog[open]")) return;
    const target = event.target instanceof Element ? event.target : document.body;
    if (isForeign(event, (selector) => target.closest(selector) !== null)) return;
    if (app.pane) {
      if (app.pane.onKey(event)) event.preventDefault();
      return;
    }
    const command = commandOf(event);
    if (command === null) return;
    event.preventDefault();
    if (typeof command === "number") toggleTag(app, command);
    else if (command !== "held") commands[command]();
  }

  app.reviewer = storedReviewer();
  setOptions(part("order", HTMLSelectElement), props.orders.map(({ name, title }) => [name, title]));
  setOptions(part("field", HTMLSelectElement), props.fields.map((name) => [name, name]));
  const size = part("size", HTMLInputElement);
  size.value = String(props.size);
  size.max = String(props.largest);
  part("name", HTMLInputElement).maxLength = props.longest_name;
  drawOrder(app);
  part("order").addEventListener("change", () => drawOrder(app));
  onActions(element, {
    ...guarded,
    leave: () => mayLeavePane(app) && leaveQueue(app),
    retry: () => app.outbox.flush(),
    deleteQueue: () => deleteQueue(app),
    cancelDelete: () => cancelDelete(app),
  });
  // After a click, not after a key on a button, the card has the focus: the next space skips the question.
  element.addEventListener("click", (event) => {
    const isAction = event.target instanceof Element && event.target.closest("[data-do]") !== null;
    if (isAction && event.detail && app.queue && !app.pane?.hasUnsaved()) part("card").focus({ preventScroll: true });
  }, { capture: true });
  part("confirm").addEventListener("keydown", (event) => event.key === "Escape" && cancelDelete(app));
  part("reviewer").addEventListener("input", () => drawName(app));
  part("others").addEventListener("change", () => showOthers(app, part("others", HTMLInputElement).checked));
  part("new").addEventListener("submit", (event) => {
    event.preventDefault();
    createQueue(app);
  });
  part("reviewer-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const name = getParameter("curate");
    if (useName(app) && name) openQueue(app, name); // the address names it, and waited for the reviewer's name
    else look(app);
  });
  listen(element, document, "keydown", onKey);
  listen(element, window, "beforeunload", (event) => {
    if (app.outbox.size || app.pane?.hasUnsaved()) event.preventDefault();
  });
  listen(element, window, DECISIONS_CHANGED, () => (app.queue ? openQueue(app, app.queue.name) : look(app)));
  listen(element, window, SETTLING_REQUESTED, () => mayLeavePane(app) && prepareSettling(app));
  onShownChange(element, (shown) => shown && !app.queue && look(app));
  listen(element, window, ADDRESS_CHANGED, () => {
    const name = getParameter("curate");
    if (addressedTab() !== "curate" || name === (app.queue?.name ?? null)) return;
    if (!mayLeavePane(app)) setParameters({ curate: app.queue?.name ?? null }); // Back must not lose a text
    else if (name === null) leaveQueue(app);
    else openQueue(app, name);
  });
  app.outbox.restore();
  const name = getParameter("curate");
  const showRequested = onReviewRequest(element, () => reviewExplore(app));
  look(app).then(() => (name ? openQueue(app, name) : showRequested()));
}
