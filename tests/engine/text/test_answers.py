"""Final answers: what is extracted, what counts as the same, and that no answer can hang or outlive us."""

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

from engine.text.answers import AnswerPool, extract, group, settle

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so \boxed{5}", "5"),
        (r"first \boxed{5}, then \boxed{7}.", "7"),
        (r"\boxed{\frac{1}{\sqrt{2}}}", r"\frac{1}{\sqrt{2}}"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed{\left\{ x \right.}", r"\left\{ x \right."),
        (r"\boxed{3} and then it was cut \boxed{\frac{1}{2", "3"),
        (r"\boxed{} is empty but \boxed{ }", None),
        (r"\fbox{no}", None),
        (r"we get $\boxed 5$", "5"),
        (r"The answer is 12.", "12"),
        (r"The answer is 3.5. Or so.", "3.5"),
        (r"The final answer is $\frac{3}{4}$.", r"\frac{3}{4}"),
        ("Final answer: 42", "42"),
        ("the answer is 3.\nNo: the answer is 4.", "4"),
        ("The final answer is:\n\n\\[\n x = 5 \n\\]", "x = 5"),
        (r"The answer is 3, that is \boxed{4}", "4"),
        ("It is 5 apples.", None),
        ("", None),
        ("answer is", None),
    ],
)
def test_the_last_stated_answer_is_extracted(text: str, answer: str | None) -> None:
    assert extract(text) == answer


@given(st.text(alphabet="\\boxed{}$ 1a\n", max_size=80))
def test_any_text_can_be_read(text: str) -> None:
    answer = extract(text)
    assert answer is None or answer.strip() == answer != ""


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("5", "5.0", True),
        ("1{,}234", "1,234", True),
        ("1234", r"\$1,234.00", True),
        (r"\frac{1}{2}", "0.5", True),
        (r"\dfrac12", "1/2", True),
        (r"1 \frac{1}{8}", r"\frac{9}{8}", True),
        (r"5 \text{ cm}", "5", True),
        ("984 dollars", "$984$", True),
        (r"45^\circ", "45", True),
        (r"25\%", "25", True),
        (r"5\text{ cm}", r"5\text{ m}", False),
        ("-5", "5", False),
        (r"\frac{200}{3}", "66.67", False),
        (r"\text{Monday}", "monday", True),
        ("Monday", "Tuesday", False),
        ("even", "odd", False),
        ("10/0", "5", None),
        ("0.333333", "1/3", None),
        ("5x", "5", None),
        ("2 pi", "2", None),
        ("x=5", "5", None),
    ],
)
def test_plain_answers_are_settled_without_a_parser(first: str, second: str, same: bool | None) -> None:
    assert settle(first, second) is same
    assert settle(second, first) is same


def test_groups_name_the_first_equivalent_answer() -> None:
    assert group(["4", None, "4.0", "5", r"\frac{8}{2}", None, "5"]) == [0, None, 0, 3, 0, None, 3]
    assert group([]) == []


@pytest.fixture(scope="module")
def pool() -> Iterator[AnswerPool]:
    with AnswerPool(workers=1, seconds=2.0) as made:
        yield made


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("x^2-1", "(x-1)(x+1)", True),
        (r"\sqrt{8}", r"2\sqrt{2}", True),
        ("x=5", "5", True),
        ("5", "x=5", True),
        (r"\{1,2\}", r"\{2,1\}", True),
        ("(1,2)", "(2,1)", False),
        ("[0,1]", "[0,1)", False),
        (r"25\%", "0.25", True),
        ("0.333333", r"\frac13", True),
        (r"\frac{10}{\pi}", r"10/\pi", True),
        ("0.9x - 3", r"\frac{9x}{10} - 3", True),
        ("x", "y", False),
        (r"\frac{", "{{", False),
    ],
)
def test_math_verify_decides_what_is_not_plain(pool: AnswerPool, first: str, second: str, same: bool) -> None:
    assert (pool.group([first, second]) == [0, 0]) is same


def test_an_answer_that_never_ends_is_different_and_the_next_one_is_judged(pool: AnswerPool) -> None:
    assert pool.group(["9^{9^{9^9}}", "9^{9^{9^8}}"]) == [0, 1]
    assert pool.pids == []  # its process was ended, not waited for
    assert pool.group(["x+1", "1+x"]) == [0, 0]


def test_a_very_long_answer_is_compared_as_text_only(pool: AnswerPool) -> None:
    long = "+".join(["x"] * 500)
    assert pool.group([long, long + "+0", long]) == [0, 1, 0]


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
        "threading.Thread(target=pool.same, args=('9^{9^{9^9}}', '9^{9^{9^8}}'), daemon=True).start()\n"
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
