import assert from "node:assert/strict";
import { test } from "node:test";

import { csvField, toCsv } from "../../../assets/static/sql/csv.js";

test("a text that a spreadsheet would run begins with an apostrophe, a number does not", () => {
  ["=1+1", "+1", "-1", "@SUM(1)", "\tx", "|x", "%x", "␉x"].forEach((text) => assert.equal(csvField(text, false)[0], "'"));
  assert.equal(csvField("-1.5", true), "-1.5");
});

test("quotes, commas and line ends are quoted", () => {
  assert.equal(csvField('a "b", c', false), '"a ""b"", c"');
  assert.equal(csvField("a\nb", false), '"a\nb"');
  assert.equal(csvField(null, false), "");
});

test("a file begins with a byte order mark and has CRLF line ends", () => {
  assert.equal(toCsv(["n", "t"], [["-1", "=x"], [null, "y"]], [true, false]), "\ufeffn,t\r\n-1,'=x\r\n,y\r\n");
});
