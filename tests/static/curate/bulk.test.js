import assert from "node:assert/strict";
import { test } from "node:test";

import { isCount, payloadOf } from "../../../assets/static/curate/panels/bulk.js";

test("the count is confirmed with or without separators", () => {
  assert.equal(isCount("1,234", 1234), true);
  assert.equal(isCount("1234 ", 1234), true);
  assert.equal(isCount("123", 1234), false);
  assert.equal(isCount("", 0), false);
});

test("a reason goes with a rejection only, and a tag with tags", () => {
  assert.deepEqual(payloadOf("reject", "unclear"), { reason: "unclear" });
  assert.deepEqual(payloadOf("reject", ""), {});
  assert.deepEqual(payloadOf("accept", "unclear"), {});
  assert.deepEqual(payloadOf("untag", "hard"), { tag: "hard" });
});
