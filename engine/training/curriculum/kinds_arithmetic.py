"""Bare sums, and stories of change, shopping and equal groups: one to three whole-number operations."""

from __future__ import annotations

from engine.training.curriculum.core import kind
from engine.training.curriculum.work import Work


@kind("sums", 1,
      "What is {a} [+|plus] {b}?",
      "Add {a} and {b}. What do you get?",
      a="mid", b="mid")  # fmt: skip
def sum_of_two(w: Work, a: int, b: int) -> int:
    return w.add("Sum", a, b)


@kind("sums", 1,
      "What is {a} [-|minus] {b}?",
      "Take {b} from {a}. What is left?",
      a="mid", b="small")  # fmt: skip
def difference_of_two(w: Work, a: int, b: int) -> int:
    return w.sub("Difference", a, b)


@kind("sums", 2,
      "What is {a} times {b}?",
      "Multiply {a} by {b}. What do you get?",
      a="small", b="tiny")  # fmt: skip
def product_of_two(w: Work, a: int, b: int) -> int:
    return w.mul("Product", a, b)


@kind("sums", 2,
      "Divide {a} by {b}. What is the whole part of the result?",
      "How many whole times does {b} go into {a}?",
      a="mid", b="one")  # fmt: skip
def quotient_of_two(w: Work, a: int, b: int) -> int:
    quotient, _ = w.divmod("Quotient", a, b)
    return quotient


@kind("change", 1,
      "{name} has {a} {item} and [buys|finds|gets] {b} more. How many {item} does {name} have [now|in all]?",
      "{name} had {a} {item}. Then {name2} gave {name} {b} more. How many {item} does {name} have now?",
      "There are {a} {item} in a {color} box. {name} [adds|puts in] {b} more. How many {item} are in the box?",
      a="mid", b="small")  # fmt: skip
def gets_more(w: Work, a: int, b: int) -> int:
    return w.add("Total", a, b)


@kind("change", 1,
      "{name} has {a} {item} and [gives|sells|lends] {b} of them to {name2}. How many {item} does {name} have left?",
      "A {shop} had {a} {item} and sold {b} of them. How many {item} are left?",
      "{name} had {a} {item} but lost {b}. How many {item} [are left|does {name} still have]?",
      a="mid", b="small")  # fmt: skip
def gives_away(w: Work, a: int, b: int) -> int:
    return w.sub("Left", a, b)


@kind("change", 2,
      "{name} has {a} {item}. {name} gives away {b} and then [buys|finds] {c} more. How many {item} does {name} have now?",
      "A {shop} had {a} {item}. It sold {b} and then received {c} more. How many {item} does it have now?",
      a="mid", b="small", c="small")  # fmt: skip
def out_and_in(w: Work, a: int, b: int, c: int) -> int:
    return w.add("Now", w.sub("Left", a, b), c)


@kind("change", 2,
      "{name} has {a} {item}. {name2} has {b} more {item} than {name}. How many {item} do they have [together|in total]?",
      "There are {a} {color} {item} and {b} more {color2} {item} than that. How many {item} are there in total?",
      a="mid", b="small")  # fmt: skip
def more_than(w: Work, a: int, b: int) -> int:
    return w.add("Together", a, w.add("The other", a, b))


@kind("change", 2,
      "{name} has {a} times as many {item} as {name2}. {name2} has {b} {item}. How many {item} do they have [together|in total]?",
      "{name2} picked {b} {item}. {name} picked {a} times as many. How many {item} did they pick together?",
      a="one", b="small")  # fmt: skip
def times_as_many(w: Work, a: int, b: int) -> int:
    return w.add("Together", w.mul("Times", a, b), b)


@kind("change", 3,
      "Some {people} were at a {shop}. First {a} left, then {b} came, and now there are {c}. How many were there at first?",
      "{name} had some {item}. {name} gave away {a}, then got {b}, and now has {c}. How many {item} did {name} have at first?",
      a="small", b="small", c="mid")  # fmt: skip
def backwards(w: Work, a: int, b: int, c: int) -> int:
    return w.add("At first", w.sub("Before that", c, b), a)


@kind("shopping", 1,
      "{name} buys {a} {item} for {b} dollars each. How much does {name} [pay|spend]?",
      "One {thing} costs {b} dollars. How [much do|many dollars do] {a} of them cost?",
      a="tiny", b="tiny")  # fmt: skip
def price_of_many(w: Work, a: int, b: int) -> int:
    return w.mul("Cost", a, b)


@kind("shopping", 2,
      "{name} buys {a} {item} for {b} dollars each and a {thing} for {c} dollars. How much does {name} [pay|spend] in all?",
      "A {thing} costs {c} dollars and {item} cost {b} dollars each. How much do a {thing} and {a} {item} cost?",
      a="tiny", b="tiny", c="small")  # fmt: skip
def bill(w: Work, a: int, b: int, c: int) -> int:
    return w.add("In all", w.mul("Cost", a, b), c)


@kind("shopping", 2,
      "{name} has {c} dollars and buys {a} {item} for {b} dollars each. How many dollars [are left|does {name} have left]?",
      "{name} pays with {c} dollars for {a} {item} at {b} dollars each. How much change does {name} get?",
      a="one", b="one", c="mid")  # fmt: skip
def money_left(w: Work, a: int, b: int, c: int) -> int:
    return w.sub("Left", c, w.mul("Cost", a, b))


@kind("shopping", 3,
      "{name} buys {a} {item} for {b} dollars each and {c} {item2} for {d} dollars each. How much does {name} [pay|spend] in all?",
      "A {shop} sells {a} {item} at {b} dollars each and {c} {item2} at {d} dollars each. How many dollars does it take in?",
      a="tiny", b="tiny", c="tiny", d="tiny")  # fmt: skip
def two_bills(w: Work, a: int, b: int, c: int, d: int) -> int:
    return w.add("In all", w.mul("First", a, b), w.mul("Second", c, d))


@kind("shopping", 3,
      "{name} earns {a} dollars an hour and works {b} hours a day. How many dollars does {name} earn in {c} days?",
      "A worker is paid {a} dollars an hour for {b} hours a day. How much is that in {c} days?",
      a="small", b="tiny", c="one")  # fmt: skip
def wages(w: Work, a: int, b: int, c: int) -> int:
    return w.mul("All days", w.mul("A day", a, b), c)


@kind("shopping", 4,
      "{name} buys {a} {item} for {b} dollars each, sells them for {c} dollars each and pays {d} dollars for a table. "
      "What is the profit [in dollars|of {name}]?",
      a="tiny", b="one", c="small", d="tiny")  # fmt: skip
def profit(w: Work, a: int, b: int, c: int, d: int) -> int:
    gain = w.sub("Gain on each", c, b)
    return w.sub("Profit", w.mul("Gain", a, gain), d)


@kind("groups", 1,
      "There are {a} {box} with {b} {item} in each. How many {item} are there [in all|altogether]?",
      "{name} fills {a} {box} with {b} {item} each. How many {item} does {name} need?",
      a="tiny", b="tiny")  # fmt: skip
def boxes(w: Work, a: int, b: int) -> int:
    return w.mul("In all", a, b)


@kind("groups", 2,
      "{name} packs {a} {item} into {box} of {b}. How many full {box} are there?",
      "{a} {item} are put into {box} that hold {b} each. How many {box} are full?",
      a="mid", b="one")  # fmt: skip
def full_boxes(w: Work, a: int, b: int) -> int:
    quotient, _ = w.divmod("Full", a, b)
    return quotient


@kind("groups", 2,
      "{name} packs {a} {item} into {box} of {b}. How many {item} are left over?",
      "{a} {item} are shared equally by {b} {people} as far as possible. How many {item} are left over?",
      a="mid", b="one")  # fmt: skip
def left_over(w: Work, a: int, b: int) -> int:
    _, remainder = w.divmod("Full", a, b)
    return remainder


@kind("groups", 2,
      "There are {a} {box} with {b} {item} in each. {name} takes away {c} {item}. How many {item} [are left|remain]?",
      "{name} has {a} {box} of {b} {item} and uses {c} {item}. How many {item} [are left|remain]?",
      a="tiny", b="tiny", c="one")  # fmt: skip
def boxes_minus(w: Work, a: int, b: int, c: int) -> int:
    return w.sub("Left", w.mul("In all", a, b), c)


@kind("groups", 3,
      "There are {a} {box} with {b} {item} each and {c} {box2} with {d} {item} each. How many {item} are there [in all|altogether]?",
      a="tiny", b="tiny", c="tiny", d="tiny")  # fmt: skip
def two_box_sizes(w: Work, a: int, b: int, c: int, d: int) -> int:
    return w.add("In all", w.mul("First", a, b), w.mul("Second", c, d))


@kind("groups", 3,
      "A {shop} has {a} rows of {b} seats. {c} seats are taken. How many seats are [free|empty]?",
      "There are {a} rows of {b} chairs for {c} {people}. How many chairs stay [free|empty]?",
      a="small", b="tiny", c="small")  # fmt: skip
def free_seats(w: Work, a: int, b: int, c: int) -> int:
    return w.sub("Free", w.mul("Seats", a, b), c)
