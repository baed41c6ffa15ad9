import assert from "node:assert/strict";
import { test } from "node:test";

import { parseTable } from "../../../../assets/static/lib/text/tabular.js";
import { toKatex } from "../../../../assets/static/lib/text/tex.js";

test("environments that number their lines lose the numbers, and those that KaTeX lacks become near ones", () => {
  assert.equal(toKatex("\\begin{align}a&=b\\end{align}", true), "\\begin{align*}a&=b\\end{align*}");
  assert.equal(toKatex("\\begin{multline}a\\\\b\\end{multline}", true), "\\begin{gather*}a\\\\b\\end{gather*}");
  assert.equal(toKatex("\\begin{eqnarray*}a&=&b\\end{eqnarray*}", true), "\\begin{array}{rcl}a&=&b\\end{array}");
  assert.equal(toKatex("\\begin{equation}\\begin{split}a\\end{split}\\label{e}\\end{equation}", true), "\\begin{equation*}\\begin{split}a\\end{split}\\end{equation*}");
});

test("within a line, environments of displays become those of lines, and a tag stays readable", () => {
  assert.equal(toKatex("\\begin{align*}a&=b\\end{align*}", false), "\\begin{aligned}a&=b\\end{aligned}");
  assert.equal(toKatex("\\begin{gather}a\\end{gather}", false), "\\begin{gathered}a\\end{gathered}");
  assert.equal(toKatex("\\begin{equation}a\\end{equation}", false), "a");
  assert.equal(toKatex("x=10 \\tag{1}", false), "x=10 \\quad(\\text{1})");
  assert.equal(toKatex("x=10 \\tag{1}", true), "x=10 \\tag{1}");
});

test("columns of arrays are those that KaTeX knows", () => {
  for (const [given, plain] of [["c@{}c@{\\;}c", "ccc"], ["|l|c||r|", "|l|c||r|"], ["*{3}{c}|r", "ccc|r"], ["p{2cm}X", "ll"], ["@{\\hspace{3pt}}c >{\\bf}r", "cr"]]) {
    assert.equal(toKatex(`\\begin{array}{${given}}1\\end{array}`, true), `\\begin{array}{${plain}}1\\end{array}`);
  }
  assert.equal(toKatex("\\begin{array}[t]{cc}a&b\\\\ \\cline{1-2} c&d\\end{array}", true), "\\begin{array}{cc}a&b\\\\ \\hline  c&d\\end{array}");
  assert.equal(toKatex("\\begin{array}{cc}\\multicolumn{2}{c}{a}\\\\b&c\\end{array}", true), "\\begin{array}{cc}a&\\\\b&c\\end{array}");
});

test("what sets lengths, colours and labels goes; what they apply to stays", () => {
  assert.equal(toKatex("\\renewcommand{\\arraystretch}{1.5} x", true), " x");
  assert.equal(toKatex("{\\color{white} 7} + \\textcolor{red}{x}", true), "{ 7} + {x}");
  assert.equal(toKatex("a\\cr b", true), "a\\\\ b");
  assert.equal(toKatex("\\cal C", true), "\\mathcal{C}");
  assert.equal(toKatex("50% of x", true), "50\\% of x");
});

test("commands that define, load, link or hide are refused, and so is what cannot be read", () => {
  for (const tex of [
    "\\def\\a{b}", "\\newcommand{\\b}{c} \\b", "\\gdef\\c{c}", "\\let\\d\\e", "\\href{javascript:x}{y}", "\\url{x}", "\\includegraphics{x}", "\\htmlClass{a}{b}",
    "\\htmlData{a=b}{c}", "\\rlap{x}y", "\\smash{x}", "\\kern-9999em x", "\\hspace{-3cm} x", "\\phantom{a text which nobody could see although it is part of the formula}",
    "x\u202ey", "{x", "x}", "{".repeat(20) + "}".repeat(20), `\\begin{matrix}${"1&".repeat(40)}\\end{matrix}`, "\\frac{#1}{2}",
  ]) assert.equal(toKatex(tex, true), null, tex);
});

test("small gaps, phantoms and escaped signs are accepted", () => {
  for (const tex of ["a\\!b", "\\phantom{0}1", "\\hspace{3pt}", "\\kern-1pt x", "\\#1", "\\{x\\}", "\\left( x \\right)", "5\\%"]) assert.notEqual(toKatex(tex, true), null, tex);
});

test("a table has its cells, spans and lines", () => {
  const { rows, rule } = parseTable("{|l|r|}\\hline a & b \\\\ \\hline \\multicolumn{2}{|c|}{both \\& all} \\\\ 1 & $x&y$ \\\\ \\hline");
  assert.deepEqual(rows.map((row) => row.rule), [true, true, false]);
  assert.equal(rule, true);
  assert.deepEqual(rows[0].cells.map(({ text, align }) => [text, align]), [["a", "l"], ["b", "r"]]);
  assert.deepEqual(rows[1].cells.map(({ text, span, align, left }) => [text, span, align, left]), [["both \\& all", 2, "c", true]]);
});

test("tables with a width or a place, with rules of booktabs, and without rows are read", () => {
  assert.deepEqual(parseTable("{ll}1 & 2\\\\3 & 4").rows.map((row) => row.cells.map(({ text }) => text)), [["1", "2"], ["3", "4"]]);
  assert.deepEqual(parseTable("{3cm}{lr}1&2").rows[0].cells.map(({ align }) => align), ["l", "r"]);
  assert.deepEqual(parseTable("[t]{c}\\toprule a\\\\[2pt] \\midrule b\\\\ \\bottomrule").rows.map(({ cells, rule }) => [cells[0].text, rule]), [["a", true], ["b", true]]);
  assert.deepEqual(parseTable("{c}"), { rows: [], rule: false });
  assert.deepEqual(parseTable("").rows, []);
});
