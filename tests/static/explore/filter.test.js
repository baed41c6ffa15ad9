import assert from "node:assert/strict";
import { test } from "node:test";

import { clicked, isChosen, searchText, toggled, withCondition, withSearch, withTypedEnd } from "../../../assets/static/explore/filter.js";

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

test("typed ends in the wrong order are swapped", () => {
  assert.deepEqual(withTypedEnd([5, null], 1, "2"), [2, 5]);
  assert.deepEqual(withTypedEnd(undefined, 0, "1.5"), [1.5, null]);
  assert.equal(withTypedEnd([1, null], 0, ""), null);
});
