import assert from "node:assert/strict";
import { test } from "node:test";

import { binName, isInRange, rangeOfBins } from "../../../assets/static/explore/bins.js";

const SHARES = { edges: [0, 0.5, 1], whole: false, single: false, below: false, above: true };
const COUNTS = { edges: [1, 2, 3, 5], whole: true, single: false, below: false, above: false };

const RATES = { edges: [0, 1 / 3, 2 / 3, 1, 4 / 3], whole: false, single: true, below: false, above: false };

test("a bin of a single value is that value", () => {
  assert.equal(binName(RATES, 1), "0.333333");
  assert.deepEqual(rangeOfBins(RATES, 1, 3), [1 / 3, 1]);
});

test("bins are named by their ends", () => {
  assert.equal(binName(SHARES, 0), "0 to 0.5");
  assert.equal(binName(SHARES, 1), "0.5 or more");
  assert.equal(binName(COUNTS, 0), "1");
  assert.equal(binName(COUNTS, 2), "3 to 4");
});

test("the outermost bins are open where values lie beyond them", () => {
  assert.deepEqual(rangeOfBins(SHARES, 0, 0), [0, 0.5]);
  assert.deepEqual(rangeOfBins(SHARES, 1, 1), [0.5, null]);
  assert.deepEqual(rangeOfBins(COUNTS, 1, 2), [2, 4]);
  assert.equal(rangeOfBins({ ...SHARES, below: true }, 0, 1), null);
});

test("exactly the bins of a range are in it", () => {
  [SHARES, COUNTS, RATES].forEach((bins) => {
    const count = bins.edges.length - 1;
    for (let first = 0; first < count; first += 1) {
      for (let last = first; last < count; last += 1) {
        const range = rangeOfBins(bins, first, last) ?? undefined;
        for (let bin = 0; bin < count; bin += 1) assert.equal(isInRange(bins, bin, range), bin >= first && bin <= last);
      }
    }
  });
});
