import assert from "node:assert/strict";
import { test } from "node:test";

import { canonicalFilter, parseFilter, withParameters } from "../../../assets/static/lib/address.js";

test("parameters are set and removed, others stay", () => {
  const href = withParameters("http://h/?a=1&row=r", { filter: '{"words":"x y"}', row: null });
  assert.equal(new URL(href).searchParams.get("filter"), '{"words":"x y"}');
  assert.equal(new URL(href).searchParams.get("a"), "1");
  assert.equal(new URL(href).searchParams.get("row"), null);
});

test("equal filters have one text, whatever the order of their fields", () => {
  assert.equal(canonicalFilter('{"b": 1, "a": [2]}'), canonicalFilter('{"a": [2], "b": 1}'));
  assert.equal(canonicalFilter(null), "{}");
  assert.equal(canonicalFilter("{"), null);
});

test("what is no object is an empty filter", () => {
  ["[]", "1", "null", "{", "", null].forEach((text) => assert.deepEqual(parseFilter(text), {}));
  assert.deepEqual(parseFilter('{"words": "x"}'), { words: "x" });
});
