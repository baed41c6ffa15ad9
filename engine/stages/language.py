"""The language stage drops texts that are empty, cut off or not English, by rules on scripts and words.

Symbols, Greek letters, degree signs, curly quotes and LaTeX never count against a text, nor do products and points that
look like words of another language (``DE = LA``). A text without words (``2x + 3 = 7``) is kept. A few letters of
another script are a symbol or a name; more of them, compared with the rest, are another language.
"""

import re
import tomllib
import unicodedata

from engine.paths import ASSETS
from store.records import Question, Verdict

JUDGE = "rules"

_WORDS = tomllib.loads((ASSETS / "text" / "words.toml").read_text(encoding="utf-8"))
_FUNCTION_WORDS = frozenset(_WORDS["english"].split())
_ENGLISH = _FUNCTION_WORDS | frozenset(_WORDS["mathematics"].split())
_NEUTRAL = frozenset(_WORDS["neutral"].split())
_FOREIGN = [frozenset(words.split()) for words in _WORDS["foreign"].values()]

_MATHS = re.compile(
    r"\[asy\].*?\[/asy\]|\$\$.*?\$\$|\$[^$]{0,400}?\$|\\\[.*?\\\]|\\\(.*?\\\)"
    r"|\\(?:begin|end)\s*\{[^}]*\}|\\[A-Za-z]+",
    re.DOTALL,
)
_TEXT = re.compile(r"\\(?:text|textbf|textit|mbox|mathrm)\s*\{([^{}]*)\}")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_ACCENTED = re.compile("[\u00c0-\u024f\u1e00-\u1eff]")
_GREEK = re.compile("[\u0370-\u03ff\u1f00-\u1fff]")
_GREEK_WORD = re.compile(r"[\u0370-\u03ff\u1f00-\u1fff]{4,}")
_VARIABLES = re.compile(
    r"\b(?:sin|cos|tan|log|ln)\s+[a-z]{1,3}\b"
    r"|(?<![^\W_])[A-Za-z]{1,3}(?=\s*[=+*/^<>≤≥≠∥⊥∠|≅·×÷_])|(?<=[=+*/^<>≤≥≠∥⊥∠≅·×÷])\s*(?!(?:sin|cos|tan|log|ln)\b)[A-Za-z]{1,3}(?![^\W_])"
    r"|\b[A-Z]{2,4}\b"
)
"""What an operator touches, and points of figures: ``DE = LA + 2``."""
_OTHER_SHARE = 0.1
"""Of a text's letters, from which those of other scripts make it another language."""
_NO_LANGUAGE = (
    "LATIN", "GREEK", "MATHEMATICAL", "DOUBLE-STRUCK", "SCRIPT", "BLACK-LETTER", "FULLWIDTH LATIN", "PLANCK",
    "ALEF SYMBOL", "BET SYMBOL", "GIMEL SYMBOL", "MODIFIER", "MICRO", "OHM", "ANGSTROM", "KELVIN",
    "SUPERSCRIPT", "SUBSCRIPT", "FEMININE", "MASCULINE", "EULER", "CIRCLED", "ROMAN NUMERAL",
)  # fmt: skip
_DENSE = ("CJK", "HANGUL", "HIRAGANA", "KATAKANA")
"""Scripts of which one character says as much as three letters."""


def judge(question: Question) -> Verdict:
    """The verdict of stage ``language``: reasons ``empty``, ``truncated``, ``non_english`` in that order."""
    reason = reason_of(question.text, question.finish_reason)
    return Verdict(question.question_id, "language", JUDGE, kept=reason is None, reason=reason)


def reason_of(text: str, finish_reason: str = "stop") -> str | None:
    """The reason to drop the text; None to keep it."""
    if not any(char.isalnum() for char in text):
        return "empty"
    if finish_reason == "length":
        return "truncated"
    return None if is_english(text) else "non_english"


def is_english(text: str) -> bool:
    """Whether the text's words, if it has any, are English."""
    if not text.isascii() and _other_script(text):
        return False
    pieces = text.lower().split()
    if (
        sum(map(_FUNCTION_WORDS.__contains__, pieces)) * 5 >= len(pieces) * 2
    ):  # no other language shares that many words
        return True
    words = [word.lower().replace("’", "'") for word in _WORD.findall(_prose(text)) if len(word) > 1]
    words = [word for word in words if word not in _NEUTRAL and not _GREEK.match(word)]
    english = sum(word in _ENGLISH for word in words)
    foreign = max(sum(word in known for word in words) for known in _FOREIGN)
    accented = sum(_ACCENTED.search(word) is not None for word in words)
    if foreign + accented // 2 > english:  # accents are weak evidence: names have them too
        return False
    if english == 0 and accented:
        return len(words) < 3
    # languages without a word list here: many words, almost none of them English
    return english * 12 >= len(words) or len(words) < 6


def _prose(text: str) -> str:
    """The text without its formulas, but with the words inside them."""
    inside = " ".join(_TEXT.findall(text)) if "\\" in text else ""
    prose = f"{_MATHS.sub(' ', text)} {inside}" if "\\" in text or "$" in text else text
    return prose if prose.isupper() else _VARIABLES.sub(" ", prose)


def _other_script(text: str) -> bool:
    """Whether letters of other scripts are a part of the text that counts."""
    others = latin = 0
    for char in text if "\\" not in text and "$" not in text else _prose(text):
        if char.isascii() or not char.isalpha():
            latin += char.isalpha()
            continue
        name = unicodedata.name(char, "")
        if not name.startswith(_NO_LANGUAGE):
            others += 3 if name.startswith(_DENSE) else 1
    return others > _OTHER_SHARE * (others + latin) or len(_GREEK_WORD.findall(text)) >= 2
