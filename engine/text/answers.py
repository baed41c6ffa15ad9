"""Final answers: extraction from a solution, and which answers are equivalent.

Math-Verify decides equivalence, in worker processes, because a hostile answer (``9^{9^{9^9}}``) cannot be stopped from
inside Python. Identical texts, words and plain numbers are compared here, in microseconds.
"""

from __future__ import annotations

import functools
import json
import queue
import re
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import IO, cast

from store.errors import BackendError

_BOXED = re.compile(r"\\f?boxed\s*")
_STATED = re.compile(
    r"\bthe (?:final )?answers? (?:is|are)\b|\bfinal answers? (?:is|are)\b|\bfinal answer\s*(?=:)", re.IGNORECASE
)
_SENTENCE_END = re.compile(r"\n|[.!?](?=\s|$)|$")


def extract(text: str) -> str | None:
    r"""The final answer that a solution states, or None.

    The last non-empty balanced ``\boxed{...}`` wins; without one, the last "the answer is ..." or "final answer is
    ...".
    """
    return _last_boxed(text) or _last_stated(text)


def _last_boxed(text: str) -> str | None:
    for match in reversed(list(_BOXED.finditer(text))):
        start = match.end()
        if text[start : start + 1] == "{":
            content = _balanced(text, start)
        else:  # TeX's \boxed 5: one token without braces
            bare = re.match(r"[^\s${}\\]+", text[start:]) if match.group().endswith((" ", "\n")) else None
            content = bare.group().rstrip(".,;") if bare else None
        if content and content.strip():
            return content.strip()
    return None


def _balanced(text: str, start: int) -> str | None:
    """The content of the brace group that opens at ``start``; None where it never closes."""
    depth, i = 0, start
    while i < len(text):
        char = text[i]
        if char == "\\":  # \{ and \} are printed braces, not grouping
            i += 2
            continue
        depth += (char == "{") - (char == "}")
        if depth == 0:
            return text[start + 1 : i]
        i += 1
    return None


def _last_stated(text: str) -> str | None:
    for match in reversed(list(_STATED.finditer(text))):
        rest = text[match.end() :].lstrip(" \t\r\n:*")
        display = re.match(r"(\$\$|\\\[|\\\(|\$)(.+?)(\$\$|\\\]|\\\)|\$)", rest, re.DOTALL)
        said = display.group(2) if display else rest[: cast(re.Match[str], _SENTENCE_END.search(rest)).start()]
        said = said.strip().strip("*").strip()
        if said:
            return said
    return None


_DROP = re.compile(r"\\left(?![a-z])|\\right(?![a-z])|\\[!,;: ]|\\q?quad|\\displaystyle|\$|\\\(|\\\)|\\\[|\\\]|~")
_FRACTION = re.compile(r"\\[dtc]frac")
_SHORT_FRACTION = re.compile(r"\\frac\s*(\d)\s*(\d)")
_BRACED_COMMA = re.compile(r"\{,\}")


@functools.lru_cache(maxsize=4096)
def normalise(answer: str) -> str:
    """The answer without layout: delimiters, spacing commands, dollar signs, a final full stop."""
    text = _BRACED_COMMA.sub(",", answer)
    text = text.replace("\\$", "").replace("−", "-")
    text = _FRACTION.sub(r"\\frac", _DROP.sub(" ", text))
    text = _SHORT_FRACTION.sub(r"\\frac{\1}{\2}", text)
    return " ".join(text.split()).rstrip(".").rstrip()


_NUMBER = re.compile(
    r"""(?P<sign>[-+]?)\s*
    (?: (?P<whole>\d{1,3}(?:,\d{3})+|\d+)? \s* \\frac\{\s*(?P<top>-?\d+)\s*\}\{\s*(?P<bottom>\d+)\s*\}
      | (?P<over>\d+)\s*/\s*(?P<under>\d+)
      | (?P<plain>(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+) )
    \s* (?P<unit>\\?% | \^?\s*\{?\\circ\}? | °
      | \\(?:text|mathrm|textrm|mbox)\s*\{[^{}\\]*\}
      | (?<=\s)[A-Za-z]{2,}(?:\s[A-Za-z]{2,})? )? \s*""",
    re.VERBOSE,
)
_WORDS = re.compile(r"(?:\\(?:text|mathrm|textrm|mbox)\s*\{\s*)?([A-Za-z][a-z]{2,}(?:[ -][A-Za-z]+)*)\s*\}?")
_NOT_UNITS = {"pi", "sqrt", "sin", "cos", "tan", "log", "ln", "exp", "and", "or", "mod", "over", "to", "frac", "times"}
_METRIC = {"mm", "cm", "dm", "m", "km", "mg", "g", "kg", "ml", "cl", "l", "in", "ft", "yd", "mi"}
_CLOSE = Fraction(1, 10**5)


@functools.lru_cache(maxsize=4096)
def _number(normal: str) -> tuple[Fraction, str] | None:
    """(value, unit) of a plain number, fraction or mixed number with an optional unit; None for other answers."""
    match = _NUMBER.fullmatch(normal)
    if match is None or len(normal) > 60:
        return None
    part = match.groupdict()
    unit = re.sub(r"\\(?:text|mathrm|textrm|mbox)|[\\{}^\s]", " ", part["unit"] or "").strip().lower()
    if unit.split() and unit.split()[0] in _NOT_UNITS:
        return None
    if part["plain"]:
        value = Fraction(part["plain"].replace(",", "").rstrip("."))
    else:
        top, bottom = part["top"] or part["over"], int(part["bottom"] or part["under"])
        if bottom == 0 or (part["whole"] and top.startswith("-")):
            return None
        value = int((part["whole"] or "0").replace(",", "")) + Fraction(int(top), bottom)
    return (-value if part["sign"] == "-" else value), unit


def settle(first: str, second: str) -> bool | None:
    """Whether two answers are equivalent, for equal texts, words and plain numbers; None where only a parser can
    tell."""
    a, b = normalise(first), normalise(second)
    if a == b or a.replace(" ", "") == b.replace(" ", ""):
        return True
    words, others = _WORDS.fullmatch(a), _WORDS.fullmatch(b)
    if words and others:  # a parser would read a word as a product of its letters
        return words.group(1).casefold() == others.group(1).casefold()
    x, y = _number(a), _number(b)
    if x is None or y is None:
        return None
    if x[1] and y[1] and x[1] != y[1]:  # 5 m is not 5 cm; the parser compares m and meters
        return False if x[1] in _METRIC and y[1] in _METRIC else None
    if x[0] == y[0]:
        return True
    if "%" in (x[1] + y[1]) or abs(x[0] - y[0]) < _CLOSE:
        return None  # 25% and 0.25; a rounded 0.333333
    return False


def group(answers: Sequence[str | None], same: Callable[[str, str], bool] | None = None) -> list[int | None]:
    """For every answer the index of the first equivalent one (possibly its own); None without an answer.

    ``same`` decides where ``settle`` cannot; without it such answers differ.
    """
    firsts: list[int] = []
    groups: list[int | None] = []
    for i, answer in enumerate(answers):
        if answer is None:
            groups.append(None)
            continue
        found = next((f for f in firsts if _equivalent(cast(str, answers[f]), answer, same)), i)
        if found == i:
            firsts.append(i)
        groups.append(found)
    return groups


def _equivalent(first: str, second: str, same: Callable[[str, str], bool] | None) -> bool:
    settled = settle(first, second)
    if settled is not None:
        return settled
    return same is not None and same(first, second)


MAX_CHARS = 400
"""Longer answers are compared as text only."""
_START_SECONDS = 120.0


class AnswerPool:
    """Math-Verify in up to ``workers`` processes, started when first needed; safe to use from several threads.

    A comparison that takes longer than ``seconds`` of processor time (or ten times that on the clock) counts as not
    equivalent, and its process is replaced. The processes end with ``close()`` or with this process. BackendError where
    Math-Verify cannot start.
    """

    def __init__(self, workers: int = 2, seconds: float = 3.0) -> None:
        self._slots: queue.LifoQueue[_Worker] = queue.LifoQueue()
        self._all = [_Worker(seconds) for _ in range(workers)]
        for worker in self._all:
            self._slots.put(worker)
        self._known: dict[tuple[str, str], bool] = {}
        self._lock = threading.Lock()

    @property
    def pids(self) -> list[int]:
        """The process ids of the workers that run."""
        return [worker.process.pid for worker in self._all if worker.process is not None]

    def group(self, answers: Sequence[str | None]) -> list[int | None]:
        """Like ``group``, with Math-Verify for the answers that need it."""
        return group(answers, self.same)

    def same(self, first: str, second: str) -> bool:
        """Whether Math-Verify finds the two equivalent within the time limit."""
        a, b = normalise(first), normalise(second)
        if len(a) > MAX_CHARS or len(b) > MAX_CHARS:
            return False
        key = (a, b)
        known = self._known.get(key)
        if known is not None:
            return known
        worker = self._slots.get()
        try:
            equal = worker.same(a, b)
        finally:
            self._slots.put(worker)
        with self._lock:
            if len(self._known) >= 100_000:
                self._known.clear()
            self._known[key] = equal
        return equal

    def close(self) -> None:
        """End the processes; the pool may be used again and starts new ones."""
        for worker in self._all:
            worker.stop()

    def __enter__(self) -> AnswerPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Worker:
    """One process, started at its first comparison; one comparison at a time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.process: subprocess.Popen[str] | None = None

    def same(self, first: str, second: str) -> bool:
        process = self.process or self._start()
        try:
            cast(IO[str], process.stdin).write(json.dumps([first, second]) + "\n")
            cast(IO[str], process.stdin).flush()
            reply = _line(process, 10 * self._seconds)  # the process's own limit comes first
        except (BrokenPipeError, ValueError):
            reply = ""
        if not reply:
            self.stop()
        return reply == "1"

    def _start(self) -> subprocess.Popen[str]:
        # By file and with -P: the child needs neither our packages nor the caller's main module. In a new session it
        # does not get a terminal's Ctrl-C.
        command = [sys.executable, "-P", str(Path(__file__).with_name("math_verify_worker.py")), str(self._seconds)]
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            bufsize=1,
            start_new_session=True,
        )
        self.process = process
        if _line(process, _START_SECONDS) != "ready":
            self.stop()
            raise BackendError(f"Math-Verify did not start; try `{sys.executable} -c 'import math_verify'` to see why.")
        return process

    def stop(self) -> None:
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    try:
                        pipe.close()
                    except BrokenPipeError:
                        continue  # unsent bytes


def _line(process: subprocess.Popen[str], seconds: float) -> str:
    """The next line the process writes, "" if it ends or ``seconds`` pass first."""
    out = cast(IO[str], process.stdout)
    ready, _, _ = select.select([out], [], [], seconds)
    return out.readline().strip() if ready else ""
