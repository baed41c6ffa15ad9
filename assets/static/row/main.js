/**
 * The drawer with the story of one question, over the tab from which it was opened and over Explore, whose address names
 * the row. When it is closed, the focus returns to what opened it.
 */

import { ADDRESS_CHANGED, addressFilter, addressOf, getParameter, parseFilter } from "../lib/address.js";
import { onActions, partsOf, setMessage, setText } from "../lib/dom.js";
import { listen } from "../lib/lifetime.js";
import { announce, announceRowClosed, DECISIONS_CHANGED, openRow, ROW_CHANGED } from "../lib/messages.js";
import { call, RequestStream } from "../lib/requests.js";
import { onTabChange, openedTab } from "../lib/tabs.js";
import { storedReviewer } from "../curate/reviewer.js";
import { decisionsOf } from "./decide.js";
import { detailsOf } from "./details.js";
import { bodyOf, headOf, section, similarOf, tableBox } from "./story.js";

/**
 * @typedef {import("./types.js").Row} Row
 * @typedef {import("./types.js").Gone} Gone
 * @typedef {import("../lib/requests.js").Answer<Row | Gone>} Reply
 */

const EXPLORE = "explore";
const COPIED_FOR = 4000; // milliseconds that a message stays

/** @param {import("../lib/host.js").Host<import("./decide.js").Limits>} host */
export function mount({ element, props, server }) {
  const part = partsOf(element);
  const panel = part("panel");
  /** The question that is open. @type {string | null} */
  let open = null;
  /** What had the focus before the drawer. @type {HTMLElement | null} */
  let opener = null;
  /** @type {Row | Gone | null} */
  let shown = null;
  /** The tab over which it was opened. */
  let tab = EXPLORE;
  let said = "";
  let asked = 0;
  /** Steps that were asked for before the open question was read; negative ones go back. */
  let steps = 0;

  /** @type {RequestStream<string, Reply>} */
  const requests = new RequestStream(
    (row) => call(server, "row_look", { row, filter: parseFilter(addressFilter()), sort: getParameter("sort"), reviewer: storedReviewer() }),
    (reply, row) => row === open && receive(reply, row),
  );

  /**
   * @param {Reply} reply
   * @param {string} id
   */
  function receive(reply, id) {
    const problem = reply.error ?? ("gone" in reply ? reply.gone : undefined);
    setMessage(part("problem"), problem);
    part("all").hidden = problem !== undefined;
    if (problem !== undefined) setText(part("title"), id);
    if (reply.error !== undefined) return;
    const isOther = shown?.id !== reply.id;
    shown = reply;
    setText(part("title"), id);
    setText(part("place"), reply.place?.said ?? "");
    part("before", HTMLButtonElement).disabled = !reply.place?.before;
    part("after", HTMLButtonElement).disabled = !reply.place?.after;
    if (steps) {
      const direction = Math.sign(steps);
      steps -= direction;
      step(direction);
    }
    if (reply.gone !== undefined) return;
    setText(part("fate"), reply.fate);
    part("fate").className = `fate is-${reply.state}`;
    drawReview(reply);
    if (!isOther) return;
    part("head").replaceChildren(...headOf(reply));
    part("body").replaceChildren(...bodyOf(reply));
    part("details").replaceChildren(detailsOf(reply));
    part("near").replaceChildren();
    panel.scrollTo(0, 0);
    showSimilar(id);
  }

  /** @param {Row} row */
  function drawReview(row) {
    const focused = part("decide").contains(document.activeElement) ? document.activeElement?.textContent : null;
    part("decide").replaceChildren(...decisionsOf({ ...row, who: row.who ?? storedReviewer() }, props, decide, said));
    if (focused !== null) [...part("decide").querySelectorAll("button")].find((made) => made.textContent === focused)?.focus();
    part("history").replaceChildren(...(row.history ? [section("Decisions", tableBox(row.history))] : []));
  }

  /** @type {import("./decide.js").Send} */
  async function decide(action, payload, eventId) {
    const row = open;
    /** @type {{ error?: string, said?: string }} */
    const reply = await call(server, "row_decide", { row, action, payload, event_id: eventId, reviewer: storedReviewer() });
    if (row !== open || row === null) return;
    said = reply.error ?? reply.said ?? "";
    if (reply.error === undefined) announce(DECISIONS_CHANGED);
    requests.request(row);
  }

  /** The questions nearest to the open one take longer to find, so they come after it. @param {string} id */
  async function showSimilar(id) {
    asked += 1;
    const number = asked;
    /** @type {Partial<import("./types.js").Similar> & { error?: string }} */
    const reply = await call(server, "row_near", { row: id });
    if (number !== asked || open !== id || !reply.about) return;
    part("near").replaceChildren(...similarOf({ about: reply.about, rows: reply.rows ?? [] }));
  }

  /** Shows the row in the address, or closes. */
  function follow() {
    const id = getParameter("row");
    if (id === open) return;
    const last = open;
    open = id;
    said = "";
    if (id === null) steps = 0;
    if (id === null) close(last);
    else show(id, last === null);
  }

  /**
   * @param {string} id
   * @param {boolean} opens - whether the drawer was closed
   */
  function show(id, opens) {
    const focused = document.activeElement;
    const isOutside = focused instanceof HTMLElement && focused !== document.body && !panel.contains(focused);
    if (isOutside) opener = focused;
    else if (opens) opener = null;
    if (opens && isOutside) tab = openedTab() ?? EXPLORE;
    placeIn(openedTab());
    if (opens) {
      part("all").hidden = true;
      setText(part("title"), "Loading…");
      setText(part("place"), "");
    }
    part("page", HTMLAnchorElement).href = addressOf(EXPLORE);
    if (opens || isOutside) panel.focus({ preventScroll: true });
    requests.request(id);
  }

  /** Other tabs hide the drawer. @param {string | null} front - the tab in front */
  function placeIn(front) {
    panel.hidden = open === null || (front !== null && front !== tab && front !== EXPLORE);
  }

  /** @param {string | null} id */
  function close(id) {
    panel.hidden = true;
    tab = EXPLORE;
    setWhole(false);
    shown = null;
    const row = opener?.closest("[data-id]");
    const stays = opener?.isConnected && (!(row instanceof HTMLElement) || row.dataset.id === id);
    if (stays) opener?.focus({ preventScroll: true });
    else announceRowClosed(id ?? "");
    opener = null;
  }

  /** @param {boolean} whole - the drawer takes the whole page */
  function setWhole(whole) {
    panel.classList.toggle("is-page", whole);
    setText(part("page"), whole ? "Back to the side" : "Full page");
  }

  /** @param {number} direction - 1: the next question, -1: the one before */
  function step(direction) {
    if (shown?.id !== open) {
      steps += direction;
      return;
    }
    const id = direction > 0 ? shown?.place?.after : shown?.place?.before;
    if (id) openRow(id);
    else steps = 0;
  }

  async function copyLink() {
    const field = part("link", HTMLInputElement);
    field.value = addressOf(EXPLORE);
    try {
      await navigator.clipboard.writeText(field.value);
      field.hidden = true;
      setMessage(part("copied"), "The link to this question is copied.");
    } catch {
      field.hidden = false; // browsers have no clipboard without https, except on this machine
      field.select();
      setMessage(part("copied"), "Copy the link from the field.");
    }
    setTimeout(() => setMessage(part("copied"), ""), COPIED_FOR);
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (panel.hidden || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target instanceof Element ? event.target : document.body;
    const inside = panel.contains(target);
    const typing = target.closest("input, textarea, select, [contenteditable]") !== null;
    if (typing && !(event.key === "Escape" && inside)) return;
    if (event.key === "Escape") openRow(null);
    else if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else {
      if (inside) event.stopPropagation(); // the keys of a tab behind it do nothing meanwhile
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  /** Keeps the focus in the drawer while it covers the page. */
  function keepFocus() {
    const covers = panel.clientWidth >= document.documentElement.clientWidth - 1;
    if (!panel.hidden && covers && document.hasFocus() && !panel.contains(document.activeElement)) panel.focus({ preventScroll: true });
  }

  onActions(element, {
    before: () => step(-1),
    after: () => step(1),
    close: () => openRow(null),
    link: copyLink,
    page: (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      setWhole(!panel.classList.contains("is-page"));
    },
  });
  window.addEventListener("keydown", onKey, true);
  panel.addEventListener("focusout", () => setTimeout(keepFocus, 0));
  listen(element, document, "focusin", keepFocus);
  listen(element, window, ROW_CHANGED, follow);
  listen(element, window, ADDRESS_CHANGED, follow);
  onTabChange(placeIn);
  setTimeout(follow, 0); // what is not visible yet can't have the focus
}
