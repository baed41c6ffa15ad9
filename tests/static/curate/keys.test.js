import assert from "node:assert/strict";
import { test } from "node:test";

import { commandOf, isForeign } from "../../../assets/static/curate/keys.js";

/**
 * @param {string} key
 * @param {Partial<import("../../../assets/static/curate/keys.js").Press>} [more]
 */
const press = (key, more) => ({ key, repeat: false, ctrlKey: false, metaKey: false, altKey: false, defaultPrevented: false, ...more });

const nowhere = () => false;

test("keys start commands; digits are tags", () => {
  assert.deepEqual(["a", "x", " ", "u", "[", "?"].map((key) => commandOf(press(key))), ["accept", "reject", "skip", "undo", "sampleBefore", "help"]);
  assert.equal(commandOf(press("1")), 0);
  assert.equal(commandOf(press("9")), 8);
  ["0", "10", "Enter", "A", "constructor"].forEach((key) => assert.equal(commandOf(press(key)), null));
});

test("a held key decides once, but moves on", () => {
  assert.equal(commandOf(press("a", { repeat: true })), null);
  assert.equal(commandOf(press(" ", { repeat: true })), "held");
  assert.equal(commandOf(press("j", { repeat: true })), "next");
});

test("keys of fields, buttons and the browser are left alone", () => {
  assert.equal(isForeign(press("a"), nowhere), false);
  assert.equal(isForeign(press("a", { ctrlKey: true }), nowhere), true);
  assert.equal(isForeign(press("a", { defaultPrevented: true }), nowhere), true);
  assert.equal(isForeign(press("a"), (selector) => selector.includes("textarea")), true);
  const onButton = (/** @type {string} */ selector) => selector.includes("button");
  assert.equal(isForeign(press(" "), onButton), true);
  assert.equal(isForeign(press("a"), onButton), false);
});
