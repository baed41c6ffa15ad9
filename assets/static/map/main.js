/** The map of the questions. Follows the filter in the page's address. */

import { addressFilter, parseFilter } from "../lib/address.js";
import { button, find, findAll, group, make, onActions, partsOf, setMessage, setOptions, setText } from "../lib/dom.js";
import { formatCount } from "../lib/format.js";
import { isShown, listen, onAppear, onResize } from "../lib/lifetime.js";
import { announce, FILTER_CHANGED, openRow, requestReview, showInExplore, TABLE_REQUESTED } from "../lib/messages.js";
import { call, RequestStream } from "../lib/requests.js";
import { openTab } from "../lib/tabs.js";
import { drawPreview } from "../lib/text/draw.js";
import { onThemeChange } from "../lib/theme.js";
import { drawMap, makeLegend, pointAt, unpackTiles } from "./draw.js";
import { listenToCanvas, wholeMap } from "./input.js";
import { rectangleOf, rounded, simplified, zoomed } from "./view.js";

/**
 * @typedef {import("./view.js").Point} Point
 * @typedef {import("./view.js").View} View
 * @typedef {import("./draw.js").MapReply} MapReply
 * @typedef {{ colours: Record<string, string>, side: number, grid: number, least: number }} Props
 * @typedef {object} Status
 * @property {string | null} [refused]
 * @property {string} [about]
 * @property {string | null} [make] - what the button says that makes the map
 * @property {boolean} [rebuild] - whether that replaces a map
 * @property {boolean} [remake]
 * @property {boolean} [sampled] - whether more rows are being read
 * @property {{ said: string, share: number | null, ended: boolean } | null} [job]
 * @typedef {{ count: number, said: string, examples: { id: string, text: string }[] }} Chosen - what lies in the area of the filter
 * @typedef {Status & Partial<MapReply> & { chosen?: Chosen | null }} Reply
 */

const EVERY = 1000; // milliseconds between two requests while the map is being made
const MOST_CORNERS = 100; // of an area in a filter
const MOST_TEXTS = 500; // of questions that were pointed at
const MARGIN = 12; // pixels between the pointer and a question's text

/** @param {import("../lib/host.js").Host<Props>} host */
export function mount({ element, props, server }) {
  const part = partsOf(element);
  const canvas = part("canvas", HTMLCanvasElement);
  const color = part("colour", HTMLSelectElement);
  const picture = document.createElement("canvas");
  /** @type {Map<string, string>} */
  const texts = new Map();
  let view = wholeMap(props);
  /** @type {MapReply | null} */
  let last = null; // the newest reply with a map
  /** @type {import("./draw.js").Tiles | null} */
  let tiles = null;
  /** @type {Point[] | null} */
  let outline = null; // the corners of an area that is being drawn
  let outlineClosed = false;
  /** @type {string | null} */
  let pointedAt = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let again;

  /** @type {RequestStream<number, import("../lib/requests.js").Answer<Reply>>} */
  const requests = new RequestStream(
    () => {
      clearTimeout(again);
      return call(server, "map_look", { filter: addressFilter(), view: rectangleOf(view), colour: color.value });
    },
    (reply, sentAt) => receive(reply, Date.now() - sentAt),
  );

  function look() {
    if (isShown(element)) requests.request(Date.now(), true);
  }

  /**
   * @param {import("../lib/requests.js").Answer<Reply>} reply
   * @param {number} took - milliseconds
   */
  function receive(reply, took) {
    setMessage(part("error"), reply.error ?? ("refused" in reply ? reply.refused : ""));
    if (reply.error !== undefined) return;
    const busy = Boolean(reply.job && !reply.job.ended);
    if (busy || reply.sampled) again = setTimeout(look, Math.max(EVERY, 5 * took));
    drawStatus(reply, busy);
    part("all").hidden = !reply.map;
    if (!reply.map) return;
    part("again").hidden = busy || !reply.remake || !part("sure").hidden;
    last = /** @type {MapReply} */ (reply);
    tiles = unpackTiles(last);
    drawChosen(reply.chosen ?? null);
    setText(part("count"), `${formatCount(last.count, "question")} of the filter in view`);
    part("legend").replaceChildren(makeLegend(last));
    paint();
  }

  /** What lies in the area, next to the map. @param {Chosen | null} chosen */
  function drawChosen(chosen) {
    part("chosen").hidden = !chosen;
    if (!chosen) return;
    setText(part("chosen-said"), chosen.said);
    part("chosen-none").hidden = chosen.count > 0;
    ["to-table", "to-review", "to-export"].forEach((name) => (part(name, HTMLButtonElement).disabled = !chosen.count));
    const key = chosen.examples.map(({ id }) => id).join();
    if (part("examples").dataset.of === key) return;
    part("examples").dataset.of = key;
    part("examples").replaceChildren(...chosen.examples.map(({ id, text }) => {
      const box = make("div");
      drawPreview(box, [text]);
      const open = button("", () => openRow(id));
      open.title = "Show all about this question";
      open.append(box);
      return group("li", "", open);
    }));
  }

  /**
   * @param {Status} status
   * @param {boolean} busy
   */
  function drawStatus({ about = "", make: makeLabel = "", rebuild, job }, busy) {
    setText(part("about"), about);
    setText(part("make"), makeLabel ?? "");
    part("make").hidden = !makeLabel || busy;
    part("make").dataset.rebuild = rebuild ? "yes" : "";
    part("stop").hidden = !busy;
    setText(part("job"), job?.said ?? "");
    const progress = part("progress", HTMLProgressElement);
    progress.hidden = !busy || job?.share === null;
    if (busy && job && job.share !== null) progress.value = job.share;
  }

  function paint() {
    if (!last) return;
    drawMap(canvas, { reply: last, tiles, grid: props.grid, view, outline, closed: outlineClosed, picture });
    canvas.setAttribute("aria-label", `Map of the questions. ${part("count").textContent}.`);
  }

  /** @param {View} next */
  function show(next) {
    view = next;
    paint();
    look();
  }

  /**
   * Filters by an area, or by none.
   * @param {Point[] | null} points
   */
  function filterByArea(points) {
    const filter = parseFilter(addressFilter());
    delete filter.area;
    if (points && last) filter.area = { map: last.map, points };
    showInExplore({ filter });
  }

  /** @param {boolean} rebuild */
  async function startMaking(rebuild) {
    /** @type {{ error?: string }} */
    const reply = await call(server, "map_start", { rebuild });
    if (reply.error) setMessage(part("error"), reply.error);
    else look();
  }

  /** @param {boolean} asked */
  function askToRebuild(asked) {
    part("sure").hidden = !asked;
    part("again").hidden = asked;
  }

  /** @param {{ id: string, x: number, y: number } | null} point */
  async function showText(point) {
    const box = part("tip");
    pointedAt = point && point.id;
    canvas.classList.toggle("pointing", point !== null);
    if (!point) {
      box.hidden = true;
      return;
    }
    if (!texts.has(point.id)) {
      /** @type {{ text?: string, error?: string }} */
      const reply = await call(server, "map_text", { row: point.id });
      if (texts.size > MOST_TEXTS) texts.clear();
      texts.set(point.id, reply.text ?? reply.error ?? "");
    }
    if (pointedAt !== point.id) return; // the pointer is elsewhere by now
    setText(box, texts.get(point.id) ?? "");
    box.hidden = false;
    const size = canvas.clientWidth;
    box.style.left = `${Math.max(Math.min(point.x + MARGIN, size - box.offsetWidth - 6), 4)}px`;
    box.style.top = `${Math.max(Math.min(point.y + MARGIN, size - box.offsetHeight - 6), 4)}px`;
  }

  const setMode = listenToCanvas(canvas, {
    bounds: props,
    view: () => last && view,
    onView: (next) => show(next),
    onOutline(corners, closed) {
      [outline, outlineClosed] = [corners, closed];
      paint();
    },
    onArea: (corners) => filterByArea(simplified(corners, MOST_CORNERS).map(rounded)),
    onPoint: (place, size) => showText(place && pointAt(last, view, size, place)),
    onClick(place, size) {
      const point = pointAt(last, view, size, place);
      if (point) openRow(point.id);
    },
  });

  setOptions(color, Object.entries(props.colours));
  color.addEventListener("change", look);
  findAll(element, "[data-mode]").forEach((one, _, all) => one.addEventListener("click", () => {
    all.forEach((other) => other.setAttribute("aria-pressed", String(other === one)));
    setMode(/** @type {import("./input.js").Mode} */ (one.dataset.mode));
  }));
  onActions(element, {
    make: () => startMaking(part("make").dataset.rebuild === "yes"),
    stop: async () => {
      await call(server, "map_stop");
      look();
    },
    nearer: () => show(zoomed(view, props, 0.5)),
    farther: () => show(zoomed(view, props, 2)),
    whole: () => show(wholeMap(props)),
    view: () => {
      const [left, low, right, high] = rectangleOf(view);
      /** @type {Point[]} */
      const corners = [[left, low], [right, low], [right, high], [left, high]];
      filterByArea(corners.map(rounded));
    },
    clear: () => {
      filterByArea(null);
      canvas.focus({ preventScroll: true });
    },
    table: () => announce(TABLE_REQUESTED),
    review: requestReview,
    export: () => openTab("export"),
    rebuild: () => askToRebuild(true),
    keep: () => askToRebuild(false),
    remake: () => {
      askToRebuild(false);
      startMaking(true);
    },
  });
  listen(element, window, FILTER_CHANGED, look);
  onAppear(element, look);
  onThemeChange(element, look);
  onResize(find(element, "[data-part=frame]"), paint);
}
