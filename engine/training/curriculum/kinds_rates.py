"""Time, distance, fractions, per cent, ratios and averages."""

from fractions import Fraction

from engine.training.curriculum.core import kind
from engine.training.curriculum.work import Work


@kind
def pages(w: Work, a: int, b: int) -> int:
    return w.mul("Total", a, b)


@kind
def to_minutes(w: Work, a: int, b: int) -> int:
    w.need(b < 60)
    return w.add("Minutes", w.mul("Hours", a, 60), b)


@kind
def last_day(w: Work, a: int, b: int) -> int:
    days, rest = w.divmod("Full days", a, b)
    return w.add("One more", days, 1) if rest else days


@kind
def work_together(w: Work, a: int, b: int, c: int) -> int:
    return w.mul("In that time", w.add("In one", a, b), c)


@kind
def how_far(w: Work, a: int, b: int) -> int:
    return w.mul("Miles", a, b)


@kind
def far_and_more(w: Work, a: int, b: int, c: int) -> int:
    return w.add("In all", w.mul("Miles", a, b), c)


@kind
def approach(w: Work, a: int, b: int, c: int, d: int) -> int:
    return w.sub("Apart", c, w.mul("Covered", w.add("Speed", a, b), d))


@kind
def two_speeds(w: Work, a: int, b: int, c: int, d: int) -> int:
    return w.add("In all", w.mul("First", a, b), w.mul("Second", c, d))


@kind
def part_left(w: Work, a: int, b: int) -> Fraction:
    w.need(a < b)
    return w.fraction(w.sub("Left", b, a), b)


@kind
def unit_fraction(w: Work, a: int, b: int) -> int:
    return w.div("Part", b, a)


@kind
def add_unit_fractions(w: Work, a: int, b: int) -> Fraction:
    return w.fraction(w.add("Top", a, b), w.mul("Bottom", a, b))


@kind
def multiply_fractions(w: Work, a: int, b: int, c: int, d: int) -> Fraction:
    return w.fraction(w.mul("Top", a, c), w.mul("Bottom", b, d))


@kind
def percent_of(w: Work, a: int, b: int) -> int:
    w.need(a <= 100)
    return w.div("Part", w.mul("Product", a, b), 100)


@kind
def price_falls(w: Work, a: int, b: int) -> int:
    w.need(a < 100)
    return w.sub("New price", b, w.div("Off", w.mul("Product", a, b), 100))


@kind
def grows_by(w: Work, a: int, b: int) -> int:
    return w.add("Then", b, w.div("More", w.mul("Product", a, b), 100))


@kind
def pack_saves(w: Work, a: int, b: int, c: int) -> int:
    return w.sub("Saved", w.mul("Single", a, b), c)


@kind
def mix(w: Work, a: int, b: int, c: int) -> int:
    return w.mul("Second", b, c)


@kind
def share_in_ratio(w: Work, a: int, b: int, c: int) -> int:
    return w.mul("Share", w.div("One part", c, w.add("Parts", a, b)), a)


@kind
def average_of_two(w: Work, a: int, b: int) -> Fraction:
    return w.share("Average", w.add("Sum", a, b), 2)


@kind
def average_of_three(w: Work, a: int, b: int, c: int) -> Fraction:
    return w.share("Average", w.add("Sum", w.add("First two", a, b), c), 3)


@kind
def sum_from_average(w: Work, a: int, b: int, c: int) -> int:
    return w.add("Sum", w.mul("So far", a, b), c)
