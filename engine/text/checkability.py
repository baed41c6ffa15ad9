"""Whether a rule can check an answer to a question: the signals by which Big-Math filtered its questions.

The signals are read off the words of the question and its gold answer (arXiv 2502.17387, section 3): multiple choice,
yes or no, proofs, several parts, links, and gold answers that are missing or prose.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.text.final_answer import stated_last
from engine.text.layout import normalise, word_set

OPEN, CHOICE, YES_NO, PROOF = "open", "choice", "yes_no", "proof"
MULTI_PART, NO_GOLD, LINK = "multi_part", "no_gold", "link"
LABELS = (OPEN, CHOICE, YES_NO, PROOF, MULTI_PART, NO_GOLD, LINK)

_LINK = re.compile(r"https?://\S|\bwww\.\w|!\[[^\]]*\]\(|\\includegraphics|<img\b|\bdata:image/", re.I)
_PICTURE = re.compile(
    r"\b(?:figure|diagram|picture|image|photo|drawing|sketch|graph|map|chart)s?\s+(?:is\s+|are\s+)?(?:shown\s+|given\s+)?"
    r"(?:below|above|to the (?:left|right)|on the (?:left|right))\b"
    r"|\b(?:see|refer to|consult)\s+(?:the\s+|this\s+)?(?:attached|accompanying|figure|diagram|picture|image)\b"
    r"|\b(?:as\s+)?(?:shown|pictured|illustrated|depicted)\s+in\s+(?:the|this)\s+(?:figure|diagram|picture|image|photo|graph)\b",
    re.I,
)
_DRAWN = re.compile(r"\[asy\]|\\begin\{(?:tikz|tabular|array|picture|asy)|\|\s*-{3}|```")
_PROOF = re.compile(
    r"(?:^|[.;:!?,\n]\s*|\b(?:and|then|to|must|now|please|rigorously|formally)\s+|[(\s]\w\)\s*)"
    r"(?:prove|disprove|show\s+that|demonstrate\s+that|verify\s+that|justify|establish\s+that|give\s+a\s+proof|deduce\s+that)\b",
    re.I,
)
_ASKS = re.compile(
    r"\b(?:find|determine|compute|calculate|evaluate|what|how\s+(?:many|much|long|far|old)|which|solve|simplify|express)\b",
    re.I,
)
_DEMANDS = re.compile(
    r"(?:[^.\n]{0,60}[,.]\s+)?(?:find|determine|compute|calculate|evaluate|solve|simplify|express|how)\b", re.I
)
_OPTION = re.compile(
    r"(?:^|[\s$}~,;.?:])(?:\\(?:text|textbf|mathrm|mathbf)\s*\{\s*)?"
    r"(?:\(\s*([A-Ea-e])\s*\)|(?:\*\*)?([A-Ea-e])[).:](?=[\s*}$\\~]|\d))",
    re.MULTILINE,
)
_PART = re.compile(
    r"(?:^|[\s.;:?])(?:\(\s*([a-e]|[ivx]{1,4}|[1-9])\s*\)|\b(?:part|question)\s+([a-e1-9])\b[.:)]?|^([1-9])[.)]\s)",
    re.I | re.M,
)
_YES_NO = word_set("yes no true false correct incorrect")
_LETTER = re.compile(r"\(?\s*([A-Ea-e])\s*\)?[.:]?")
_PLAIN_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}")
_SAYS = word_set(
    "is are if iff when where for such that there exists exist all any every because since only with has have"
)
_MOST_WORDS = 6


def checkability(question: str, gold: str | None) -> str:
    """One of LABELS, the first that fits: ``link`` (a link or a picture is needed), ``proof``, ``no_gold`` (no gold
    answer), ``choice``, ``multi_part``, ``yes_no``, ``no_gold`` (prose), else ``open``: a rule can check the answer.
    """
    answer = normalise(_gold(gold))
    if _LINK.search(question) or (_PICTURE.search(question) and not _DRAWN.search(question)):
        return LINK
    if _is_proof(question, answer):
        return PROOF
    if not answer:
        return NO_GOLD
    letter = _LETTER.fullmatch(answer.replace("\\text", "").strip("{}"))
    if _has_options(question, lower=letter is not None) or (
        letter and re.search(r"which of the following", question, re.I)
    ):
        return CHOICE
    if _has_parts(question):
        return MULTI_PART
    if answer.replace("\\text", "").strip("{}. ").lower() in _YES_NO:
        return YES_NO
    return NO_GOLD if _is_prose(answer) else OPEN


def _gold(gold: str | None) -> str:
    text = (gold or "").strip()
    return (stated_last(text) or text) if "####" in text else text


def _is_proof(question: str, answer: str) -> bool:
    """A proof is asked for, and nothing that has an answer after it."""
    found = list(_PROOF.finditer(question))
    if not found:
        return False
    rest = question[found[-1].end() :]
    before = question[: found[0].start()]
    asks = _ASKS.search(re.sub(r"\bfor which\b|\bin which\b|\bwhat(?:ever)?\b(?=[^?]*$)", "", rest)) or _ASKS.search(
        before
    )
    return not (asks and answer and not _is_prose(answer))


def _has_options(question: str, lower: bool) -> bool:
    """Whether options A, B and C (or a, b, c where the gold answer is a letter) follow each other."""
    found = [(match[1] or match[2]) for match in _OPTION.finditer(question)]
    return _follow(found, "ABC") or (lower and _follow(found, "abc"))


def _has_parts(question: str) -> bool:
    """Whether at least two parts, each with a question or a demand, follow each other."""
    found = list(_PART.finditer(question))
    labels = [(match[1] or match[2] or match[3]).lower() for match in found]
    for first, second in (("a", "b"), ("i", "ii"), ("1", "2")):
        if first not in labels or second not in labels[labels.index(first) :]:
            continue
        at = labels.index(first)
        after = labels.index(second, at)
        pieces = question[found[at].end() : found[after].start()], question[found[after].end() :]
        if all(
            "?" in piece or _DEMANDS.match(piece.lstrip()) or _PROOF.search(f". {piece.lstrip()}") for piece in pieces
        ):
            return True
    return False


def _follow(labels: Sequence[str], wanted: str) -> bool:
    """Whether the wanted labels occur in this order."""
    rest = iter(labels)
    return all(label in rest for label in wanted)


def _is_prose(answer: str) -> bool:
    words = [word.lower() for word in _PLAIN_WORD.findall(answer.replace("\\text", " "))]
    return len(words) > _MOST_WORDS or (len(words) > 2 and not _SAYS.isdisjoint(words))
