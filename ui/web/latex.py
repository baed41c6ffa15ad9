"""Texts of models and files within Markdown. The page draws their formulas, tables, code and figures.

``gr.Markdown`` gets each text as the inert content of an element, which ``assets/static/lib/text`` finds and draws. A
page without scripts shows the text as it was written.
"""

from ui.web.escape import inert


def written(text: str, kind: str = "") -> str:
    """A block of Markdown that shows the text. ``kind``: a further class of the element."""
    return f'<div class="{f"model-text {kind}".strip()}">{_on_one_line(text)}</div>'


def written_inline(text: str) -> str:
    """The same within a line of Markdown."""
    return f'<span class="model-text">{_on_one_line(text)}</span>'


def answer(text: str) -> str:
    """A final answer within a line of Markdown: a formula in a box where it can be one."""
    return f'<span class="model-text is-answer">{_on_one_line(" ".join(text.split()))}</span>'


def verbatim(text: str) -> str:
    """Markdown that shows the text as it was written, without formulas."""
    return "  \n".join(map(_line, inert(text).split("\n")))


def quoted(markdown: str) -> str:
    """The same as a block quotation."""
    return "\n".join("> " + line for line in markdown.split("\n"))


def folded(title: str, text: str) -> str:
    """A text in monospace that is hidden until its title is pressed."""
    return f"<details><summary>{inert(title)}</summary><pre>{_on_one_line(text)}</pre></details>"


def _on_one_line(text: str) -> str:
    """A blank line would end an element in Markdown."""
    return inert(text).replace("\n", "&#10;")


def _line(line: str) -> str:
    """Leading spaces are kept (four would start code), and a line of = is not a heading."""
    bare = line.lstrip(" ")
    return "&nbsp;" * (len(line) - len(bare)) + ("&#61;" + bare[1:] if bare.startswith("=") else bare)
