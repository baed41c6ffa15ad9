"""The verdict that a judge reached in its own words: whether a question is solvable, read from its CONCLUSION alone.

Words inside the reasoning ("yes, 3 divides 12", "it would be solvable if") are never read, nor is anything that the
model thought before ``</think>``. Models write conclusions in three ways:

- after a label, anywhere in the text: ``**Verdict:** not solvable``, ``The verdict is: the question is solvable``;
- in a box, anywhere: ``\\boxed{\\text{Yes}}``;
- as the last line or the last sentence, of a text that ended: ``No.``, ``Therefore, the problem can be solved.``

Of several labelled or boxed conclusions the last one counts. A last line after it that says the contrary is the verdict
where the label may have been of the question's own answer (``The final answer is no``).
"""

import re

from engine.text.reasoning import split_reasoning

WARN_SHARE = 0.05
"""Share of questions without a verdict above which a run warns."""
_BOX = "\\boxed"
_CHECKABLE = r"(?:solvable|usable|answerable)"
_DONE = r"(?:solved|used|answered)"
_ADVERB = (
    r"(?:(?:actually|really|clearly|indeed|currently|fully|uniquely|completely|entirely|thus|therefore|hence|definitely"
    r"|certainly|still|mathematically|perfectly|always|well|directly|considered|deemed|judged)\s+)*"
)
_KINDS = r"(?:(?!(?:not|but|easy|hard|difficult|simple|trivial)\b)[\w-]+,?\s+){0,4}"
_PROBLEM = r"(?:question|problem|exercise|task)s?"
_NO = (
    rf"not[\s-]+{_ADVERB}(?:be\s+)?(?:{_CHECKABLE}|(?:able\s+to\s+)?be\s+{_ADVERB}{_DONE}|possible\s+to\s+(?:solve|answer)"
    rf"|an?\s+{_KINDS}{_PROBLEM})"
    rf"|(?:is|does|do)n't\s+{_ADVERB}(?:{_CHECKABLE}|an?\s+{_KINDS}{_PROBLEM})"
    rf"|(?:can\s*not|can't)\s+{_ADVERB}be\s+{_ADVERB}{_DONE}"
    rf"|(?:(?:does\s+not|doesn't)\s+\w+\s+(?:enough|sufficient)|not\s+enough|insufficient)\s+information"
    rf"|(?:unsolvable|insolvable|insoluble|non-?solvable|unusable|unanswerable|impossible\s+to\s+(?:solve|answer))"
)
_YES = (
    rf"{_CHECKABLE}|can\s+{_ADVERB}be\s+{_ADVERB}{_DONE}|possible\s+to\s+(?:solve|answer)"
    r"|(?:has|gives|provides|contains|states)\s+(?:enough|sufficient)\s+information"
)
_AND = (
    r"is\s+(?:(?:(?:in)?complete|(?:in)?consistent|(?:un)?clear|(?:in)?valid|well-defined|well-posed|contradictory"
    r"|ambiguous),?\s+){1,3}(?:and|so)\s+"
)
_IS_A = rf"is\s+an?\s+{_KINDS}{_PROBLEM},?\s+(?:and|but|that|which),?\s+(?:(?:it|which)\s+)?"
"""``is a mathematics problem and``: what the second of two criteria follows."""
_SUBJECT = (
    r"(?:that\s+)?(?:(?:the|this|that|your)\s+)?(?:(?:given|above|stated|provided|original|math|maths|mathematics"
    rf"|mathematical|word)\s+)*(?:{_PROBLEM}|it)|(?:that\s+)?this"
)
_PHRASE = (
    rf"(?:(?:{_SUBJECT})\s+)?(?:{_IS_A}|{_AND})?(?:is\s+|are\s+)?{_ADVERB}"
    rf"(?:(?P<no>{_NO})|(?:a\s+|an\s+)?(?P<yes>{_YES}))\b"
)
_WORD = r"(?P<word>yes|no|true|false)\b"
_END = r"(?=\s*(?:[.,;:!)\n\]–—-]|\((?!\w+\)\s*\w)|because\b|since\b|as\b|\Z))"
"""What may follow a bare word, so that ``Conclusion: no information is missing`` says nothing."""
_OPEN = r"(?!\s*\?|\s*,?\s*(?:but\s+)?(?:only\s+)?(?:if|unless|provided|assuming|when|under|or)\b|\s*/|-\w)"
"""What may not follow a phrase: a condition, an alternative, a question mark."""
_CLAIM = rf"(?:{_WORD}{_END}(?:,\s*{_PHRASE.replace('?P<', '?P<then_')}{_OPEN})?|{_PHRASE}{_OPEN})"

_LABEL = (
    r"(?:verdict|conclusion|final\s+(?:answer|decision|judge?ment|assessment)|decision|judge?ment|assessment|result"
    r"|(?:i|we)\s+(?:can\s+|must\s+|would\s+|therefore\s+|thus\s+)*(?:conclude|judge|decide)(?:\s+(?:that|with))?)"
)
_OWN = re.compile(r"verdict|decision|judge?ment|\b(?:i|we)\b")
"""Labels that no answer to the question itself has."""
_LABELS = (
    rf"(?:\b{_LABEL}\b(?:\s+(?:for|of|on)\s+(?:the|this)\s+\w+)?+[\s()]*+(?:is\b|would\s+be\b|[:=–—>-]+)?+[\s:]*+)"
    r"{1,4}+(?:that\s+)?"
)
_LABELLED = re.compile(
    rf"{_LABELS}{_CLAIM}|\b(?:solvab(?:le|ility)|is\s+it\s+solvable)\s*[:=?]\s*{_WORD.replace('word', 'answer')}{_END}"
)
_LEAD = (
    r"(?:(?:so|therefore|thus|hence|overall|finally|consequently|accordingly|in\s+(?:conclusion|summary|short|total)"
    r"|as\s+a\s+result|to\s+(?:conclude|summari[sz]e)|and)\b,?\s+)"
)
_LAST = re.compile(rf"(?:\A|[,;]\s+){_LEAD}*(?:(?:my|the)\s+answer\s*(?:is|:)\s*:?\s*|answer\s*:\s*)?{_CLAIM}")
_ASKED = re.compile(rf"\b(?:solv\w+|used|usable|answer\w+)[^.!?\n]{{0,200}}\?\s*{_WORD}{_END}")
"""``Can it be solved? Yes.``"""
_UNSURE = re.compile(r"\b(?:if|unless|assuming|provided\s+that|would|could|might|may|whether|until|unclear|unsure)\b")
_CHOICE = re.compile(
    rf"(?:{_LABEL}\s*:?\s*)?\b(?:solvable|yes|true)\b\s*(?:or|/|\|)\s*(?:{_LABEL}\s*:?\s*)?\b(?:not(?:\s+solvable)?|no"
    r"|false|unsolvable)\b"
)
"""The instruction's own choice, repeated: ``Verdict: solvable or Verdict: not solvable``."""
_COMMANDS = re.compile(r"\\[a-z]+\s*|\\[()\[\],;:! ]|</?[a-z]+>|[{}$*`#\"“”«»✅✓✔❌✗✘☑]")
_QUOTES = re.compile(r"(?<!\w)'|'(?!\w)")


def parse_verdict(text: str, ended: bool = True) -> bool | None:
    """True for solvable (or yes), False for not solvable (or no), None where the judge came to no conclusion.

    ``ended``: whether the model stopped by itself; the last sentence of a text that was cut off concludes nothing.
    """
    plain = _plain(split_reasoning(text)[1])
    found = list(_LABELLED.finditer(plain))
    after = plain[found[-1].end() :].splitlines()[1:] if found else plain.splitlines()
    lines = [line for line in (line.strip(" \t-•>|") for line in after) if re.search(r"\w", line)]
    last = _last(lines[-1]) if lines and ended else None
    if found:
        verdict = _meaning(found[-1])
        if last is not None and last is not verdict:  # the label was of the answer, or of one criterion
            return None if _OWN.search(found[-1].group()) else last
        # two contrary lines without a word between them are the instruction's, repeated
        repeated = len(found) > 1 and not plain[found[-2].end() : found[-1].start()].strip(" \n.,;-")
        return None if repeated and _meaning(found[-2]) is not verdict else verdict
    return last


def _last(line: str) -> bool | None:
    """The verdict of a last line: its last sentence, or all of it where it is a bare yes or no."""
    asked = list(_ASKED.finditer(line))
    if asked and not re.search(r"[.!?]\s*\S", line[asked[-1].end() :]):
        return _meaning(asked[-1])
    sentences = re.split(r"(?<=[.!?])\s+", line)
    last = sentences[-1]
    if _UNSURE.search(last) or last.endswith("?"):
        return None
    found = list(_LAST.finditer(last))
    if not found:
        return None
    match = found[-1]
    said, rest = match.group().strip(" ,;"), last[match.end() :]
    if said in (match["yes"], match["no"]) and not re.match(_END, rest):  # "Solvable groups are ..."
        return None
    if match["word"] and not (match["then_yes"] or match["then_no"]):  # "Yes, 3 divides 12", "Is 7 odd? Yes."
        alone = said != match["word"] or (match.start() == 0 and len(sentences) == 1)
        return _meaning(match) if alone and re.match(r"[\s.!,;:)-]*(?:because\b|since\b|\Z)", rest) else None
    return _meaning(match)


def _meaning(match: re.Match[str]) -> bool | None:
    groups = {name: value for name, value in match.groupdict().items() if value}
    said = {
        value in ("yes", "true") if name in ("word", "answer") else name.endswith("yes")
        for name, value in groups.items()
    }
    return said.pop() if len(said) == 1 else None


def _plain(text: str) -> str:
    """The text in lower case without markup; boxes become labelled lines, and repeated choices go."""
    text = _boxes(text.replace("’", "'").replace("_", " ")).lower()
    text = re.sub(r"<(?:answer|verdict|conclusion)>", "\nverdict: ", text)
    text = _QUOTES.sub("", _COMMANDS.sub(" ", text))
    return re.sub(r"\s*\n\s*", "\n", re.sub(r"[^\S\n]+", " ", _CHOICE.sub(" ", text)))


def _boxes(text: str) -> str:
    r"""Every ``\boxed{X}`` as a line ``result: X``; an empty box is left out."""
    parts = []
    while (start := text.find(_BOX)) >= 0:
        begin, depth = start + len(_BOX), 0
        for end in range(begin, len(text)):
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            if (depth == 0 and text[end] == "}") or text[end] == "\n":
                break
        else:
            end = len(text) - 1
        inside = text[begin : end + 1].strip("{} \n")
        parts += [text[:start], f"\nresult: {inside}\n" if inside else ""]
        text = text[end + 1 :]
    return "".join([*parts, text])


def undecided_warning(judge: str, without: int, judged: int) -> str | None:
    """A sentence where more than ``WARN_SHARE`` of the ``judged`` questions got no verdict; else None."""
    if without <= WARN_SHARE * judged:
        return None
    return (
        f"The judge '{judge}' came to no conclusion on {without:,} of {judged:,} questions ({without / judged:.0%}), "
        "which were dropped as no_verdict; read its replies, raise its max_tokens, or use another template or judge."
    )
