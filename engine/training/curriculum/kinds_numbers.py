"""Divisors and remainders, digits, counting and chance."""

from __future__ import annotations

from fractions import Fraction

from engine.training.curriculum.core import kind
from engine.training.curriculum.work import Work


@kind("divisors", 3,
      "What is the remainder when {a} is divided by {b}?",
      "Find the remainder of {a} divided by {b}.",
      a="mid", b="one")  # fmt: skip
def remainder(w: Work, a: int, b: int) -> int:
    _, rest = w.divmod("Multiple", a, b)
    return rest


@kind("divisors", 3,
      "What is the greatest common divisor of {a} and {b}?",
      "Find the largest number that divides both {a} and {b}.",
      a="small", b="tiny")  # fmt: skip
def greatest_divisor(w: Work, a: int, b: int) -> int:
    return w.gcd("Divide", a, b)


@kind("divisors", 4,
      "What is the least common multiple of {a} and {b}?",
      "Find the smallest number that both {a} and {b} divide.",
      a="tiny", b="tiny")  # fmt: skip
def least_multiple(w: Work, a: int, b: int) -> int:
    common = w.gcd("Divide", a, b)
    return w.mul("Multiple", w.div("Reduced", a, common), b)


@kind("divisors", 3,
      "How many multiples of {b} are there from 1 to {a}?",
      "How many numbers from 1 to {a} can be divided by {b}?",
      a="mid", b="one")  # fmt: skip
def multiples_up_to(w: Work, a: int, b: int) -> int:
    quotient, _ = w.divmod("Multiples", a, b)
    return quotient


@kind("digits", 1,
      "What is the sum of the digits of {a}?",
      "Add the digits of {a}. What do you get?",
      a="mid")  # fmt: skip
def digit_sum(w: Work, a: int) -> int:
    digits = [int(d) for d in str(a)]
    w.need(len(digits) > 1)
    w.say(f"Digits: {' + '.join(map(str, digits))} = {sum(digits)}")
    return sum(digits)


@kind("digits", 2,
      "What is the product of the digits of {a}?",
      "Multiply the digits of {a}. What do you get?",
      a="mid")  # fmt: skip
def digit_product(w: Work, a: int) -> int:
    digits = [int(d) for d in str(a)]
    w.need(len(digits) > 1)
    product = digits[0]
    for digit in digits[1:]:
        w.say(f"{product} * {digit} = {product * digit}")
        product *= digit
    return product


@kind("digits", 2,
      "Which number has {a} tens and {b} ones?",
      "A number has {a} tens and {b} ones. What number is it?",
      a="tiny", b="tiny")  # fmt: skip
def tens_and_ones(w: Work, a: int, b: int) -> int:
    return w.add("Number", w.mul("Tens", a, 10), b)


@kind("digits", 3,
      "What is the sum of the numbers from {a} to {b}?",
      "Add all whole numbers from {a} to {b}. What do you get?",
      a="one", b="tiny")  # fmt: skip
def sum_of_run(w: Work, a: int, b: int) -> int:
    w.need(a < b)
    count = w.add("Count", w.sub("Gap", b, a), 1)
    return w.div("Sum", w.mul("Product", w.add("Ends", a, b), count), 2)


@kind("counting", 1,
      "{name} has {a} hats and {b} bags. In how many ways can {name} take one hat and one bag?",
      "A menu has {a} soups and {b} drinks. How many ways are there to choose one of each?",
      a="tiny", b="tiny")  # fmt: skip
def pairs_of(w: Work, a: int, b: int) -> int:
    return w.mul("Ways", a, b)


@kind("counting", 2,
      "A code has one of {a} letters, one of {b} digits and one of {c} signs. How many codes are there?",
      "{name} has {a} hats, {b} bags and {c} coats. How many ways are there to take one of each?",
      a="tiny", b="one", c="one")  # fmt: skip
def triples_of(w: Work, a: int, b: int, c: int) -> int:
    return w.mul("Ways", w.mul("Two", a, b), c)


@kind("counting", 3,
      "In how many ways can a {group} of {a} choose a leader and a helper?",
      "How many ways are there to give a first and a second prize among {a} {people}?",
      a="small")  # fmt: skip
def ordered_pairs(w: Work, a: int) -> int:
    w.need(a >= 2)
    return w.mul("Ways", a, w.sub("Others", a, 1))


@kind("counting", 4,
      "How many handshakes are there if {a} {people} all shake hands once with each other?",
      "In how many ways can two of {a} {people} be chosen?",
      a="small")  # fmt: skip
def handshakes(w: Work, a: int) -> int:
    w.need(a >= 2)
    return w.div("Ways", w.mul("Ordered", a, w.sub("Others", a, 1)), 2)


@kind("chance", 2,
      "A bag has {a} {color} and {b} {color2} balls. What is the chance to draw a {color} ball? Give a fraction.",
      "There are {a} {color} and {b} {color2} cards in a box. What is the probability of a {color} one? Give a fraction.",
      a="tiny", b="tiny")  # fmt: skip
def chance_of_color(w: Work, a: int, b: int) -> Fraction:
    return w.fraction(a, w.add("All", a, b))


@kind("chance", 3,
      "A bag has {a} {color}, {b} {color2} and {c} {color3} balls. What is the chance to draw a {color} or a {color2} ball? Give a fraction.",
      "Of {a} {color}, {b} {color2} and {c} {color3} cards one is drawn. What is the probability that it is not {color3}? Give a fraction.",
      a="tiny", b="tiny", c="tiny")  # fmt: skip
def chance_of_two_colors(w: Work, a: int, b: int, c: int) -> Fraction:
    good = w.add("Good", a, b)
    return w.fraction(good, w.add("All", good, c))


@kind("chance", 4,
      "A bag has {a} {color} and {b} {color2} balls. Two are drawn without putting back. What is the chance that both are {color}? Give a fraction.",
      "Two of {a} {color} and {b} {color2} cards are drawn without putting back. What is the probability that both are {color}? Give a fraction.",
      a="one", b="one")  # fmt: skip
def both_of_color(w: Work, a: int, b: int) -> Fraction:
    w.need(a >= 2)
    total = w.add("All", a, b)
    top = w.mul("Top", a, w.sub("One less", a, 1))
    return w.fraction(top, w.mul("Bottom", total, w.sub("All but one", total, 1)))
