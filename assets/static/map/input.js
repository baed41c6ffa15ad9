/** Pointer, wheel and keys on the canvas: moving, zooming, and drawing areas. */

import { clamp, toMap, withinMap, zoomed } from "./view.js";

/**
 * @typedef {import("./view.js").Point} Point
 * @typedef {import("./view.js").View} View
 * @typedef {"move" | "lasso" | "box"} Mode
 * @typedef {{ from: Point, size: number, mode: Mode, moved: boolean, view: View, corners: Point[] }} Drag
 * @typedef {object} Target
 * @property {import("./view.js").Bounds} bounds
 * @property {() => View | null} view - null while there is no map
 * @property {(view: View, ended: boolean) => void} onView
 * @property {(corners: Point[] | null, closed: boolean) => void} onOutline - null: it is not being drawn any more
 * @property {(corners: Point[]) => void} onArea
 * @property {(place: Point | null, size: number) => void} onPoint - null: the pointer is elsewhere
 * @property {(place: Point, size: number) => void} onClick
 */

const CLICK = 4; // pixels that a pointer may move in a click
const WHEEL_STEP = 0.0025; // how much a pixel of the wheel zooms, as a logarithm
const LINE_HEIGHT = 30; // pixels of a wheel that counts lines

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Target} target
 * @returns {(mode: Mode) => void} sets what a drag does
 */
export function listenToCanvas(canvas, target) {
  /** @type {Mode} */
  let mode = "move";
  /** @type {Drag | null} */
  let drag = null;

  /**
   * @param {MouseEvent} event
   * @returns {[Point, number]} the place on the canvas, and the canvas's size
   */
  function placeOf(event) {
    const box = canvas.getBoundingClientRect();
    return [[event.clientX - box.left, event.clientY - box.top], box.width];
  }

  /** @param {PointerEvent} event */
  function onDown(event) {
    const view = target.view();
    if (event.button || !view) return;
    const [from, size] = placeOf(event);
    const doing = event.shiftKey && mode === "move" ? "lasso" : mode;
    drag = { from, size, mode: doing, moved: false, view, corners: [toMap(view, size, from)] };
    canvas.setPointerCapture(event.pointerId);
    canvas.classList.toggle("moving", doing === "move");
    target.onPoint(null, size);
  }

  /** @param {PointerEvent} event */
  function onMove(event) {
    const [place, size] = placeOf(event);
    const [px, py] = place;
    if (!drag) {
      target.onPoint(place, size);
      return;
    }
    const [dx, dy] = [px - drag.from[0], py - drag.from[1]];
    if (!drag.moved && Math.hypot(dx, dy) < CLICK) return;
    drag.moved = true;
    const { view } = drag;
    if (drag.mode === "move") {
      const moved = { x: view.x - (dx / size) * view.span, y: view.y + (dy / size) * view.span, span: view.span };
      target.onView(withinMap(moved, target.bounds), false);
      return;
    }
    const to = toMap(view, size, place);
    if (drag.mode === "lasso") drag.corners.push(to);
    else {
      const [[x, y], [x2, y2]] = [toMap(view, size, drag.from), to];
      drag.corners = [[x, y], [x2, y], [x2, y2], [x, y2]];
    }
    target.onOutline(drag.corners, drag.mode === "box");
  }

  /** @param {PointerEvent} event */
  function onUp(event) {
    if (!drag) return;
    const ended = drag;
    stop();
    const [place, size] = placeOf(event);
    if (event.type === "pointercancel") return;
    if (!ended.moved) target.onClick(place, size);
    else if (ended.mode === "move") target.onView(target.view() ?? ended.view, true);
    else if (ended.corners.length > 2) target.onArea(ended.corners);
  }

  function stop() {
    drag = null;
    canvas.classList.remove("moving");
    target.onOutline(null, false);
  }

  /** @param {WheelEvent} event */
  function onWheel(event) {
    const view = target.view();
    if (!view || (view.span >= target.bounds.side && event.deltaY > 0)) return; // the page scrolls on
    event.preventDefault();
    const [place, size] = placeOf(event);
    const step = clamp(event.deltaY * (event.deltaMode ? LINE_HEIGHT : 1), -200, 200);
    target.onView(zoomed(view, target.bounds, Math.exp(step * WHEEL_STEP), toMap(view, size, place)), true);
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    const view = target.view();
    if (!view || event.ctrlKey || event.metaKey || event.altKey) return;
    const next = viewOfKey(event.key, view, target.bounds);
    if (next) target.onView(next, true);
    else if (event.key === "Escape" && drag && drag.mode !== "move") stop();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  canvas.addEventListener("pointerdown", onDown);
  canvas.addEventListener("pointermove", onMove);
  canvas.addEventListener("pointerup", onUp);
  canvas.addEventListener("pointercancel", onUp);
  canvas.addEventListener("pointerleave", () => drag || target.onPoint(null, 0));
  canvas.addEventListener("wheel", onWheel, { passive: false });
  canvas.addEventListener("keydown", onKey);
  return (next) => {
    mode = next;
    canvas.classList.toggle("drawing", next !== "move");
  };
}

/**
 * The view after a key; null where the key does nothing.
 * @param {string} key
 * @param {View} view
 * @param {import("./view.js").Bounds} bounds
 * @returns {View | null}
 */
export function viewOfKey(key, view, bounds) {
  const step = view.span / 8;
  /** @type {Record<string, [number, number]>} */
  const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
  if (key in moves) return withinMap({ ...view, x: view.x + moves[key][0], y: view.y + moves[key][1] }, bounds);
  if (key === "+" || key === "=") return zoomed(view, bounds, 0.5);
  if (key === "-") return zoomed(view, bounds, 2);
  return key === "0" ? wholeMap(bounds) : null;
}

/**
 * @param {import("./view.js").Bounds} bounds
 * @returns {View}
 */
export const wholeMap = ({ side }) => ({ x: side / 2, y: side / 2, span: side });
