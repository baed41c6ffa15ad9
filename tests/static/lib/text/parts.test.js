import assert from "node:assert/strict";
import { test } from "node:test";

import { splitText } from "../../../../assets/static/lib/text/parts.js";

/** @param {string} text */
const formulas = (text) => splitText(text).flatMap((part) => (part.kind === "formula" ? [part.tex] : []));

/** @param {string} text */
const kinds = (text) => splitText(text).map((part) => (part.kind === "formula" && part.display ? "display" : part.kind));

const TEXTS = [
  "", "no formula", "$x$", "a $x$ b \\(y\\) c \\[z\\] d $$w$$ e", "\\begin{align*}a&=b\\\\c&=d\\end{align*}.", "\\[ open", "\\( open $x$",
  "$5 and $7", "\\$5 and \\% and \\\\$x$", "[asy]\ndraw((0,0)--(1,1));\n[/asy] after", "[asy] never ends", "```\ncode $x$\n```\nafter",
  "~~~\nx\n~~~", "``` open", "`a` and ``b''", "\\begin{tabular}{l}1\\end{tabular}", "\\begin{foo}x\\end{foo}", "\\begin{align}", "\\end{align}",
  "\\boxed{\\frac{1}{2}} \\boxed{open", "\\textbf{A $x$} \\emph{b} \\textit{open", "\\begin{itemize}\\item a \\item $b$\\end{itemize}", "\\", "$", "$$", "a\\",
];

test("the sources of the parts are the text, whatever it is", () => {
  const joined = TEXTS.flatMap((one) => TEXTS.map((other) => `${one}\n${other}`));
  [...TEXTS, ...joined].forEach((text) => assert.equal(splitText(text).map(({ source }) => source).join(""), text));
});

test("environments without dollar signs are displays", () => {
  for (const name of ["align*", "align", "gather", "gather*", "equation", "equation*", "multline", "eqnarray*", "alignat", "flalign*"]) {
    const source = `\\begin{${name}}a &= b\\end{${name}}`;
    assert.deepEqual(splitText(`We add:\n${source}\nso 3.`)[1], { kind: "formula", source, tex: source, display: true }, name);
  }
});

test("matrices, cases and arrays are displays on lines of their own and formulas in a line elsewhere", () => {
  for (const name of ["pmatrix", "bmatrix", "Bmatrix", "vmatrix", "Vmatrix", "matrix", "smallmatrix", "cases", "array", "aligned", "gathered", "split"]) {
    const source = `\\begin{${name}}1\\\\2\\end{${name}}`;
    assert.deepEqual(kinds(`Let\n${source}\nbe`), ["text", "display", "text"], name);
    assert.deepEqual(kinds(`Let ${source} be`), ["text", "formula", "text"], name);
  }
});

test("an environment ends where its own end is, not that of one within it", () => {
  const whole = "\\begin{align*}\\begin{align*}a\\end{align*}\\end{align*}";
  assert.deepEqual(formulas(`${whole} x`), [whole]);
  const mixed = "\\begin{gather*}\\begin{cases}1\\\\2\\end{cases}\\end{gather*}";
  assert.deepEqual(formulas(mixed), [mixed]);
  assert.deepEqual(kinds("\\begin{cases}\\begin{cases}1\\end{cases}"), ["text", "formula"], "the outer one never ends");
});

test("a display is as long as it was written", () => {
  const long = Array.from({ length: 60 }, (_, i) => `6\\cdot 13 &= 6\\cdot ${i}`).join("\\\\\n");
  for (const text of [`\\[\\begin{aligned}${long}\\end{aligned}\\]`, `$$${long.replaceAll("&", "")}$$`, `\\begin{align*}${long}\\end{align*}`]) {
    assert.ok(text.length > 900);
    assert.deepEqual(kinds(text), ["display"]);
  }
});

test("amounts of money are no formulas", () => {
  for (const text of [
    "It costs $5 and $7.", "$5 and $7", "from $10 to 20$", "I paid $3, she paid $4", "a$b", "5$ or 6$", "He has 5$, she has 6$.",
    "$1,000.50 in cash; $2,000 more", "$20-$5=$15", "$5/lb and $3/kg", "$ 5 or $ 7", "$5\n\nand 6$", "between $2.50 and $3.75 each$", "$5, $7", "$ 5, $ 7", "It is $144 = $<<12*12=144>>144.", "$10 / 2 = $5, $3 x $4", "2 at $3=$<<2*3=6>>6, 9*$2=$<<9*2=18>>18", "$20 + $30", "$x-$7", "$.50=$3", "$.25 = $", "$4.50/$5", "US$ 5 or US$ 6", "$1 (or $2)",
  ]) assert.deepEqual(formulas(text), [], text);
});

test("money and formulas in one sentence are told apart", () => {
  assert.deepEqual(formulas("Tom has $20 and spends $x$ dollars."), ["x"]);
  assert.deepEqual(formulas("It costs $5, or $y+1$ at most $9."), ["y+1"]);
  assert.deepEqual(formulas("If $a<b$ and 5$ is paid, what is \\(b-a\\)?"), ["a<b", "b-a"]);
  assert.deepEqual(formulas("a \\$5 note and $5$ apples"), ["5"]);
});

test("formulas of one or many lines, with text and dollar signs within, are found whole", () => {
  for (const tex of [
    "x", "x =\n5", "\\frac{1}{2}", "ABC", "f(x) = \\begin{cases}1 & \\text{if $x>0$ or so}\\\\0&\\text{else}\\end{cases}",
    "\\text{the number of apples in it}", "5\\%", "3 \\text{ for } 4", "\\{1,2\\}", "5", "10!", "2 \\times 3",
  ]) assert.deepEqual(formulas(`Let $${tex}$ be.`), [tex], tex);
  assert.deepEqual(formulas("$ x = 5 $ and $ 2 + 3 = y $"), [" x = 5 ", " 2 + 3 = y "]);
  assert.deepEqual(formulas("Let $ a$, $ b $ and $c $ be $ 4, 6, \\ldots ?$ or $.6A$"), [" a", " b ", "c ", " 4, 6, \\ldots ?", ".6A"]);
  assert.deepEqual(formulas("by $ f(z) = z^2 + iz + 1 $. How"), [" f(z) = z^2 + iz + 1 "]);
  assert.deepEqual(formulas("sides $8,$ $15,$ and $17$"), ["8,", "15,", "17"]);
  assert.deepEqual(formulas("the set $\\{$12, 38, $x\\}$, angles $PAB, PBC,$ and $ 10 $?"), ["\\{", "x\\}", "PAB, PBC,", " 10 "]);
});

test("an escaped dollar sign is a dollar sign", () => {
  assert.deepEqual(splitText("\\$5 and \\$7").map((part) => part.kind === "text" && part.text), ["$", "5 and ", "$", "7"]);
  assert.deepEqual(formulas("\\$x\\$ and \\\\$y$"), ["y"]);
});

test("what never closes stays text", () => {
  for (const text of ["\\[ x = 1", "\\[ x = 1 and so on.\n\nThe end.", "\\( y", "$x", "$$x$", "\\begin{align*} a", "\\boxed{1", "[asy] draw(x);", "```\ncode", "$\\frac{1}{2$"]) {
    assert.deepEqual(splitText(text).map(({ kind }) => kind), ["text"], text);
  }
  assert.deepEqual(formulas("\\[ a and then \\[ b \\] c"), [" b "]);
  assert.deepEqual(formulas("a \\\\[2pt] b \\[ c \\]"), [" c "]);
});

test("drawings are parts of their own, with whatever is in them", () => {
  for (const text of [
    "[asy]\nlabel(\"$(0,3)$\", (0,3));\n[/asy]", "[asy] draw(a); [/asy]", "\\begin{asy}\ndot((0,0));\n\\end{asy}",
    "\\begin{tikzpicture}\\draw (0,0) -- (1,1) node {$x$};\\end{tikzpicture}",
  ]) assert.deepEqual(kinds(`See\n${text}\nhere`), ["text", "drawing", "text"], text);
});

test("fenced code is code, and its dollar signs and backslashes too", () => {
  for (const text of ["```python\nprint(\"$x$\")\n```", "~~~\n\\[x\\]\n~~~", "````\n```\n````", "  ```js\na\n  ```", "```\n```", "\\begin{verbatim}\n$x$\n\\end{verbatim}"]) {
    assert.deepEqual(kinds(`See\n${text}\nhere`), ["text", "code", "text"], text);
  }
  assert.deepEqual(kinds("a ```x``` b"), ["text"]);
  assert.deepEqual(kinds("use `a[0]` here, ``quoted'' and `said'"), ["text", "inline code", "text"]);
});

test("tables are found, also where a display encloses them", () => {
  for (const text of ["\\begin{tabular}{ll}1&2\\end{tabular}", "\\[\\begin{tabular}{|c|}a\\end{tabular}\\]", "$$\n\\begin{tabular}{c}1\\end{tabular}\n$$", "\\begin{tabular*}{3cm}{l}x\\end{tabular*}"]) {
    assert.deepEqual(kinds(`Sum: ${text}`), ["text", "table"], text);
  }
});

test("lists and centred texts show what is in them", () => {
  const [list] = splitText("\\begin{enumerate}\\item one \\item $x$\\end{enumerate}");
  assert.ok(list.kind === "block");
  assert.deepEqual(list.parts.map(({ source }) => source), ["1. one\n2. ", "$x$"]);
  assert.deepEqual(kinds("\\begin{center}\\begin{tabular}{c}1\\end{tabular}\\end{center}"), ["block"]);
  assert.deepEqual(kinds("\\begin{theorem}x\\end{theorem}"), ["unknown"]);
});

test("a long hostile text is read in no time", () => {
  const started = performance.now();
  for (const piece of ["$", "\\begin{align}", "\\[", "{", "`", "\\boxed{", "$x ", "[asy]", "\\begin{a}\\end{b}", "```\n"]) splitText(piece.repeat(3000));
  assert.ok(performance.now() - started < 3000, `${performance.now() - started} ms`);
});
