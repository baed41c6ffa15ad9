"""Groups of answers, and that no answer can hang or outlive us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.text.answers import AnswerPool, group

ROOT = Path(__file__).resolve().parents[3]


@given(st.permutations(["4", "4.0", "8/2", "5", "5 m", "5 cm", "5 cm", "25%", "0.25", "25", "x", "2 3", "23"]))
def test_groups_do_not_depend_on_the_order_of_the_answers(answers: list[str]) -> None:
    groups = group(answers)
    members = {answers[at] for at, first in enumerate(groups) if first == groups[answers.index("5 cm")]}
    assert members == {"5 cm", "5"}  # the most frequent text takes what has no unit; 5 m stays apart
    partition = {frozenset(answers[at] for at, first in enumerate(groups) if first == one) for one in set(groups)}
    assert partition == {
        frozenset(one)
        for one in ({"4", "4.0", "8/2"}, {"5", "5 cm"}, {"5 m"}, {"25", "25%"}, {"0.25"}, {"x"}, {"2 3"}, {"23"})
    }
    assert all(
        first == min(at for at, one in enumerate(groups) if one == first) for first in groups if first is not None
    )


def test_groups_name_the_first_equivalent_answer() -> None:
    assert group(["4", None, "4.0", "5", r"\frac{8}{2}", None, "5"]) == [0, None, 0, 3, 0, None, 3]
    assert group([]) == []


@pytest.fixture(scope="module")
def pool() -> Iterator[AnswerPool]:
    with AnswerPool(workers=1, seconds=2.0) as made:
        yield made


ENDLESS = ("(a+b+c+d+f)^{60}(a^2+2ab+b^2)", "(a+b+c+d+f)^{60}(a+b)^2")
"""Two equal answers that only a very long computation proves equal."""


def test_a_comparison_that_never_ends_is_undecided_and_the_next_one_is_made(pool: AnswerPool) -> None:
    assert pool.compare(*ENDLESS) == "undecided"
    assert pool.pids == []  # its process was ended, not waited for
    assert pool.group(["x+1", "1+x"]) == [0, 0]


def test_towers_of_powers_neither_hang_nor_crash(pool: AnswerPool) -> None:
    assert pool.group(["9^{9^{9^9}}", "9^{9^{9^8}}", "9^{9^{9^9}}"]) == [0, 1, 0]


def test_a_very_long_answer_is_compared_as_text_only(pool: AnswerPool) -> None:
    long = "+".join(["x"] * 500)
    assert pool.group([long, long + "+0", long]) == [0, 1, 0]
    assert pool.compare(long, long + "+0") == "undecided"


def test_plain_answers_start_no_process() -> None:
    pool = AnswerPool()
    assert pool.group(["1/2", "0.5", "7"]) == [0, 0, 2]
    assert pool.pids == []


def test_a_closed_pool_starts_again_when_used() -> None:
    pool = AnswerPool(workers=1)
    assert pool.same("a+b", "b+a")
    pool.close()
    assert pool.same("a+c", "c+a")
    pool.close()


def test_workers_die_with_a_killed_parent_even_in_mid_comparison() -> None:
    script = (
        "import threading, time\n"
        "from engine.text.answers import AnswerPool\n"
        "pool = AnswerPool(workers=1, seconds=2.0)\n"
        "pool.same('a+b', 'b+a')\n"
        "print(pool.pids[0], flush=True)\n"
        f"threading.Thread(target=pool.same, args={ENDLESS!r}, daemon=True).start()\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    time.sleep(0.3)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 30
    while _alive(worker):
        assert time.monotonic() < deadline, "the worker outlived its parent"
        time.sleep(0.1)


def _alive(pid: int) -> bool:
    """Whether the process runs; one that ended but that nobody waited for does not count."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
