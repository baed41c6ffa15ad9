import assert from "node:assert/strict";
import { test } from "node:test";

import { formatAge, formatCell, formatCount, formatDigits, formatNumber, formatPercent } from "../../../assets/static/lib/format.js";

test("numbers have their thousands separated, texts stay as they are", () => {
  assert.equal(formatNumber(1234567), "1,234,567");
  assert.equal(formatCell(1000), "1,000");
  assert.equal(formatCell("1000"), "1000");
});

test("six digits at most", () => {
  assert.equal(formatDigits(0.1 + 0.2), "0.3");
  assert.equal(formatDigits(1234567.89), "1234570");
});

test("shares are percents with one digit", () => assert.equal(formatPercent(0.1234), "12.3\u00a0%"));

test("one thing is singular", () => {
  assert.equal(formatCount(1, "question"), "1 question");
  assert.equal(formatCount(0, "question"), "0 questions");
});

test("ages are said in the unit that fits", () => {
  assert.equal(formatAge(-3), "0 seconds old");
  assert.equal(formatAge(1.2), "1 second old");
  assert.equal(formatAge(90), "2 minutes old");
  assert.equal(formatAge(7200), "2 hours old");
});
