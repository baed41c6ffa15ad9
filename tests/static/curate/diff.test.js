import assert from "node:assert/strict";
import { test } from "node:test";

import { difference } from "../../../assets/static/curate/diff.js";

test("only the words that differ are marked, and each text can be read off", () => {
  const [before, after] = ["What is 2 + 2 now?", "How much is 2 + 3 now?"];
  const pieces = difference(before, after);
  assert.equal(pieces.filter(([kind]) => kind !== "new").map(([, text]) => text).join(""), before);
  assert.equal(pieces.filter(([kind]) => kind !== "old").map(([, text]) => text).join(""), after);
  assert.deepEqual(pieces.filter(([kind]) => kind === "old").map(([, text]) => text), ["What", "2"]);
});

test("equal, empty and very long texts", () => {
  assert.deepEqual(difference("a b", "a b"), [["same", "a b"]]);
  assert.deepEqual(difference("", "a"), [["new", "a"]]);
  assert.deepEqual(difference("", ""), []);
  const [before, after] = ["x ".repeat(2000), "y ".repeat(2000)];
  assert.deepEqual(difference(before, after).map(([kind]) => kind), ["old", "new", "same"]);
});
