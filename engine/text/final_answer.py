"""The final answer that a solution states: in a box, after ``####``, in JSON, behind a label or in a sentence."""

from __future__ import annotations

import json
import re

from engine.text.equality import settle
from engine.text.layout import balanced, normalise, word_set
from engine.text.reasoning import split_reasoning

_MOST = 100
"""Boxes and statements that are looked at, from the end: what a hostile text repeats costs no more."""
_LONGEST = 2000
"""Characters of a box or statement."""


def extract(text: str) -> str | None:
    r"""The final answer that a solution states, or None; what a model thinks before its response is no answer.

    The last non-empty ``\boxed``, ``\fbox`` or ``\framebox`` wins (several joined by words in one sentence are one
    answer, with commas); then ``#### n`` in the last line, an "answer" in JSON, and the last label or sentence
    ("Answer: 7", "the answer is 7", "the value of x is 7") that is followed by what can be an answer.
    """
    if "<" in text:
        text = split_reasoning(text)[1]
    if "box" in text and (boxed := _boxed(text)) is not None:
        return boxed
    return stated_last(text) or _in_json(text) or _in_words(text)


_BOX = re.compile(r"\\(?:boxed|fbox|framebox\s*(?:\[[^\]\n]{0,40}\]\s*){0,2})(?![A-Za-z])\s*")
_ARGUMENT = re.compile(
    r"\\(?:[dtc]?frac|[dt]?binom)\s*|\\sqrt\s*(?:\[[^\]]{0,20}\]\s*)?|\\(?:text|math)[a-z]*\s*(?=\{)"
)
_SINGLE = re.compile(r"\s*(?:\\[A-Za-z]+|[^\s{}])")
_BARE = re.compile(r"[^\s${}\\]+")
_PLACEHOLDER = re.compile(
    r"(?:\\text\{)?\s*(?:your |the |final )*(?:answer|\.\.\.|\\[lc]?dots)\s*(?:here)?\s*\}?", re.I
)
_JOINED = re.compile(
    r"(?:[\s$,;*~&]|\\[()\[\],; ]|\\q?quad|\\text\{\s*,?\s*(?:and|or)\s*\}|\band\b|\bor\b"
    r"|[A-Za-z](?:_\w)?\s*=|\\[a-z]+\s*=)+"
)


def _boxed(text: str) -> str | None:
    """The last box, and those before it that only "and", commas or names part from it."""
    joined: list[str] = []
    start = len(text)
    for match in _last(_BOX, text):
        found = _content(text, match.end())
        if found is None or not found[0].strip() or _PLACEHOLDER.fullmatch(found[0].strip()):
            continue
        content, end = found
        if joined and not (end <= start and _joins(text[end:start])):
            break
        joined.insert(0, content.strip())
        start = match.start()
    last = joined[-1:]  # "15 or 15.0" is one answer in two ways
    return ",".join([one for one in joined[:-1] if not settle(one, last[0])] + last) or None


def _joins(between: str) -> bool:
    if len(between) > 60 or "\n\n" in between or _JOINED.fullmatch(between) is None:
        return False
    return re.search(r",|;|&|\band\b|\bor\b", between) is not None


def _last(pattern: re.Pattern[str], text: str) -> list[re.Match[str]]:
    return list(pattern.finditer(text))[: -_MOST - 1 : -1]


def _content(text: str, start: int) -> tuple[str, int] | None:
    """(content, end) of a box whose argument begins at ``start``: a group, a command with its arguments, or a word."""
    if text[start : start + 1] == "{":
        content = balanced(text[start : start + _LONGEST], 0)
        return None if content is None else (content, start + len(content) + 2)
    if _BOX.match(text, start):
        return None
    command = _ARGUMENT.match(text, start)
    if command is None:
        single = re.compile(r"\\[A-Za-z]+").match(text, start) or _BARE.match(text, start)
        return None if single is None else (single.group().rstrip(".,;:"), single.end())
    end = command.end()
    for _ in range(2 if command.group().lstrip("\\").strip()[-4:] in {"frac", "inom"} else 1):
        if text[end : end + 1] == "{":
            content = balanced(text[end : end + _LONGEST], 0)
            if content is None:
                return None
            end += len(content) + 2
        elif (single := _SINGLE.match(text, end)) is not None:
            end = single.end()
    return text[start:end], end


def stated_last(text: str) -> str | None:
    """The text after ``####`` in the last line (GSM8K); elsewhere ``####`` is a heading."""
    _, marked, rest = text.rstrip().rpartition("####")
    if not marked or "\n" in rest:
        return None
    rest = rest.strip()
    return _in_words(rest) or (rest if _can_be_answer(rest) else None)


_JSON = re.compile(
    r"""["'](?:final[ _]?)?answer["']\s*:\s*("(?:[^"\\]|\\.){0,400}"|'[^'\n]{0,400}'|-?\d[\d.eE+-]{0,40}|true|false)""",
    re.I,
)


def _in_json(text: str) -> str | None:
    if "{" not in text:
        return None
    for match in _last(_JSON, text):
        value = match.group(1)
        if value.startswith('"'):
            try:
                value = json.loads(value, strict=False)
            except json.JSONDecodeError:  # LaTeX with single backslashes
                value = value[1:-1]
        if said := str(value).strip().strip("'").strip():
            return _boxed(said) or said
    return None


_KEYWORDS = ("answer", "option", "choice", "value of")
_CHINESE = re.compile(r"答案|[故应以]选")
_AFTER = re.compile(
    r"""(?P<label> [a-z]{6}s? [\s*_]{0,6} [:：] )
    | (?P<heading> answers? [\s*_]{0,6} \n )
    | [a-z]+ (?:\s+of\s+[^\n.]{1,40}?)? (?:\s+(?:here|to\s+(?:the|this)\s+(?:question|problem)))?
      \s(?:is|are|equals|(?:would|will|should|must)\s+be|comes\s+to)\b \s*:?
    | (?P<equation> (?:answer|value\s+of\s+[^\n.=]{1,40}?) \s*= )
    | [a-z]+\s+\(?(?P<letter>[A-J])\)?\s+is\s+(?:the\s+)?(?:correct|right)
    | [故应以]选 | 答案[是为选:：]+
    """,
    re.VERBOSE | re.IGNORECASE,
)
_REPLY = re.compile(r"^[\s*]{0,4}A[*]{0,2}\s*:(?!\S*:)", re.M)
_OPTION = re.compile(r"^[\s*]{0,4}B[*]{0,2}\s*:", re.M)
_LAST_SENTENCE = re.compile(r".{0,60}\bthe\s+(?:[^\s.$]{1,20}\s+){1,8}(?:is|are|equals)\s+(?P<said>[^\n]{1,80})$", re.I)


def _in_words(text: str) -> str | None:
    """The last label or sentence that states what can be an answer."""
    for place in _keywords(text):
        match = _AFTER.match(text, place)
        if match is None:
            continue
        before = text[text.rfind("\n", 0, place) + 1 : place][-40:]
        if match["heading"] and before.strip("#*_> \t").lower() not in {"", "final", "the final", "the"}:
            continue
        if match["equation"] and match.group()[0] in "aA" and not before.lower().endswith("final "):
            continue
        if match["letter"]:
            return match["letter"].upper()
        said = _statement(_behind(text, match), bool(match["label"]), strict=match.group()[0] in "vV")
        if said is not None:
            return said
    if (
        ("A:" in text or "A :" in text or "A*" in text)
        and (replies := _last(_REPLY, text))
        and _OPTION.search(text) is None
    ):
        return _statement(_behind(text, replies[0]), True)
    sentence = re.split(r"(?<=[.!?])\s", text.rstrip().rpartition("\n")[2][-160:])[-1]
    match = _LAST_SENTENCE.fullmatch(sentence) if "the " in sentence.lower() else None
    return None if match is None else _statement(match["said"], False, strict=True)


def _keywords(text: str) -> list[int]:
    """Where keywords begin, the last first."""
    lower = text.lower()
    found = [match.start() for match in _last(_CHINESE, text)] if len(lower) != len(text) or not text.isascii() else []
    for word in _KEYWORDS:
        place = lower.rfind(word)
        while place >= 0 and len(found) < 4 * _MOST:
            found.append(place)
            place = lower.rfind(word, 0, place)
    return sorted(found, reverse=True)


def _behind(text: str, match: re.Match[str]) -> str:
    return text[match.end() : match.end() + _LONGEST].lstrip(" \t\r\n:：*_`>=")


_MATHS = re.compile(r"\$\$(.+?)\$\$|\$(.+?)(?<!\\)\$|\\\[(.+?)\\\]|\\\((.+?)\\\)", re.DOTALL)
_SENTENCE_END = re.compile(r"\n|[.!?。．](?=[\s\"'*)}]|$)|[。．；]")
_BETWEEN = re.compile(r"\s*(?:,|;)?\s*(?:and|or)?\s*")
_ADVERBS = re.compile(
    r"(?:(?:just|simply|therefore|thus|hence|then|exactly|indeed|clearly|obviously|equal\s+to|approximately|about|option|"
    r"choice|answer|now|only|given\s+by)\b[\s,:]*)+", re.I
)  # fmt: skip


def _statement(rest: str, label: bool, strict: bool = False) -> str | None:
    """What the text begins with, where that can be an answer. ``strict``: a number or formula only."""
    rest = rest.lstrip("\"'“ ")
    if (match := _MATHS.match(rest)) is not None:
        return _formulas(rest, match)
    end = _SENTENCE_END.search(rest)
    phrase = (rest if end is None else rest[: end.start()])[:200]
    phrase = _stripped(_ADVERBS.sub("", phrase, count=1) if _ADVERBS.match(phrase) else phrase)
    if (match := _MATHS.match(phrase)) is not None:
        return _formulas(phrase, match)
    if (said := _cut(phrase)) is not None:
        return None if strict and said[0].isalpha() and len(said) > 1 else said
    last = re.split(r"\s(?:is|are|=)\s", phrase)[-1] if label else phrase
    return _statement(last, False) if last != phrase else None


def _formulas(text: str, first: re.Match[str]) -> str:
    """The formula, and those that "and", "or" or a comma joins to it."""
    found, end = [next(filter(None, first.groups())).strip()], first.end()
    while (gap := _BETWEEN.match(text, end)) is not None and gap.group().strip():
        match = _MATHS.match(text, gap.end())
        if match is None:
            break
        found.append(next(filter(None, match.groups())).strip())
        end = match.end()
    return ", ".join(found).rstrip(".,;") if len(found) > 1 else found[0].rstrip(".,;") or found[0]


def _stripped(phrase: str) -> str:
    return phrase.strip().strip("*_`\"'”“ ").rstrip(".,;:! ").strip()


_AMOUNT = re.compile(
    r"([-+−]?\s*(?:\\?[$€£]\s*)?[-+−]?(?:\d(?:[\d,]*\d)?(?:\.\d+)?|\.\d+)"
    r"(?:\s*/\s*\d+|\s+\d+/\d+|[eE][-+]?\d+)?(?:\s*(?:\\?%|°))?)"
    r"((?:\s+[A-Za-z]+){0,3})"
)
_CONNECTING = re.compile(
    r"\s*[,;:(]?\s*(?:because|since|as|so|which|where|when|if|but|that|after|by|for|in|of|and\s+(?:we|so|this|the)|we|this)\b",
    re.I,
)
_BRACKETED = re.compile(r"[(（]\s*([^()（）\s]{1,30})\s*[)）]")
_LETTER = re.compile(r"[A-Za-z](?=$|[\s,:)）])")
_FORMULA = re.compile(r"[\w\s+\-−*/^=(),.{}\\\[\]<>|!%°π√≤≥;:']+")
_NOT_ANSWERS = word_set("""
    correct incorrect wrong right not that in to by if when because unique independent straightforward trivial below
    above here this it we still also always same known determined expressed what which our as found given obtained
    required needed of for from with based easy hard consistent reasonable valid invalid unclear ambiguous
    impossible therefore is are was be supposed likely going still asked provided well more less at on no-one let i
    you they there written stated shown boxed and or but so integer verified confirmed checked plausible
    """)


def _can_be_answer(phrase: str) -> bool:
    return bool(phrase) and _cut(_stripped(phrase)) is not None


def _cut(phrase: str) -> str | None:
    """The answer that a phrase begins with: an amount, a choice, a formula or a short noun phrase; None for others."""
    if (match := _BRACKETED.fullmatch(phrase)) is not None:
        return match.group(1)
    if (match := re.match(r"[(（]([A-J])[)）]", phrase)) is not None:  # (A) 12
        return match.group(1)
    if (match := _AMOUNT.match(phrase)) is not None:
        number, words = match.groups()
        rest = phrase[match.end(1) :]
        if not rest[len(words) :].strip():
            cut = _CONNECTING.search(words)
            return (number + (words if cut is None else words[: cut.start()])).strip()
        if _CONNECTING.match(rest) is not None:
            return number.strip()
        if (cut := _CONNECTING.search(rest)) is not None and re.fullmatch(
            r"(?:\s+[A-Za-z]+){1,3}", rest[: cut.start()]
        ):
            return (number + rest[: cut.start()]).strip()
    return _formula_or_noun(phrase)


def _formula_or_noun(phrase: str) -> str | None:
    words = re.findall(r"(?<![\\A-Za-z])[A-Za-z]{2,}", phrase)
    if not words and _FORMULA.fullmatch(phrase) is not None and re.search(r"\w", phrase):
        return normalise(phrase) or None if "\\math" in phrase else phrase
    if not words:
        return None
    first = re.match(r"[A-Za-z'-]+", phrase)
    lowered = {word.lower() for word in words}
    if first is not None and re.fullmatch(r"[A-Za-z][\w'’ -]*", phrase) is not None:
        short = len(phrase.split()) <= 4 and len(phrase) <= 40
        bad = first.group().lower() in _NOT_ANSWERS or not lowered.isdisjoint({"is", "are", "must", "be", "not", "was"})
        return phrase if short and not bad else None
    if len(phrase) > 80 or _FORMULA.fullmatch(phrase) is None:
        return None
    known = {"or", "and", "sin", "cos", "tan", "log", "ln", "frac", "sqrt", "pi", "text", "cm", "units"}
    return phrase if all(word in known or len(word) < 3 for word in lowered) or "\\text" in phrase else None
