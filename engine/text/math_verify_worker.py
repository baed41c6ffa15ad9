"""A Math-Verify process: reads one JSON pair of answers a line, writes ``1`` (equivalent) or ``0`` a line.

``answers`` starts it by file name; it imports nothing of this project. A kernel timer ends a comparison that takes too
long, even where the parent was killed. It counts processor time, so that a busy machine changes no result.

Usage: ``python -P math_verify_worker.py SECONDS_PER_COMPARISON``
"""

import contextlib
import functools
import json
import logging
import resource
import signal
import sys
from typing import Any

MEMORY_BYTES = 4 << 30
"""Address space: a power tower fails with MemoryError before it hurts the machine."""


def main(seconds: float) -> None:
    """Serve pairs until standard input ends; ``seconds`` of processor time for each."""
    with contextlib.suppress(ValueError, OSError):  # not every system can bound address space
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    from math_verify import parse, verify

    logging.getLogger("math_verify").setLevel(logging.CRITICAL)  # it warns that we bound the time ourselves

    @functools.lru_cache(maxsize=4096)
    def parsed(answer: str) -> Any:
        return parse(f"\\boxed{{{answer}}}", parsing_timeout=None)

    def same(first: str, second: str) -> bool:
        a, b = parsed(first), parsed(second)
        # verify() is not symmetric: it simplifies assignments on one side only
        return bool(verify(a, b, timeout_seconds=None) or verify(b, a, timeout_seconds=None))

    same("x^2-1", "(x-1)(x+1)")  # SymPy loads much of itself at first use: not on the first answer's time
    print("ready", flush=True)
    for line in sys.stdin:
        first, second = json.loads(line)
        signal.setitimer(signal.ITIMER_PROF, seconds)
        try:
            equal = same(first, second)
        except (MemoryError, RecursionError):
            equal = False
        signal.setitimer(signal.ITIMER_PROF, 0)
        print(int(equal), flush=True)


if __name__ == "__main__":
    main(float(sys.argv[1]))
