import assert from "node:assert/strict";
import { test } from "node:test";

import { Outbox } from "../../../assets/static/curate/outbox.js";

/**
 * @typedef {import("../../../assets/static/curate/outbox.js").Batch} Batch
 * @typedef {import("../../../assets/static/curate/outbox.js").Reply} Reply
 */

const LATER = 60_000; // milliseconds: no retry within a test

/** A browser's storage. */
function makeStorage() {
  /** @type {Map<string, string>} */
  const items = new Map();
  return {
    items,
    getItem: (/** @type {string} */ key) => items.get(key) ?? null,
    setItem: (/** @type {string} */ key, /** @type {string} */ value) => void items.set(key, value),
    removeItem: (/** @type {string} */ key) => void items.delete(key),
  };
}

/** An outbox whose requests are answered by hand: `answers[i](reply)`. */
function makeOutbox({ delays = [LATER], storage = makeStorage() } = {}) {
  /** @type {Batch[]} */
  const sent = [];
  /** @type {((reply: Reply) => void)[]} */
  const answers = [];
  /** @type {string[]} */
  const seen = [];
  const outbox = new Outbox({
    send: (batch) => {
      sent.push(batch);
      return new Promise((resolve) => answers.push(resolve));
    },
    onReply: (_, results) => seen.push(`${results.size} stored`),
    onChange: (problem) => seen.push(problem ?? "changed"),
    onSaved: () => seen.push("saved"),
    storage: () => storage,
    delays,
  });
  /** @param {number} i */
  const storeAll = (i) => answers[i]({ done: sent[i].events.map(({ event_id }) => ({ event_id })) });
  return { outbox, sent, answers, seen, storage, storeAll };
}

/**
 * @param {string} id
 * @param {string} [queue]
 * @param {string} [reviewer]
 */
const accept = (id, queue = "a", reviewer = "ana") => ({ question_id: id, action: "accept", payload: {}, queue, reviewer });

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** @param {Batch} batch */
const idsOf = ({ events }) => events.map((decision) => decision.question_id);

test("one request is under way at a time, and decisions keep their order", async () => {
  const { outbox, sent, storeAll, seen } = makeOutbox();
  ["q1", "q2", "q3"].forEach((id) => outbox.add(accept(id)));
  assert.deepEqual(sent.map(idsOf), [["q1"]]);
  storeAll(0);
  await settle();
  assert.deepEqual(sent.map(idsOf), [["q1"], ["q2", "q3"]]);
  assert.equal(seen.includes("saved"), false);
  storeAll(1);
  await settle();
  assert.equal(outbox.size, 0);
  assert.deepEqual(seen.slice(-3), ["2 stored", "changed", "saved"]);
});

test("a request has decisions of one queue and one reviewer, and at most 50", async () => {
  const { outbox, sent, storeAll } = makeOutbox();
  outbox.add(accept("first"));
  Array.from({ length: 60 }, (_, i) => outbox.add(accept(`q${i}`)));
  outbox.add(accept("other", "b"));
  outbox.add(accept("ben's", "b", "ben"));
  for (let i = 0; i < 5; i += 1) {
    storeAll(i);
    await settle();
  }
  assert.deepEqual(sent.map(({ events }) => events.length), [1, 50, 10, 1, 1]);
  assert.deepEqual(sent.map(({ queue, reviewer }) => `${queue} ${reviewer}`), ["a ana", "a ana", "a ana", "b ana", "b ben"]);
});

test("what is not stored is sent again with the same ids", async () => {
  const { outbox, sent, answers, seen, storeAll } = makeOutbox({ delays: [1] });
  outbox.add(accept("q1"));
  answers[0]({ error: "No answer." });
  await settle();
  assert.equal(outbox.isPending("q1"), true);
  assert.deepEqual([outbox.failures, seen.at(-1)], [1, "No answer."]);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(sent.length, 2);
  assert.equal(sent[1].events[0].event_id, sent[0].events[0].event_id);
  storeAll(1);
  await settle();
  assert.deepEqual([outbox.size, outbox.failures, outbox.isPending("q1")], [0, 0, false]);
});

test("an error after some decisions keeps the others", async () => {
  const { outbox, sent, answers, storeAll } = makeOutbox();
  ["q0", "q1", "q2"].forEach((id) => outbox.add(accept(id)));
  storeAll(0);
  await settle();
  answers[1]({ done: [{ event_id: sent[1].events[0].event_id }], error: "The disk is full." });
  await settle();
  assert.deepEqual(outbox.decisions.map((decision) => decision.question_id), ["q2"]);
  clearTimeout(outbox.retry);
});

test("decisions survive a reload of the page until they are stored", async () => {
  const storage = makeStorage();
  makeOutbox({ storage }).outbox.add(accept("q1"));
  const { outbox, sent, storeAll } = makeOutbox({ storage });
  outbox.restore();
  assert.deepEqual(sent.map(idsOf), [["q1"]]);
  storeAll(0);
  await settle();
  assert.equal(outbox.size, 0);
  assert.equal(storage.items.size, 0);
});

test("storage that is forbidden or broken is no error", async () => {
  const broken = makeStorage();
  broken.items.set("curate-outbox", "{");
  const { outbox } = makeOutbox({ storage: broken });
  await outbox.restore();
  assert.equal(outbox.size, 0);
  const forbidden = makeOutbox();
  forbidden.outbox.storage = () => {
    throw new Error("forbidden");
  };
  forbidden.outbox.add(accept("q1"));
  assert.equal(forbidden.sent.length, 1);
});
