"""Texts as models write them, drawn by the page's own module in a real Chromium: LaTeX, tables, code and figures."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from store.database.workspace import Workspace
from tests.store import rows
from tests.ui.browser import Watched, chromium, served
from tests.ui.hostile import HOSTILE, readable
from ui.web import assets, latex

BARE = re.compile(r"\\begin\{")
_DRAW = """async ([module, texts]) => {
  const { drawWholeText } = await import(new URL(module, document.baseURI).href);
  const place = document.body.appendChild(document.createElement("div"));
  place.id = "drawn";
  place.style.cssText = "position: absolute; top: 0; left: 0; width: 60rem; background: white; z-index: 99";
  const found = [];
  for (const text of texts) {
    const box = document.createElement("div");
    place.replaceChildren(box);
    await drawWholeText(box, text);
    const count = (selector) => box.querySelectorAll(selector).length;
    found.push({
      shown: box.innerText, all: box.textContent, html: box.innerHTML, errors: count(".katex-error"),
      katex: count(".katex"), displays: count(".katex-display"), marked: count(".not-drawn, .unknown-latex"),
      tables: count("table"), code: count("pre"), folded: count("details:not([open])"), wide: box.scrollWidth,
    });
  }
  place.remove();
  return found;
}"""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("latex") / "w"
    with Workspace.open(folder) as workspace:
        workspace.create_run(rows.run())
        workspace.writer.put(rows.whole(0))
        workspace.writer.flush()
    with served(folder) as url, chromium(url) as page:
        page.open()
        yield page


def drawn(watched: Watched, *texts: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = watched.page.evaluate(_DRAW, [assets.address("lib/text/draw.js"), list(texts)])
    assert not watched.errors
    assert not watched.foreign
    return found


@pytest.mark.parametrize(
    "name",
    [
        *("align", "align*", "aligned", "gather", "gather*", "gathered", "equation", "equation*", "split", "multline"),
        *("eqnarray", "eqnarray*", "cases", "dcases", "rcases", "matrix", "pmatrix", "bmatrix", "Bmatrix", "vmatrix"),
        *("Vmatrix", "smallmatrix", "multline*", "flalign", "displaymath"),
    ],
)
def test_environments_without_dollar_signs_are_drawn_on_lines_of_their_own_and_within_lines(
    watched: Watched, name: str
) -> None:
    body = "a=b" if "matrix" in name or name in ("equation", "equation*", "displaymath") else "a&=b\\\\c&=d"
    body = {"multline": "a=b\\\\c=d", "gather": "a=b\\\\c=d"}.get(name.rstrip("*"), body)
    body = "a&=&b\\\\c&=&d" if name.startswith("eqnarray") else body
    whole = f"\\begin{{{name}}}{body}\\end{{{name}}}"
    alone, within, bracketed, dollars = drawn(
        watched, f"We add:\n{whole}\nand so on.", f"We add {whole} here.", f"\\[{whole}\\]", f"so ${whole}$ is"
    )
    for found in (alone, within, bracketed, dollars):
        assert found["katex"] == 1, found["shown"]
        assert not found["marked"]
        assert "\\begin" not in found["shown"]
    assert alone["displays"] == bracketed["displays"] == 1
    assert "We add:" in alone["shown"]
    assert "and so on." in alone["shown"]


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("Sum: \\begin{tabular}{ll}1 & 2\\\\3 & 4\\end{tabular}", ["1", "2", "3", "4"]),
        ("\\[\\begin{tabular}{|c|c|}\\hline a & \\textbf{b} \\\\ \\hline\\end{tabular}\\]", ["a", "b"]),
        ("\\begin{tabular}[t]{l|r}\\multicolumn{2}{c}{both} \\\\ x & \\$5\\% \\end{tabular}", ["both", "x", "$5%"]),
        ("\\begin{center}\\begin{tabular}{c}\\toprule one\\\\ \\bottomrule\\end{tabular}\\end{center}", ["one"]),
    ],
)
def test_a_tabular_is_a_table(watched: Watched, text: str, cells: list[str]) -> None:
    (found,) = drawn(watched, text)
    assert found["tables"] == 1
    assert re.split(r"\s+", found["shown"].removeprefix("Sum:").strip()) == cells


def test_arrays_with_lines_gaps_and_wide_cells_are_drawn(watched: Watched) -> None:
    texts = (
        "\\begin{array}{c@{}c@{\\;}c} & 5 & 6 \\\\ \\cline{2-3} +& & 7\\end{array}",
        "\\begin{array}{|l|r|}\\hline x & y \\\\ \\hline\\end{array}",
        "\\begin{array}[t]{*{2}{c}}\\multicolumn{2}{c}{x}\\\\ 1&2\\end{array}",
        "$\\begin{tabular}{cc}a&b\\end{tabular} + 1$",
    )
    for found in drawn(watched, *texts):
        assert (found["katex"], found["marked"]) == (1, 0)


def test_long_displays_are_drawn_and_scroll_in_their_own_box(watched: Watched) -> None:
    lines = "\\\\ ".join(f"6\\cdot 13 &= 6\\cdot {12 - i}+6\\cdot {i + 1}" for i in range(40))
    wide = "+".join(f"x_{{{i}}}" for i in range(200))
    for text in (
        f"\\[\\begin{{aligned}}{lines}\\end{{aligned}}\\] so",
        f"$${wide}$$",
        f"\\begin{{gather*}}{wide}\\end{{gather*}}",
    ):
        (found,) = drawn(watched, text)
        assert len(text) > 200
        assert (found["katex"], found["marked"]) == (1, 0)
        assert found["wide"] <= 960


def test_tags_are_drawn_in_displays_and_in_lines(watched: Watched) -> None:
    texts = ("\\[x=10 \\tag{1}\\]", "$$y \\tag*{(a)}$$", "\\begin{align*}\\tag{2} a&=b\\end{align*}", "$x \\tag{3}$")
    for found, tag in zip(drawn(watched, *texts), ("(1)", "(a)", "(2)", "(3)"), strict=True):
        assert tag in found["shown"]
        assert not found["marked"]


@pytest.mark.parametrize(
    "text",
    [
        '[asy]\ndraw((0,0)--(1,1));\nlabel("$x$", (0,0));\n[/asy]',
        "Before [asy] size(100); [/asy] after",
        "\\begin{asy}\ndot((0,0));\n\\end{asy}",
        "\\begin{tikzpicture}\n\\draw (0,0) -- (1,1);\n\\end{tikzpicture}",
    ],
)
def test_a_figure_is_a_labelled_folded_block_of_code(watched: Watched, text: str) -> None:
    (found,) = drawn(watched, text)
    assert found["folded"] == 1
    assert found["katex"] == 0
    assert re.search(r"Figure: \d+ lines? of (Asymptote|TikZ) code", found["shown"])
    assert readable(text, None) in readable(re.sub(r"Figure: .* code", "", found["all"]), None)


@pytest.mark.parametrize(
    "text",
    [
        '```python\ndef part(total, n):\n    return f"${total / n}$"\n```\n\\boxed{8}',
        "Run:\n~~~\n\\begin{align*}\n~~~\n\\boxed{8}",
        "  ````\n  ```\n  x\n  ````\n\\boxed{8}",
        "\\begin{verbatim}\n$x$\n\\end{verbatim} gives \\boxed{8}",
    ],
)
def test_fenced_code_is_code_as_it_was_written(watched: Watched, text: str) -> None:
    (found,) = drawn(watched, text)
    assert (found["code"], found["katex"]) == (1, 1)
    code = re.split(r"\s*(?:gives )?\\boxed", text)[0].removeprefix("Run:\n")
    assert code.strip() in found["all"]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "It costs $5 and $7.",
            "from $10 to 20$ each",
            "$1,000.50, or $2,000 more",
            "$20-$5=$15",
            "She has 5$, he 6$.",
        ),
        *("\\[ x = 1 and it never closes", "\\( x", "$$ y", "\\begin{align*} a", "\\boxed{1", "a \\[ b \\( c"),
    ],
)
def test_money_and_what_never_closes_stays_text(watched: Watched, text: str) -> None:
    (found,) = drawn(watched, text)
    assert found["shown"] == text
    assert not found["html"].count("<span")


def test_an_escaped_dollar_sign_is_one(watched: Watched) -> None:
    (found,) = drawn(watched, "A \\$5 note and a \\$7 note, 3\\% more, and $x$.")
    assert found["shown"].startswith("A $5 note and a $7 note, 3% more, and ")
    assert found["katex"] == 1


def test_macros_that_katex_lacks_are_shown_as_their_source_and_marked(watched: Watched) -> None:
    texts = (
        "$\\foo{x} + 1$",
        "\\[\\weirdarrow A\\]",
        "\\begin{align*}a &= \\nosuch b\\end{align*}",
        "\\boxed{\\unheard 1}",
    )
    for found, name in zip(drawn(watched, *texts), ("\\foo", "\\weirdarrow", "\\nosuch", "\\unheard"), strict=True):
        assert name in found["shown"]
        assert (found["errors"], found["katex"]) == (0, 1)
        assert found["marked"]


def test_a_formula_of_unknown_macros_alone_is_shown_as_it_was_written(watched: Watched) -> None:
    texts = ("\\(\\nosuch\\)", "$\\nosuch\\unheard$", "\\boxed{\\nosuch}")
    for found, text in zip(drawn(watched, *texts), texts, strict=True):
        assert (found["shown"], found["katex"], found["marked"]) == (text, 0, 1)


def test_formulas_that_cannot_be_drawn_are_shown_as_their_source_and_marked(watched: Watched) -> None:
    texts = (
        "so $x^2^3$ is",
        "\\[\\frac{1}\\]",
        "\\(\\left( x\\)",
        "\\begin{array}{c}\\hfoo & \\end{pmatrix}\\end{array}",
        "$\\href{x}{y}$",
    )
    for found, text in zip(drawn(watched, *texts), texts, strict=True):
        assert found["shown"].strip() == text
        assert (found["errors"], found["katex"], found["marked"]) == (0, 0, 1)


def test_usual_macros_are_drawn(watched: Watched) -> None:
    texts = [
        f"${tex}$"
        for tex in (
            *("\\dfrac{1}{2}", "\\tfrac12", "\\boxed{\\text{yes, if $x>0$}}", "\\text{50\\% of } x", "\\overarc{AB}"),
            *(
                "\\cancelto{0}{x}",
                "\\mathbb{R}",
                "\\operatorname{lcm}(a,b)",
                "\\phantom{0}1",
                "\\underline{\\hspace{5pt}}",
            ),
            *(
                "\\Diamond",
                "\\S",
                "\\emph{do}",
                "\\nicefrac{1}{2}",
                "\\color{red} x",
                "\\begin{pmatrix}1\\\\[2pt]2\\end{pmatrix}",
            ),
        )
    ]
    for found, text in zip(drawn(watched, *texts, "\\boxed{\\frac{1}{2}}", "\\fbox{7}"), [*texts, "", ""], strict=True):
        assert (found["katex"], found["marked"]) == (1, 0), text


def test_hostile_texts_are_shown_whole_and_nothing_of_them_runs(watched: Watched) -> None:
    for text, found in zip(HOSTILE, drawn(watched, *HOSTILE), strict=True):
        assert readable(text) in readable(found["all"]) or found["katex"]
        assert not re.search(r"<(script|img|svg onload|iframe|a |style|form|meta|link)", found["html"])
        assert not found["errors"]
    assert watched.page.evaluate("window.ran") is None


def test_texts_within_markdown_stay_on_one_line_and_inert() -> None:
    block = latex.written("a\n\n<b>*x*</b>\n$y$")
    assert "\n" not in block
    assert "<b>" not in block
    assert "*" not in block
    assert latex.folded("Also stored: 1 field", '{"a": 1}\n').startswith("<details><summary>Also stored&#58; 1 field")


def texts_of(file: Path, *fields: str) -> list[str]:
    records = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    return [record[field] for record in records for field in fields if record.get(field)]


def test_bare_environments_of_math_500_leave_no_begin_in_the_page(watched: Watched, data_dir: Path) -> None:
    texts = [text for text in texts_of(data_dir / "math500.jsonl", "problem", "solution") if BARE.search(text)]
    bare = [
        text for text in texts if BARE.search(re.sub(r"\$[^$]*\$|\\\[.*?\\\]|\\\(.*?\\\)", "", text, flags=re.DOTALL))
    ]
    assert len(bare) > 100
    found = drawn(watched, *texts)
    assert sum(one["shown"].count("\\begin") for one in found) == 0
    assert sum(one["errors"] for one in found) == 0


def test_no_error_box_on_real_questions_and_solutions(watched: Watched, data_dir: Path) -> None:
    texts = [
        *texts_of(data_dir / "math_train.jsonl", "problem")[::4],
        *texts_of(data_dir / "math500.jsonl", "problem", "solution"),
        *texts_of(data_dir / "scalequest_samples.jsonl", "query", "response"),
        *texts_of(data_dir / "gsm8k_train.jsonl", "question", "answer")[::40],
    ]
    found = drawn(watched, *texts)
    assert len(found) > 1000
    assert sum(one["errors"] for one in found) == 0
    assert sum(one["shown"].count("\\begin") for one in found) == 0
    marked = [text for text, one in zip(texts, found, strict=True) if one["marked"]]
    assert len(marked) <= len(texts) / 200, marked
