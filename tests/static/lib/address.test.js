import assert from "node:assert/strict";
import { test } from "node:test";

import { canonicalFilter, formatAddress, parseAddress, parseFilter } from "../../../assets/static/lib/address.js";

const BASE = "http://h/x/";

test("every address is read as it was written", () => {
  /** @type {[string, Record<string, string>, string][]} */
  const cases = [
    ["home", {}, ""],
    ["runs", {}, "runs"],
    ["runs", { run: "r1" }, "runs/r1"],
    ["explore", { filter: '{"words":"x y"}' }, "explore?filter=%7B%22words%22%3A%22x+y%22%7D"],
    ["explore", { row: "r1-00000002", sort: "-reward" }, "row/r1-00000002?sort=-reward"],
    ["curate", { curate: "a / b?" }, "curate/a%20%2F%20b%3F"],
    ["help", { help: "map" }, "help/map"],
  ];
  cases.forEach(([tab, parameters, place]) => {
    assert.equal(formatAddress({ tab, parameters }, BASE), BASE + place);
    assert.deepEqual(parseAddress(BASE + place, BASE), { tab, parameters });
  });
});

test("links of the first version open the tab that they are about", () => {
  assert.deepEqual(parseAddress("http://h/?row=r1-00000002&__theme=dark", "http://h/"), { tab: "explore", parameters: { row: "r1-00000002" } });
  assert.equal(parseAddress("http://h/?filter=%7B%7D&curate=q", "http://h/").tab, "curate");
  assert.equal(parseAddress("http://h/?help=map", "http://h/").tab, "help");
  assert.equal(parseAddress("http://h/?x=1", "http://h/").tab, "home");
});

test("the theme stays in every address", () => {
  assert.equal(formatAddress({ tab: "explore", parameters: {} }, BASE, "dark"), `${BASE}explore?__theme=dark`);
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
