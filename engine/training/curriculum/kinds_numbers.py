"""Divisors and remainders, digits, counting and chance."""

from fractions import Fraction

from engine.training.curriculum.core import kind
from engine.training.curriculum.work import Work


@kind
def remainder(w: Work, a: int, b: int) -> int:
    _, rest = w.divmod("Multiple", a, b)
    return rest


@kind
def greatest_divisor(w: Work, a: int, b: int) -> int:
    return w.gcd("Divide", a, b)


@kind
def least_multiple(w: Work, a: int, b: int) -> int:
    common = w.gcd("Divide", a, b)
    return w.mul("Multiple", w.div("Reduced", a, common), b)


@kind
def multiples_up_to(w: Work, a: int, b: int) -> int:
    quotient, _ = w.divmod("Multiples", a, b)
    return quotient


@kind
def digit_sum(w: Work, a: int) -> int:
    digits = [int(d) for d in str(a)]
    w.need(len(digits) > 1)
    w.say(f"Digits: {' + '.join(map(str, digits))} = {sum(digits)}")
    return sum(digits)


@kind
def digit_product(w: Work, a: int) -> int:
    digits = [int(d) for d in str(a)]
    w.need(len(digits) > 1)
    product = digits[0]
    for digit in digits[1:]:
        w.say(f"{product} * {digit} = {product * digit}")
        product *= digit
    return product


@kind
def tens_and_ones(w: Work, a: int, b: int) -> int:
    return w.add("Number", w.mul("Tens", a, 10), b)


@kind
def sum_of_run(w: Work, a: int, b: int) -> int:
    w.need(a < b)
    count = w.add("Count", w.sub("Gap", b, a), 1)
    return w.div("Sum", w.mul("Product", w.add("Ends", a, b), count), 2)


@kind
def pairs_of(w: Work, a: int, b: int) -> int:
    return w.mul("Ways", a, b)


@kind
def triples_of(w: Work, a: int, b: int, c: int) -> int:
    return w.mul("Ways", w.mul("Two", a, b), c)


@kind
def ordered_pairs(w: Work, a: int) -> int:
    w.need(a >= 2)
    return w.mul("Ways", a, w.sub("Others", a, 1))


@kind
def handshakes(w: Work, a: int) -> int:
    w.need(a >= 2)
    return w.div("Ways", w.mul("Ordered", a, w.sub("Others", a, 1)), 2)


@kind
def chance_of_color(w: Work, a: int, b: int) -> Fraction:
    return w.fraction(a, w.add("All", a, b))


@kind
def chance_of_two_colors(w: Work, a: int, b: int, c: int) -> Fraction:
    good = w.add("Good", a, b)
    return w.fraction(good, w.add("All", good, c))


@kind
def both_of_color(w: Work, a: int, b: int) -> Fraction:
    w.need(a >= 2)
    total = w.add("All", a, b)
    top = w.mul("Top", a, w.sub("One less", a, 1))
    return w.fraction(top, w.mul("Bottom", total, w.sub("All but one", total, 1)))
