"""Time, distance, fractions, per cent, ratios and averages."""

from __future__ import annotations

from fractions import Fraction

from engine.training.curriculum.core import kind
from engine.training.curriculum.work import Work


@kind("time", 1,
      "{name} reads {a} pages a day. How many pages does {name} read in {b} days?",
      "A machine makes {a} {item} an hour. How many {item} does it make in {b} hours?",
      a="small", b="one")  # fmt: skip
def pages(w: Work, a: int, b: int) -> int:
    return w.mul("Total", a, b)


@kind("time", 2,
      "A film lasts {a} hours and {b} minutes. How many minutes is that?",
      "{name} works for {a} hours and {b} minutes. How many minutes does {name} work?",
      a="one", b="small")  # fmt: skip
def to_minutes(w: Work, a: int, b: int) -> int:
    w.need(b < 60)
    return w.add("Minutes", w.mul("Hours", a, 60), b)


@kind("time", 2,
      "A book has {a} pages. {name} reads {b} pages a day. On which day does {name} finish it?",
      "{name} has {a} {item} and uses {b} a day. On which day does {name} use the last one?",
      a="mid", b="tiny")  # fmt: skip
def last_day(w: Work, a: int, b: int) -> int:
    days, rest = w.divmod("Full days", a, b)
    return w.add("One more", days, 1) if rest else days


@kind("time", 3,
      "{name} makes {a} {item} an hour and {name2} makes {b} an hour. How many {item} do they make together in {c} hours?",
      "One machine fills {a} {box} a day and another fills {b}. How many {box} do both fill in {c} days?",
      a="small", b="small", c="one")  # fmt: skip
def work_together(w: Work, a: int, b: int, c: int) -> int:
    return w.mul("In that time", w.add("In one", a, b), c)


@kind("distance", 1,
      "A {ride} goes {a} miles an hour. How [far does it go|many miles does it go] in {b} hours?",
      "{name} drives at {a} miles an hour for {b} hours. How many miles is that?",
      a="mid", b="one")  # fmt: skip
def how_far(w: Work, a: int, b: int) -> int:
    return w.mul("Miles", a, b)


@kind("distance", 2,
      "A {ride} goes {a} miles an hour for {b} hours and then {c} miles more. How many miles does it go in all?",
      "{name} walks {c} miles and then rides a {ride} for {b} hours at {a} miles an hour. How many miles is that in all?",
      a="mid", b="one", c="tiny")  # fmt: skip
def far_and_more(w: Work, a: int, b: int, c: int) -> int:
    return w.add("In all", w.mul("Miles", a, b), c)


@kind("distance", 3,
      "Two {people} start {c} miles apart and walk toward each other for {d} hours, one at {a} and one at {b} miles an hour. "
      "How many miles apart are they then?",
      "The distance between {name} and {name2} is {c} miles. They ride toward each other at {a} and {b} miles an hour. "
      "How far apart are they after {d} hours?",
      a="one", b="one", c="mid", d="one")  # fmt: skip
def approach(w: Work, a: int, b: int, c: int, d: int) -> int:
    return w.sub("Apart", c, w.mul("Covered", w.add("Speed", a, b), d))


@kind("distance", 3,
      "A {ride} goes {a} miles an hour for {b} hours and {c} miles an hour for {d} hours. How many miles does it go in all?",
      "{name} rides for {b} hours at {a} miles an hour, then for {d} hours at {c} miles an hour. How far does {name} ride?",
      a="small", b="one", c="small", d="one")  # fmt: skip
def two_speeds(w: Work, a: int, b: int, c: int, d: int) -> int:
    return w.add("In all", w.mul("First", a, b), w.mul("Second", c, d))


@kind("fractions", 2,
      "{name} eats {a} of {b} equal slices. What fraction [is left|of the slices is left]?",
      "A tank has {b} equal parts and {a} are full. What fraction of the tank is empty?",
      a="one", b="tiny")  # fmt: skip
def part_left(w: Work, a: int, b: int) -> Fraction:
    w.need(a < b)
    return w.fraction(w.sub("Left", b, a), b)


@kind("fractions", 3,
      "What is 1/{a} of {b}?",
      "{name} has {b} {item} and gives 1/{a} of them away. How many {item} does {name} give away?",
      "One part in {a} of {b} {people} stays at home. How many stay at home?",
      a="one", b="mid")  # fmt: skip
def unit_fraction(w: Work, a: int, b: int) -> int:
    return w.div("Part", b, a)


@kind("fractions", 3,
      "What is 1/{a} + 1/{b}? Give a fraction.",
      "{name} drinks 1/{a} of the {drink} and {name2} drinks 1/{b} of it. What fraction do they drink together?",
      a="one", b="one")  # fmt: skip
def add_unit_fractions(w: Work, a: int, b: int) -> Fraction:
    return w.fraction(w.add("Top", a, b), w.mul("Bottom", a, b))


@kind("fractions", 4,
      "What is {a}/{b} times {c}/{d}? Give a fraction.",
      "Multiply {a}/{b} by {c}/{d}. Give a fraction.",
      a="one", b="one", c="one", d="one")  # fmt: skip
def multiply_fractions(w: Work, a: int, b: int, c: int, d: int) -> Fraction:
    return w.fraction(w.mul("Top", a, c), w.mul("Bottom", b, d))


@kind("percent", 2,
      "What is {a} percent of {b}?",
      "There are {b} {people} and {a} percent of them have a {thing}. How many is that?",
      a="percent", b="tens")  # fmt: skip
def percent_of(w: Work, a: int, b: int) -> int:
    w.need(a <= 100)
    return w.div("Part", w.mul("Product", a, b), 100)


@kind("percent", 4,
      "A {thing} costs {b} dollars. Its price falls by {a} percent. What is the new price?",
      "A {shop} takes {a} percent off a {thing} that costs {b} dollars. What is the new price?",
      a="percent", b="tens")  # fmt: skip
def price_falls(w: Work, a: int, b: int) -> int:
    w.need(a < 100)
    return w.sub("New price", b, w.div("Off", w.mul("Product", a, b), 100))


@kind("percent", 3,
      "A {shop} has {b} {item}. That number grows by {a} percent. How many {item} does it have then?",
      "{b} {people} came last year and {a} percent more this year. How many came this year?",
      a="percent", b="tens")  # fmt: skip
def grows_by(w: Work, a: int, b: int) -> int:
    return w.add("Then", b, w.div("More", w.mul("Product", a, b), 100))


@kind("ratio", 2,
      "{a} {item} cost {b} cents each. A pack of them costs {c} cents. How many cents does the pack save?",
      "{a} single {item} at {b} cents each or one pack for {c} cents: how many cents does the pack save?",
      a="tiny", b="tiny", c="one")  # fmt: skip
def pack_saves(w: Work, a: int, b: int, c: int) -> int:
    return w.sub("Saved", w.mul("Single", a, b), c)


@kind("ratio", 3,
      "A mix needs {a} cups of {drink} for {b} cups of {drink2}. How many cups of {drink2} go with {c} times {a} cups of {drink}?",
      "For every {a} {color} beads there are {b} {color2} ones. How many {color2} beads go with {c} times {a} {color} beads?",
      a="one", b="one", c="tiny")  # fmt: skip
def mix(w: Work, a: int, b: int, c: int) -> int:
    return w.mul("Second", b, c)


@kind("ratio", 4,
      "{name} and {name2} share {c} dollars in the ratio {a} to {b}. How many dollars does {name} get?",
      "{c} {item} are split between {name} and {name2} in the ratio {a} to {b}. How many does {name} get?",
      a="one", b="one", c="mid")  # fmt: skip
def share_in_ratio(w: Work, a: int, b: int, c: int) -> int:
    return w.mul("Share", w.div("One part", c, w.add("Parts", a, b)), a)


@kind("averages", 2,
      "{name} scored {a} and {b} points in two games. How many points is that on average? Give a fraction if needed.",
      "What is the average of {a} and {b}? Give a fraction if needed.",
      a="small", b="small")  # fmt: skip
def average_of_two(w: Work, a: int, b: int) -> Fraction:
    return w.share("Average", w.add("Sum", a, b), 2)


@kind("averages", 4,
      "What is the average of {a}, {b} and {c}? Give a fraction if needed.",
      "{name} has {a} {item}, {name2} has {b} and {name3} has {c}. How many is that on average? Give a fraction if needed.",
      a="small", b="small", c="small")  # fmt: skip
def average_of_three(w: Work, a: int, b: int, c: int) -> Fraction:
    return w.share("Average", w.add("Sum", w.add("First two", a, b), c), 3)


@kind("averages", 4,
      "The average of {a} numbers is {b}. One more number, {c}, is added. What is the sum of all the numbers?",
      "After {a} games {name} has {b} points on average. The next game gives {c} points. How many points is that in all?",
      a="tiny", b="small", c="small")  # fmt: skip
def sum_from_average(w: Work, a: int, b: int, c: int) -> int:
    return w.add("Sum", w.mul("So far", a, b), c)
