import assert from "node:assert/strict";
import { test } from "node:test";

import { viewOfKey, wholeMap } from "../../../assets/static/map/input.js";
import { rectangleOf, rounded, simplified, toCanvas, toMap, withinMap, zoomed } from "../../../assets/static/map/view.js";

const BOUNDS = { side: 10, least: 0.5 };

test("a view stays within the map", () => {
  assert.deepEqual(withinMap({ x: -3, y: 99, span: 4 }, BOUNDS), { x: 2, y: 8, span: 4 });
  assert.deepEqual(withinMap({ x: 1, y: 1, span: 99 }, BOUNDS), { x: 5, y: 5, span: 10 });
  assert.equal(withinMap({ x: 1, y: 1, span: 0 }, BOUNDS).span, 0.5);
});

test("the place that is zoomed about stays where it is on the canvas", () => {
  const view = { x: 5, y: 5, span: 8 };
  const place = toMap(view, 400, [100, 300]);
  const [x, y] = toCanvas(zoomed(view, BOUNDS, 0.5, place), 400, place);
  assert.ok(Math.abs(x - 100) < 1e-9 && Math.abs(y - 300) < 1e-9);
});

test("the canvas and the map are each other's inverse, and the map points up", () => {
  const view = { x: 3, y: 4, span: 2 };
  assert.deepEqual(toMap(view, 200, toCanvas(view, 200, [3.5, 4.25])), [3.5, 4.25]);
  assert.deepEqual(toCanvas(view, 200, [2, 5]), [0, 0]);
  assert.deepEqual(rectangleOf(view), [2, 3, 4, 5]);
});

test("a polygon keeps the corners where its line turns", () => {
  const line = /** @type {[number, number][]} */ (Array.from({ length: 50 }, (_, i) => [i, 0]));
  const corners = simplified([...line, [49, 20], [0, 20]], 4);
  assert.equal(corners.length, 4);
  assert.deepEqual([corners[0], corners[3]], [[0, 0], [0, 20]]);
  assert.ok(corners.some(([x, y]) => x === 49 && y === 20));
});

test("corners have three decimals", () => assert.deepEqual(rounded([1.23456, 2]), [1.235, 2]));

test("keys move, zoom and show the whole map", () => {
  const view = { x: 5, y: 5, span: 4 };
  assert.deepEqual(viewOfKey("ArrowUp", view, BOUNDS), { x: 5, y: 5.5, span: 4 });
  assert.equal(viewOfKey("+", view, BOUNDS)?.span, 2);
  assert.deepEqual(viewOfKey("0", view, BOUNDS), wholeMap(BOUNDS));
  assert.equal(viewOfKey("a", view, BOUNDS), null);
});
