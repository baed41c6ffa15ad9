import assert from "node:assert/strict";
import { test } from "node:test";

import { countDecided, idsAhead, neighbor, nextUndecided, openId } from "../../../assets/static/curate/queue.js";

/**
 * @param {number | null} at
 * @param {...(import("../../../assets/static/curate/queue.js").Verb | null)} decided
 * @returns {import("../../../assets/static/curate/queue.js").Queue}
 */
function queue(at, ...decided) {
  const ids = decided.map((_, i) => `q${i}`);
  return { name: "n", text: "n", order: "", filter: "", of: 9, sample: true, blind: false, settles: false, ids, decided, at, estimate: "" };
}

test("the next undecided question is searched from a place on, then from the start", () => {
  assert.equal(nextUndecided(queue(0, null, "accept", null), 1), 2);
  assert.equal(nextUndecided(queue(2, null, "accept", "skip"), 2), 0);
  assert.equal(nextUndecided(queue(0, "accept", "reject"), 0), null);
  assert.equal(nextUndecided(queue(null), 0), null);
});

test("a step stays within the queue, and goes back from its end", () => {
  assert.equal(neighbor(queue(0, null, null), -1), null);
  assert.equal(neighbor(queue(0, null, null), 1), 1);
  assert.equal(neighbor(queue(1, null, null), 1), null);
  assert.equal(neighbor(queue(null, "skip", "skip"), -1), 1);
  assert.equal(neighbor(queue(null, "skip", "skip"), 1), null);
  assert.equal(neighbor(queue(null), -1), null);
});

test("undecided questions and both neighbors are fetched ahead, each once", () => {
  assert.deepEqual(idsAhead(queue(1, "accept", null, "skip", null, null, null), 2), ["q3", "q4", "q2", "q0"]);
  assert.deepEqual(idsAhead(queue(0, null, null), 6), ["q1", "q0"]);
  assert.deepEqual(idsAhead(queue(null, "skip"), 6), []);
});

test("decisions are counted by verb", () => {
  const some = queue(1, "accept", null, "accept", "skip");
  assert.deepEqual([countDecided(some), countDecided(some, "accept"), countDecided(some, "reject")], [3, 2, 0]);
  assert.equal(openId(some), "q1");
  assert.equal(openId(queue(null, "skip")), "");
  assert.equal(openId(null), "");
});
