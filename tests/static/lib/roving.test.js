import assert from "node:assert/strict";
import { test } from "node:test";

import { indexAfter } from "../../../assets/static/lib/roving.js";

test("arrows, Home and End move within a group, and not beyond its ends", () => {
  assert.equal(indexAfter("ArrowDown", 0, 3), 1);
  assert.equal(indexAfter("ArrowLeft", 2, 3), 1);
  assert.equal(indexAfter("ArrowUp", 0, 3), null);
  assert.equal(indexAfter("ArrowRight", 2, 3), null);
  assert.equal(indexAfter("Home", 2, 3), 0);
  assert.equal(indexAfter("End", 0, 3), 2);
  assert.equal(indexAfter("End", 2, 3), null);
  ["Tab", "Enter", " ", "toString"].forEach((key) => assert.equal(indexAfter(key, 1, 3), null));
});
