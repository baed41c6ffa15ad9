"""Order of judging: without gaps, how many wait at most, and what happens with one that does not come."""

from __future__ import annotations

import pytest

from engine.pipeline import in_order
from engine.pipeline.in_order import InOrder
from engine.pipeline.request_queue import Item


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def waiting(clock: Clock, expected: int, most: int = 100) -> InOrder:
    order = InOrder(most, clock)
    for idx in range(expected):
        order.expect(idx)
    return order


def arrive(order: InOrder, *idxs: int) -> list[int]:
    return [item.idx for idx in idxs for item in order.arrive(idx, Item(idx, f"r1-{idx}", 0))]


def test_whatever_order_they_come_in_they_leave_in_idx_order(clock: Clock) -> None:
    order = waiting(clock, 5)
    assert arrive(order, 3, 1) == []
    assert order.held == 2
    assert arrive(order, 0) == [0, 1]
    assert arrive(order, 4, 2) == [2, 3, 4]
    assert (order.held, order.late) == (0, 0)


def test_one_that_dropped_out_holds_back_nobody(clock: Clock) -> None:
    order = waiting(clock, 3)
    assert arrive(order, 1, 2) == []
    assert [item.idx for item in order.arrive(0, None)] == [1, 2]


def test_after_the_deadline_the_others_go_on_and_the_straggler_comes_late(clock: Clock) -> None:
    order = waiting(clock, 4)
    clock.now = 0.1
    assert arrive(order, 1, 2) == []
    clock.now = in_order.LATE
    assert list(order.release()) == []
    clock.now += 0.1
    assert [item.idx for item in order.release()] == [1, 2]
    assert (order.held, order.late) == (0, 1)
    assert arrive(order, 0) == [0]
    assert arrive(order, 3) == [3]


def test_nobody_is_late_while_nobody_waits(clock: Clock) -> None:
    order = waiting(clock, 2)
    clock.now = 100 * in_order.LATE
    assert list(order.release()) == []
    assert arrive(order, 0, 1) == [0, 1]
    assert order.late == 0


def test_where_questions_take_long_one_may_take_ten_times_as_long(clock: Clock) -> None:
    order = waiting(clock, 3)
    clock.now = 20.0
    assert arrive(order, 0, 2) == [0]
    clock.now = 190.0
    assert list(order.release()) == []
    clock.now = 210.0
    assert [item.idx for item in order.release()] == [2]


def test_more_than_so_many_never_wait(clock: Clock) -> None:
    order = waiting(clock, 50, most=10)
    assert arrive(order, *range(2, 12)) == []
    assert order.held == 10
    assert arrive(order, 12) == list(range(2, 13))  # 0 and 1 are passed over
    assert (order.held, order.late) == (0, 2)
    assert arrive(order, 1, 0) == [1, 0]
