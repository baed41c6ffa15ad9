"""Formulas in a text that a model wrote: short, complete ones with known commands are rendered, all else is text.

``gr.Markdown`` renders what is between our own delimiters, which ``inert`` escapes in any text: the usual ones are also
dollar signs. Commands are allow-listed, because a formula can hide text, load pictures, set links, define macros and
block the page.
"""

import re

from engine.paths import ASSETS
from ui.web.escape import inert

LATEX: list[dict[str, str | bool]] = [{"left": "⟦", "right": "⟧", "display": False}]
"""For ``gr.Markdown(latex_delimiters=...)``."""
LONGEST = 200  # characters of a formula; KaTeX blocks the page while it renders a longer one
DEEPEST = 6  # braces within braces
MOST = 120  # formulas in one text; 50 of them take KaTeX 0.3 s

_BOXED = r"(?P<boxed>\\boxed\{[^{}\n]*(?:\{[^{}\n]*(?:\{[^{}\n]*\}[^{}\n]*)*\}[^{}\n]*)*\})"
_FORMULA = re.compile(
    rf"""(?<!\\)\\\[(?P<block>.{{1,{LONGEST}}}?)(?<!\\)\\\]
      | (?<!\\)\\\((?P<line>.{{1,{LONGEST}}}?)(?<!\\)\\\)
      | (?<![\\$])\$\$(?P<double>[^$]{{1,{LONGEST}}})\$\$
      | (?<![\\$])\$(?P<single>[^\s$](?:[^$\n]{{0,{LONGEST - 2}}}[^\s$\\])?)\$(?![\d$])
      | {_BOXED}""",
    re.VERBOSE | re.DOTALL,
)
_COMMAND = re.compile(r"\\([A-Za-z]+\*?|.)", re.DOTALL)
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\{([a-z]+\*?)\}")
_REFUSED = re.compile(r"[%#$⟦⟧\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f]")
_SYMBOLS = frozenset(r"\,;:! {}%#$&_|>")
_ENVIRONMENTS = re.compile(r"array|cases|[pbvVB]?matrix|smallmatrix|aligned|gathered|split|(align|equation)\*?")
_KNOWN = frozenset((ASSETS / "text" / "latex_commands.txt").read_text(encoding="utf-8").split())


def written(text: str, most: int = MOST) -> str:
    """Markdown that shows the text as it was written, with its first ``most`` formulas rendered."""
    parts, at, left = [], 0, most
    for match in _FORMULA.finditer(text):
        body = match["boxed"] or next(group for group in match.groups() if group is not None)
        if left and _harmless(body):
            block = match["block"] is not None or match["double"] is not None
            piece = "".join(("⟦", "\\displaystyle " if block else "", " ".join(body.split()), "⟧"))
            left -= 1
        else:
            piece = inert(match.group())
        parts += [inert(text[at : match.start()]), piece]
        at = match.end()
    return "  \n".join(map(_line, "".join([*parts, inert(text[at:])]).split("\n")))


def quoted(markdown: str) -> str:
    """The same as a block quotation."""
    return "\n".join("> " + line for line in markdown.split("\n"))


def _line(line: str) -> str:
    """Leading spaces are kept (four would start code), and a line of = is not a heading."""
    bare = line.lstrip(" ")
    return "&nbsp;" * (len(line) - len(bare)) + ("&#61;" + bare[1:] if bare.startswith("=") else bare)


def _harmless(body: str) -> bool:
    """Whether KaTeX may render it: short, balanced, with known commands."""
    bare = body.replace("\\\\", "  ").replace("\\%", "  ").replace("\\#", "  ").replace("\\$", "  ")
    if len(body) > LONGEST or not body.strip() or _REFUSED.search(bare.replace("\n", " ")):
        return False
    commands = [match.group(1) for match in _COMMAND.finditer(body)]
    if any(c not in (_SYMBOLS if not c[0].isalpha() else _KNOWN) for c in commands):
        return False
    if commands.count("left") != commands.count("right") or commands.count("begin") != commands.count("end"):
        return False
    if not all(_ENVIRONMENTS.fullmatch(match[1]) for match in _ENVIRONMENT.finditer(body)):
        return False
    return len(_ENVIRONMENT.findall(body)) == 2 * commands.count("begin") and _balanced(bare)


def _balanced(bare: str) -> bool:
    """Whether braces close, and are not nested too deeply to read."""
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", bare):
        depth += 1 if brace == "{" else -1
        if not 0 <= depth <= DEEPEST:
            return False
    return depth == 0
