import assert from "node:assert/strict";
import { test } from "node:test";

import { endsOf, isBinKept, openThresholds, parseEnd, trackOf, withEnd } from "../../../assets/static/thresholds/state.js";

/** @type {import("../../../assets/static/thresholds/state.js").Chart} */
const CHART = { id: "difficulty", title: "", note: "", edges: [0, 1, 2], counts: [3, 4], below: true, above: false };

test("the ends of a band can't pass each other", () => {
  const low = withEnd(openThresholds(), "difficulty", 0, 1);
  assert.deepEqual(withEnd(low, "difficulty", 1, 0.5).difficulty, [1, 1]);
  assert.deepEqual(low.difficulty, [1, null]);
  assert.deepEqual(endsOf(withEnd(low, "reward", 0, 2), "reward"), [2]);
});

test("the end of the track is no threshold, unless it was typed and rows lie beyond it", () => {
  assert.equal(parseEnd(CHART, 0, "0", false), null);
  assert.equal(parseEnd(CHART, 0, "0", true), 0);
  assert.equal(parseEnd(CHART, 1, "2", true), null);
  assert.equal(parseEnd(CHART, 1, "1.5", false), 1.5);
  assert.equal(parseEnd(CHART, 0, "x", true), null);
});

test("a slider over single values means the nearest one, and its last value is the open end", () => {
  /** @type {import("../../../assets/static/thresholds/state.js").Chart} */
  const rates = { ...CHART, id: "pass_rate", edges: [0, 1 / 3, 2 / 3, 1, 4 / 3], counts: [1, 1, 1, 1], below: false, single: true };
  assert.deepEqual(trackOf(rates), { low: 0, high: 1, step: 0.333333 });
  assert.equal(parseEnd(rates, 1, "0.666666", false), 2 / 3);
  assert.equal(parseEnd(rates, 1, "1", false), null);
  assert.equal(isBinKept(rates, 2, [null, 2 / 3]), true);
  assert.deepEqual(withEnd(openThresholds(), "pass_rate", 0, 0.5).pass_rate, [0.5, null]);
});

test("bins are kept by their middles", () => {
  assert.equal(isBinKept(CHART, 0, [0.5, null]), true);
  assert.equal(isBinKept(CHART, 1, [null, 1]), false);
  assert.equal(isBinKept(CHART, 1, [1]), true);
  assert.deepEqual(trackOf(CHART), { low: 0, high: 2, step: 0.2 });
});
