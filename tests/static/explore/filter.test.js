import assert from "node:assert/strict";
import { test } from "node:test";

import {
  clicked, isChosen, rangeOf, readEnds, searchText, toggled, withCondition, withModel, withRange, withSearch,
} from "../../../assets/static/explore/filter.js";

test("null and an empty list remove a condition; a filter that is a text is dropped", () => {
  assert.deepEqual(withCondition({ a: 1 }, "a", null), {});
  assert.deepEqual(withCondition({ a: 1 }, "a", []), {});
  assert.deepEqual(withCondition("{broken", "b", ["x"]), { b: ["x"] });
});

test("a click chooses one value alone, and none where it was alone", () => {
  assert.deepEqual(clicked(undefined, "a"), ["a"]);
  assert.deepEqual(clicked(["a"], "a"), []);
  assert.deepEqual(clicked(["a", "b"], "a"), ["a"]);
  assert.deepEqual(clicked(["b"], "a", true), ["b", "a"]);
  assert.deepEqual(clicked([null], null), []);
});

test("toggling adds or removes a value; null is one too", () => {
  assert.deepEqual(toggled(["a"], null), ["a", null]);
  assert.deepEqual(toggled(["a", null], null), ["a"]);
  assert.equal(isChosen({ topic: ["a"] }, "topic", "a"), true);
  assert.equal(isChosen({}, "topic", "a"), false);
});

test("the search field and the filter say the same", () => {
  ["two words", "/a|b/", "/a|b/i", "", "/", "//"].forEach((text) => assert.equal(searchText(withSearch({}, text)), text));
  assert.equal(searchText(withSearch({}, "/a b/", true)), "/a b/");
  assert.deepEqual(withSearch({ words: "old" }, " wait ", true), { solution_text: "wait" });
  assert.deepEqual(withSearch({ solution_text: "old" }, "new"), { words: "new" });
  assert.deepEqual(withSearch({ words: "old", topic: ["a"] }, " /x/i "), { topic: ["a"], regex: "(?i)x" });
});

test("typed ends become a range; those in the wrong order are refused, never swapped", () => {
  /** @param {(string | undefined)[]} typed */
  const ends = (...typed) => typed.map((text) => ({ typed: text !== undefined, text: text ?? "", bad: text === "bad" }));
  assert.deepEqual(readEnds(null, ends("100", undefined)), { range: [100, null], text: null });
  assert.deepEqual(readEnds([100, null], ends(undefined, "500")), { range: [100, 500], text: null });
  assert.deepEqual(readEnds([1 / 3, 1], ends(undefined, "0.5")).range, [1 / 3, 0.5]);
  assert.deepEqual(readEnds([1, null], ends("", undefined)), { range: null, text: null });
  assert.match(readEnds([5, null], ends(undefined, "2")).text ?? "", /lower end, 5, is above the upper end, 2/);
  assert.match(readEnds(null, ends("bad", undefined)).text ?? "", /Write a number/);
});

test("a range of pass rates keeps its model, and a model its range", () => {
  const named = { pass_rate: { model: "m", range: [0.25, 1] } };
  assert.deepEqual(rangeOf(named, "pass_rate"), [0.25, 1]);
  assert.equal(rangeOf({ pass_rate: { model: "m" } }, "pass_rate"), undefined);
  assert.deepEqual(withRange(named, "pass_rate", [0, 0.5]), { model: "m", range: [0, 0.5] });
  assert.deepEqual(withRange(named, "pass_rate", null), { model: "m" });
  assert.equal(withRange({ reward: [0, 1] }, "reward", null), null);
  assert.deepEqual(withModel({ pass_rate: [0, 0.5] }, "m"), { model: "m", range: [0, 0.5] });
  assert.deepEqual(withModel(named, null), [0.25, 1]);
  assert.equal(withModel({ pass_rate: { model: "m" } }, null), null);
});
