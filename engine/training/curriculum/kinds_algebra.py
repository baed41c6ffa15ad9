"""Ages, equations, functions, sequences and powers."""

from engine.training.curriculum.core import kind
from engine.training.curriculum.work import Work


@kind
def age_later(w: Work, a: int, b: int) -> int:
    return w.add("Age", a, b)


@kind
def older_later(w: Work, a: int, b: int, c: int) -> int:
    return w.add("Later", w.add("Age", b, a), c)


@kind
def sum_of_ages(w: Work, a: int, b: int, c: int) -> int:
    both = w.add("Sum now", w.mul("Age", a, b), b)
    return w.add("Later", both, w.mul("Years", 2, c))


@kind
def plus_equation(w: Work, a: int, b: int) -> int:
    return w.sub("Value", b, a)


@kind
def linear_equation(w: Work, a: int, b: int, c: int) -> int:
    return w.div("Value", w.sub("Without the sum", c, b), a)


@kind
def bracket_equation(w: Work, a: int, b: int, c: int) -> int:
    return w.add("Value", w.div("Bracket", c, a), b)


@kind
def sum_and_difference(w: Work, a: int, b: int) -> int:
    w.need(b < a)
    return w.div("Larger", w.add("Twice", a, b), 2)


@kind
def linear_value(w: Work, a: int, b: int, c: int) -> int:
    return w.add("Value", w.mul("Product", a, c), b)


@kind
def quadratic_value(w: Work, a: int, b: int) -> int:
    return w.add("Value", w.mul("Square", b, b), w.mul("Product", a, b))


@kind
def composed(w: Work, a: int, b: int, c: int, d: int) -> int:
    return w.add("Value", w.mul("Product", a, w.add("Inner", d, c)), b)


@kind
def next_number(w: Work, a: int, b: int) -> int:
    return w.add("Next", a, b)


@kind
def nth_term(w: Work, a: int, b: int, c: int) -> int:
    w.need(c >= 2)
    return w.add("Term", a, w.mul("Added", w.sub("Steps", c, 1), b))


@kind
def third_geometric(w: Work, a: int, b: int) -> int:
    return w.mul("Third", w.mul("Second", a, b), b)


@kind
def sum_of_terms(w: Work, a: int, b: int, c: int) -> int:
    w.need(c >= 2)
    last = w.add("Last", a, w.mul("Added", w.sub("Steps", c, 1), b))
    return w.div("Sum", w.mul("Product", w.add("Ends", a, last), c), 2)


@kind
def square(w: Work, a: int) -> int:
    return w.mul("Square", a, a)


@kind
def cube(w: Work, a: int) -> int:
    return w.mul("Cube", w.mul("Square", a, a), a)


@kind
def difference_of_squares(w: Work, a: int, b: int) -> int:
    return w.sub("Difference", w.mul("First", a, a), w.mul("Second", b, b))
