/** Explore: cross-filtered charts, facets, the funnel, a search, and a table of questions. */

import { ADDRESS_CHANGED, addressedTab } from "../lib/address.js";
import { find, onActions, setMessage, setOptions } from "../lib/dom.js";
import { isShown, listen, onResize, onShownChange, repeat } from "../lib/lifetime.js";
import { DECISIONS_CHANGED, onExploreRequest, onRowClosed, requestReview, ROW_CHANGED } from "../lib/messages.js";
import { loadPlotly } from "../lib/plot.js";
import { rove } from "../lib/roving.js";
import { onThemeChange } from "../lib/theme.js";
import { App } from "./app.js";
import { drawCharts, drawRanges } from "./charts.js";
import { makeColumnChoice } from "./columns.js";
import { drawFacets, drawFunnel, drawTopics } from "./counts.js";
import { drawGroups, makeGroupChoice } from "./groups.js";
import { drawLengths } from "./lengths.js";
import { copyLink, drawFilter, drawTable, focusRow, markOpenRow, turnPage } from "./list.js";
import { drawRates } from "./rates.js";
import { mountViews } from "./views.js";

/** @typedef {import("./app.js").Reply} Reply */

const EMPTY = "There are no questions yet. Generate one in the Sample tab, start a batch in the Runs tab, or use `scalequest run`.";
const EVERY = 3000; // milliseconds between two requests while a run is writing
const SETTLED = 800; // milliseconds after which the server counts a decision
const TYPING = 250; // milliseconds without a key, after which a text is searched for
const WIDE = 700; // pixels from which the facets are open
const FOLDED = "explore-charts-folded";

/** Lists that are one stop of the Tab key each. @type {import("../lib/roving.js").Group[]} */
const TAB_STOPS = [
  ["fieldset", "input[type=checkbox]"], [".funnel", "button"], [".values", "button"], ["[data-part=board]", "summary"],
  ["[data-part=table] tbody", "tr"],
];

/** @param {import("../lib/host.js").Host<import("./app.js").Props>} host */
export async function mount(host) {
  const { element, props } = host;
  const plotly = loadPlotly();
  const app = new App(host, receive);
  const { part } = app;
  const sort = part("sort", HTMLSelectElement);
  let drawnWidth = 0; // pixels of the board when its charts were drawn

  /**
   * @param {App} of
   * @param {import("../lib/requests.js").Answer<Reply>} reply
   * @param {boolean} whole - a reply to the newest request, with rows
   */
  async function receive(of, reply, whole) {
    const message = part("message");
    const text = reply.error ?? ("refused" in reply && reply.refused) ?? "";
    setMessage(message, text || (whole || !of.last ? "" : message.textContent));
    if (reply.error !== undefined) return;
    if (whole && !of.brushing) {
      of.filter = typeof reply.filter === "object" ? reply.filter : {};
      of.remember();
    }
    if (reply.board) of.board = { ...reply.board, version: reply.version };
    of.last = { ...of.last, ...reply, empty: reply.count ? null : (reply.empty ?? of.last?.empty) };
    if (!of.last.total) setMessage(message, EMPTY);
    part("all").hidden = !of.last.total;
    if (of.last.total) drawAll(reply.page);
  }

  /**
   * The charts alone wait for plotly.js.
   * @param {import("./app.js").TablePage} [page]
   */
  function drawAll(page) {
    drawFilter(app);
    drawFacets(app);
    drawGroups(app);
    if (page) drawTable(app, page);
    drawBoard();
  }

  /** Only where it has a size: it may be folded, and the tab may be another one by now. */
  async function drawBoard() {
    if (!part("board").clientWidth) return;
    drawFunnel(app);
    drawTopics(app);
    const drawer = await plotly;
    drawnWidth = part("board").clientWidth;
    if (!drawnWidth) return;
    drawCharts(app, drawer);
    drawLengths(app, drawer);
    drawRates(app, drawer);
  }

  /** The board was shown, or has another width. */
  async function onBoardResize() {
    await plotly;
    if (!app.last?.total) return;
    if (part("board").clientWidth === drawnWidth) drawRanges(app);
    else drawBoard();
  }

  const redraw = () => app.last?.total && drawAll();

  /** @param {import("../lib/messages.js").ExploreRequest} request */
  function show({ filter, search }) {
    if (search) setTimeout(() => part("text").focus(), 0); // once the tab is in front
    else app.filterBy(filter ?? {});
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (!isShown(element) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target instanceof Element && event.target.closest("input, textarea, select, [contenteditable]")) return;
    if (event.key !== "/") return;
    event.preventDefault();
    part("text").focus();
  }

  setOptions(sort, Object.entries(props.sorts));
  app.recall();
  makeGroupChoice(app);
  makeColumnChoice(part("choose-columns"), app.columns, () => app.look());
  onActions(element, {
    link: () => copyLink(app),
    clear: () => app.filterBy({}),
    review: requestReview,
    remedy: () => (app.last?.empty?.name ? app.setCondition(app.last.empty.name, null) : app.filterBy({})),
    previous: () => turnPage(app, -1),
    next: () => turnPage(app, 1),
  });
  sort.addEventListener("change", () => {
    app.sortBy(sort.value === "-newest" && !app.last?.ranked ? null : sort.value);
  });
  part("scale").addEventListener("change", redraw);
  onThemeChange(element, redraw);
  const text = part("text", HTMLInputElement);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing;
  const search = () => {
    clearTimeout(typing);
    typing = undefined;
    app.search(text.value);
  };
  text.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(search, TYPING);
  });
  text.addEventListener("change", () => typing !== undefined && search()); // the field is left: nothing typed is lost
  part("where").addEventListener("change", () => text.value.trim() && app.search(text.value));
  find(element, "details.facets", HTMLDetailsElement).open = element.clientWidth > WIDE;
  listen(element, document, "keydown", onKey);
  repeat(element, EVERY, () => {
    if (isShown(element) && app.last?.running && !app.brushing && !app.requests.busy) app.look();
  });
  onShownChange(element, (shown) => shown && app.look()); // there may be new rows by now
  onResize(part("board"), () => requestAnimationFrame(onBoardResize));
  foldCharts(part("charts", HTMLDetailsElement));
  listen(element, window, ADDRESS_CHANGED, () => {
    if (addressedTab() !== "explore" || !app.left) return;
    app.recall();
    app.look();
  });
  mountViews(app);
  const showRequested = onExploreRequest(element, show);
  listen(element, window, ROW_CHANGED, () => markOpenRow(app));
  listen(element, window, DECISIONS_CHANGED, () => setTimeout(() => isShown(element) && app.look(), SETTLED));
  onRowClosed(element, (id) => isShown(element) && focusRow(app, id));
  rove(element, TAB_STOPS);
  app.look();
  showRequested();
}

/** Whether the charts are folded is remembered on this machine. @param {HTMLDetailsElement} charts */
function foldCharts(charts) {
  charts.open = localStorage.getItem(FOLDED) === null;
  charts.addEventListener("toggle", () => {
    if (charts.open) localStorage.removeItem(FOLDED);
    else localStorage.setItem(FOLDED, "1");
  });
}
