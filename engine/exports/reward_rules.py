r"""The published rules by which trainers reward an answer, written down from their documented behaviour, one each.

They are run on exported rows (``self_test``), in a process of their own, because a hostile answer can't be stopped from
inside Python: ``python -P reward_rules.py SECONDS`` reads ``[rule, response, gold]`` a line and writes ``1`` or ``0`` a
line; a kernel timer ends it where one comparison takes more than that processor time. It imports nothing of this
project. Where a trainer falls back to a symbolic comparison of texts that differ, the fallback is left out: it could
only accept more.
"""

import contextlib
import json
import logging
import re
import resource
import signal
import sys
from collections.abc import Callable
from typing import Any

_MEMORY = 4 << 30
_WORDS = "square ways integers dollars mph inches hours km units sue points feet minutes digits cents degrees cm gm"
_MORE_WORDS = "pounds meters meals edges students childrentickets multiples"
_MARKS = r'\ldots \dots \text{s} \text{.} \text{}^2 \text{}^3 \text{} \mathrm{th} ^\circ ^{\circ} \; ,\! {,} "'
_UNITS = f"{_WORDS} {_MORE_WORDS} {_MARKS}".split()
"""What Minerva's normalisation removes from an answer."""


def verl_math(response: str, gold: str) -> bool:
    """verl, for the data sources of MATH: the last box, compared as MATH's own script does."""
    box = _last_box(response)
    return box is not None and _math(box) == _math(gold)


def dapo(response: str, gold: str) -> bool:
    """verl's ``math_dapo`` and SkyRL's ``aime``: the last line ``Answer:`` in the last 300 characters."""
    stated = re.findall(r"(?i)Answer\s*:\s*([^\n]+)", response[-300:])
    return bool(stated) and _minerva(stated[-1]) == _minerva(gold)


def trl_accuracy(response: str, gold: str) -> bool:
    """TRL's ``accuracy_reward``: LaTeX with an anchor, by Math-Verify."""
    from latex2sympy2_extended import NormalizationConfig
    from math_verify import LatexExtractionConfig, parse, verify

    strict = LatexExtractionConfig(
        normalization_config=NormalizationConfig(units=True), boxed_match_priority=0, try_extract_without_anchor=False
    )
    wanted = parse(gold, parsing_timeout=None)
    given = parse(response, [strict], extraction_mode="first_match", parsing_timeout=None)
    return bool(wanted) and bool(verify(wanted, given, timeout_seconds=None))


def nemo(response: str, gold: str) -> bool:
    """NeMo-RL's math environment and the library part of NeMo-Gym's: the gold answer in a box, by Math-Verify."""
    from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

    wanted = parse(f"\\boxed{{{gold}}}", (LatexExtractionConfig(),), parsing_timeout=None)
    given = parse(response, (ExprExtractionConfig(), LatexExtractionConfig()), parsing_timeout=None)
    return any(verify(one, other, timeout_seconds=None) for one in wanted for other in given)


def verifiers_math(response: str, gold: str) -> bool:
    """verifiers' ``MathRubric``: the last box behind the reasoning, by Math-Verify."""
    from math_verify import parse, verify

    box = _last_box(response.rpartition("</think>")[2], ("\\boxed{",))
    if not box:
        return False
    wanted, given = (parse(f"\\boxed{{{text}}}", parsing_timeout=None) for text in (gold, box))
    return bool(verify(wanted, given, timeout_seconds=None))


def slime_math(response: str, gold: str) -> bool:
    """slime's ``math``: the last box, as MATH's script or as a number."""
    return _graded(_last_box(response), gold)


def openrlhf_math(response: str, gold: str) -> bool:
    """OpenRLHF's ``math_reward_func.py``: the last ``Answer:``, else the last box."""
    stated = re.findall(r"(?i)Answer:\s*(.+?)(?:\n|$)", response)
    return _graded(stated[-1].strip() if stated else _last_box(response), gold)


def open_instruct_math(response: str, gold: str) -> bool:
    """open-instruct's ``math``: the last box or Minerva's final sentence, as MATH's script."""
    found = [] if (box := _last_box(response)) is None else [box]
    said = re.search(r"Final Answer: The final answer is(.*?). I hope it is correct\.", response)
    found += [_minerva(said.group(1).strip())] if said else []
    if not found and len(parts := response.split("$")) > 2:
        found = [_minerva(parts[-2])]
    return any(_math(answer) == _math(gold) for answer in found or [_minerva(response), response])


RULES: dict[str, Callable[[str, str], bool]] = {
    "verl: MATH": verl_math,
    "TRL: accuracy_reward": trl_accuracy,
    "OpenRLHF: math_reward_func": openrlhf_math,
    "SkyRL: aime": dapo,
    "NeMo-RL: math": nemo,
    "NeMo-Gym: math_with_judge, its library part": nemo,
    "verifiers: MathRubric": verifiers_math,
    "slime: math": slime_math,
    "open-instruct: math": open_instruct_math,
}


def _last_box(text: str, marks: tuple[str, ...] = ("\\boxed", "\\fbox")) -> str | None:
    """The content of the last box, by counting braces, printed ones too."""
    start = next((at for mark in marks if (at := text.rfind(mark)) >= 0), -1)
    if start < 0:
        return None
    depth, opened = 0, text.find("{", start)
    for at in range(opened, len(text)) if opened >= 0 else ():
        depth += (text[at] == "{") - (text[at] == "}")
        if depth == 0:
            return text[opened + 1 : at]
    return None


def _math(text: str) -> str:
    """The answer as the script that came with MATH normalises it."""
    for gone in ("\n", "\\!"):
        text = text.replace(gone, "")
    text = text.replace("\\\\", "\\").replace("tfrac", "frac").replace("dfrac", "frac")
    for gone in ("\\left", "\\right", "^{\\circ}", "^\\circ", "\\$"):
        text = text.replace(gone, "")
    text = text.split("\\text{ ")[0].replace("\\%", "").replace(" .", " 0.").replace("{.", "{0.")
    text = f"0{text}" if text.startswith(".") else text
    left, sign, right = text.partition("=")
    if sign and "=" not in right and len(left) <= 2:
        text = right
    text = re.sub(r"\\sqrt([^{])", r"\\sqrt{\1}", text).replace(" ", "")
    text = re.sub(r"\\frac([^{])(?:(?=\{)|(.))", _fraction, text)
    if text == "0.5":
        return "\\frac{1}{2}"
    return re.sub(r"^(-?\d+)/(-?\d+)$", r"\\frac{\1}{\2}", text)


def _fraction(match: re.Match[str]) -> str:
    top, bottom = match.groups()
    return f"\\frac{{{top}}}" + (f"{{{bottom}}}" if bottom else "")


def _minerva(text: str) -> str:
    """The answer as Minerva's appendix normalises it."""
    text = text.split("=")[-1]
    for old, new in (("an ", ""), ("a ", ""), (".$", "$"), ("\\$", ""), ("\\ ", ""), (" ", ""), ("mbox", "text")):
        text = text.replace(old, new)
    for old, new in ((",\\text{and}", ","), ("\\text{and}", ","), ("\\text{m}", "\\text{}")):
        text = text.replace(old, new)
    for word in _UNITS:
        text = text.replace(word, "")
    text = re.sub(r"(.*?)\$(.*?)\$(.*)", r"$\2$", text)
    text = re.sub(r"\\(?:text|textbf|overline)\{(.*?)\}", r"\1", text)
    text = re.sub(r"\\boxed\{(.*)\}", r"\1", text)
    text = re.sub(r"frac([^{])(.)", r"frac{\1}{\2}", text)
    text = re.sub(r"sqrt([^{])", r"sqrt{\1}", text).replace("$", "")
    digits = text.replace(",", "")
    return (digits if digits.isdigit() else text).strip()


def _graded(answer: str | None, gold: str) -> bool:
    if answer is None:
        return False
    one, other = (re.sub(r"^\\text\{(.+?)\}$", r"\1", text.strip()) for text in (answer, gold))
    return _math(one) == _math(other) or _plain(one) == _plain(other)


def _plain(text: str) -> str | float:
    """As a number, or as a text without case, blanks and braces."""
    text = re.sub(r"[\s{}$%]|\\[$%]", "", text).casefold()
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return text


def main(seconds: float) -> None:
    with contextlib.suppress(ValueError, OSError):  # not every system can bound address space
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    logging.getLogger("math_verify").setLevel(logging.CRITICAL)  # it warns that we bound the time ourselves
    loaded = False
    for line in sys.stdin:
        rule, response, gold = json.loads(line)
        if not loaded and RULES[rule] in (nemo, trl_accuracy, verifiers_math):
            loaded = _accepts(nemo, "\\boxed{x^2}", "x^2")  # SymPy loads much at first use: not on an answer's time
        signal.setitimer(signal.ITIMER_PROF, seconds)
        print(int(_accepts(RULES[rule], response, gold)), flush=True)
        signal.setitimer(signal.ITIMER_PROF, 0)


def _accepts(rule: Callable[[str, str], Any], response: str, gold: str) -> bool:
    accepted = False
    with contextlib.suppress(Exception):  # trainers reward a response with nothing where their rule fails
        accepted = bool(rule(response, gold))
    return accepted


if __name__ == "__main__":
    main(float(sys.argv[1]))
