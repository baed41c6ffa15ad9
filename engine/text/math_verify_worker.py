"""A process that compares answers: reads one JSON pair a line, writes ``same``, ``different`` or ``undecided`` a line.

A kernel timer ends a comparison that takes too long, even where the parent was killed. It counts processor time, so
that a busy machine changes no result. ``engine.text.answer_pool`` starts it.

Usage: ``python -P -m engine.text.math_verify_worker SECONDS_PER_COMPARISON``
"""

import contextlib
import json
import logging
import resource
import signal
import sys
from typing import Any

from engine.text.answer_types import Answer, Formula, Number
from engine.text.equality import named, settle

MEMORY_BYTES = 4 << 30
"""Address space: what needs more fails with MemoryError before it hurts the machine."""


def main(seconds: float) -> None:
    """Serve pairs until standard input ends; ``seconds`` of processor time for each."""
    with contextlib.suppress(ValueError, OSError):  # not every system can bound address space
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    from engine.text import symbolic

    def leaf(first: Answer, second: Answer) -> bool | None:
        equal = symbolic.leaf(first, second)
        return _math_verify(first, second) if equal is None and _beyond(first, second) else equal

    leaf(Formula("x^2-1"), Formula("(x-1)(x+1)"))  # SymPy loads much of itself at first use: not on an answer's time
    print("ready", flush=True)
    for line in sys.stdin:
        first, second = json.loads(line)
        signal.setitimer(signal.ITIMER_PROF, seconds)
        try:
            equal = settle(first, second, leaf)
        except (MemoryError, RecursionError):
            equal = None
        signal.setitimer(signal.ITIMER_PROF, 0)
        print(named(equal), flush=True)


_BEYOND = (r"\int", r"\sum", r"\prod", r"\lim", r"\bmod")


def _beyond(*answers: Answer) -> bool:
    """Whether the answers are formulas with notation that only Math-Verify's parser reads."""
    return all(isinstance(one, Formula | Number) for one in answers) and any(
        command in one.text for one in answers for command in _BEYOND
    )


def _math_verify(first: Answer, second: Answer) -> bool | None:
    """True where Math-Verify's parser reads both and their difference is exactly zero; it never tells answers apart.

    Its ``verify`` is not asked: it rounds to 6 decimals and compares 15 digits, so that 1/2004! equals 1/2006!.
    """
    import sympy as sp
    from latex2sympy2_extended.latex2sympy2 import latex2sympy

    logging.getLogger("latex2sympy2_extended").setLevel(logging.CRITICAL)
    try:
        a, b = (_exact(latex2sympy(one.text)) for one in (first, second))
        return True if a == b or sp.simplify(sp.expand((a - b).doit())) == 0 else None
    except (MemoryError, RecursionError):
        raise
    except Exception:  # noqa: BLE001 - the parser raises bare Exceptions
        return None


def _exact(expression: Any) -> Any:
    import sympy as sp

    if expression.has(sp.Float):
        raise ValueError("a rounded number")
    return expression


if __name__ == "__main__":
    main(float(sys.argv[1]))
