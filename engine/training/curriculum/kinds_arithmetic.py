"""Bare sums, and stories of change, shopping and equal groups: one to three whole-number operations."""

from engine.training.curriculum.core import kind
from engine.training.curriculum.work import Work


@kind
def sum_of_two(w: Work, a: int, b: int) -> int:
    return w.add("Sum", a, b)


@kind
def difference_of_two(w: Work, a: int, b: int) -> int:
    return w.sub("Difference", a, b)


@kind
def product_of_two(w: Work, a: int, b: int) -> int:
    return w.mul("Product", a, b)


@kind
def quotient_of_two(w: Work, a: int, b: int) -> int:
    quotient, _ = w.divmod("Quotient", a, b)
    return quotient


@kind
def gets_more(w: Work, a: int, b: int) -> int:
    return w.add("Total", a, b)


@kind
def gives_away(w: Work, a: int, b: int) -> int:
    return w.sub("Left", a, b)


@kind
def out_and_in(w: Work, a: int, b: int, c: int) -> int:
    return w.add("Now", w.sub("Left", a, b), c)


@kind
def more_than(w: Work, a: int, b: int) -> int:
    return w.add("Together", a, w.add("The other", a, b))


@kind
def times_as_many(w: Work, a: int, b: int) -> int:
    return w.add("Together", w.mul("Times", a, b), b)


@kind
def backwards(w: Work, a: int, b: int, c: int) -> int:
    return w.add("At first", w.sub("Before that", c, b), a)


@kind
def price_of_many(w: Work, a: int, b: int) -> int:
    return w.mul("Cost", a, b)


@kind
def bill(w: Work, a: int, b: int, c: int) -> int:
    return w.add("In all", w.mul("Cost", a, b), c)


@kind
def money_left(w: Work, a: int, b: int, c: int) -> int:
    return w.sub("Left", c, w.mul("Cost", a, b))


@kind
def two_bills(w: Work, a: int, b: int, c: int, d: int) -> int:
    return w.add("In all", w.mul("First", a, b), w.mul("Second", c, d))


@kind
def wages(w: Work, a: int, b: int, c: int) -> int:
    return w.mul("All days", w.mul("A day", a, b), c)


@kind
def profit(w: Work, a: int, b: int, c: int, d: int) -> int:
    gain = w.sub("Gain on each", c, b)
    return w.sub("Profit", w.mul("Gain", a, gain), d)


@kind
def boxes(w: Work, a: int, b: int) -> int:
    return w.mul("In all", a, b)


@kind
def full_boxes(w: Work, a: int, b: int) -> int:
    quotient, _ = w.divmod("Full", a, b)
    return quotient


@kind
def left_over(w: Work, a: int, b: int) -> int:
    _, remainder = w.divmod("Full", a, b)
    return remainder


@kind
def boxes_minus(w: Work, a: int, b: int, c: int) -> int:
    return w.sub("Left", w.mul("In all", a, b), c)


@kind
def two_box_sizes(w: Work, a: int, b: int, c: int, d: int) -> int:
    return w.add("In all", w.mul("First", a, b), w.mul("Second", c, d))


@kind
def free_seats(w: Work, a: int, b: int, c: int) -> int:
    return w.sub("Free", w.mul("Seats", a, b), c)
