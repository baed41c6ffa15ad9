"""Ages, equations, functions, sequences and powers."""

from __future__ import annotations

from engine.training.curriculum.core import kind
from engine.training.curriculum.work import Work


@kind("ages", 1,
      "{name} is {a} years old. How old will {name} be in {b} years?",
      "{name} is {a}. In {b} years, how old is {name}?",
      a="small", b="tiny")  # fmt: skip
def age_later(w: Work, a: int, b: int) -> int:
    return w.add("Age", a, b)


@kind("ages", 2,
      "{name} is {a} years older than {name2}. {name2} is {b}. How old will {name} be in {c} years?",
      "{name2} is {b} years old and {name} is {a} years older. How old is {name} in {c} years?",
      a="tiny", b="small", c="one")  # fmt: skip
def older_later(w: Work, a: int, b: int, c: int) -> int:
    return w.add("Later", w.add("Age", b, a), c)


@kind("ages", 3,
      "{name} is {a} times as old as {name2}. {name2} is {b}. What is the sum of their ages in {c} years?",
      "{name2} is {b} and {name} is {a} times as old. What is the sum of their ages in {c} years?",
      a="one", b="tiny", c="one")  # fmt: skip
def sum_of_ages(w: Work, a: int, b: int, c: int) -> int:
    both = w.add("Sum now", w.mul("Age", a, b), b)
    return w.add("Later", both, w.mul("Years", 2, c))


@kind("equations", 1,
      "Solve for {var}: {var} + {a} = {b}.",
      "If {var} + {a} = {b}, what is {var}?",
      "A number plus {a} is {b}. [What is the number?|Find the number.]",
      a="small", b="mid")  # fmt: skip
def plus_equation(w: Work, a: int, b: int) -> int:
    return w.sub("Value", b, a)


@kind("equations", 2,
      "Solve for {var}: {a}{var} + {b} = {c}.",
      "If {a}{var} + {b} = {c}, what is {var}?",
      "{a} times a number, plus {b}, is {c}. [What is the number?|Find the number.]",
      a="one", b="tiny", c="mid")  # fmt: skip
def linear_equation(w: Work, a: int, b: int, c: int) -> int:
    return w.div("Value", w.sub("Without the sum", c, b), a)


@kind("equations", 3,
      "Solve for {var}: {a}({var} - {b}) = {c}.",
      "{a} times the difference of a number and {b} is {c}. [What is the number?|Find the number.]",
      a="one", b="tiny", c="mid")  # fmt: skip
def bracket_equation(w: Work, a: int, b: int, c: int) -> int:
    return w.add("Value", w.div("Bracket", c, a), b)


@kind("equations", 4,
      "The sum of two numbers is {a} and their difference is {b}. What is the larger number?",
      "{name} and {name2} have {a} {item} together. {name} has {b} more than {name2}. How many does {name} have?",
      a="mid", b="tiny")  # fmt: skip
def sum_and_difference(w: Work, a: int, b: int) -> int:
    w.need(b < a)
    return w.div("Larger", w.add("Twice", a, b), 2)


@kind("functions", 2,
      "If f(x) = {a}x + {b}, what is f({c})?",
      "Let f(x) = {a}x + {b}. Find f({c}).",
      a="tiny", b="small", c="tiny")  # fmt: skip
def linear_value(w: Work, a: int, b: int, c: int) -> int:
    return w.add("Value", w.mul("Product", a, c), b)


@kind("functions", 3,
      "If f(x) = x^2 + {a}x, what is f({b})?",
      "Let f(x) = x^2 + {a}x. Find f({b}).",
      a="tiny", b="tiny")  # fmt: skip
def quadratic_value(w: Work, a: int, b: int) -> int:
    return w.add("Value", w.mul("Square", b, b), w.mul("Product", a, b))


@kind("functions", 4,
      "If f(x) = {a}x + {b} and g(x) = x + {c}, what is f(g({d}))?",
      "Let f(x) = {a}x + {b} and g(x) = x + {c}. Find f(g({d})).",
      a="one", b="tiny", c="one", d="one")  # fmt: skip
def composed(w: Work, a: int, b: int, c: int, d: int) -> int:
    return w.add("Value", w.mul("Product", a, w.add("Inner", d, c)), b)


@kind("sequences", 1,
      "A list starts at {a} and goes up by {b}. What is the [second|next] number?",
      "What comes next after {a} in a list that goes up by {b}?",
      a="mid", b="tiny")  # fmt: skip
def next_number(w: Work, a: int, b: int) -> int:
    return w.add("Next", a, b)


@kind("sequences", 2,
      "A sequence starts at {a} and each term is {b} more than the one before. What is term number {c}?",
      "The first term of an arithmetic sequence is {a} and its difference is {b}. Find term number {c}.",
      a="tiny", b="tiny", c="tiny")  # fmt: skip
def nth_term(w: Work, a: int, b: int, c: int) -> int:
    w.need(c >= 2)
    return w.add("Term", a, w.mul("Added", w.sub("Steps", c, 1), b))


@kind("sequences", 3,
      "A sequence starts at {a} and each term is {b} times the one before. What is the third term?",
      "The first term of a geometric sequence is {a} and its ratio is {b}. Find the third term.",
      a="tiny", b="one")  # fmt: skip
def third_geometric(w: Work, a: int, b: int) -> int:
    return w.mul("Third", w.mul("Second", a, b), b)


@kind("sequences", 4,
      "What is the sum of the first {c} terms of the arithmetic sequence that starts at {a} with difference {b}?",
      "A row has {a} seats and every next row has {b} more. How many seats are in the first {c} rows?",
      a="tiny", b="one", c="one")  # fmt: skip
def sum_of_terms(w: Work, a: int, b: int, c: int) -> int:
    w.need(c >= 2)
    last = w.add("Last", a, w.mul("Added", w.sub("Steps", c, 1), b))
    return w.div("Sum", w.mul("Product", w.add("Ends", a, last), c), 2)


@kind("powers", 2,
      "What is {a} squared?",
      "Find the square of {a}.",
      "What is {a}^2?",
      a="small")  # fmt: skip
def square(w: Work, a: int) -> int:
    return w.mul("Square", a, a)


@kind("powers", 3,
      "What is {a}^3?",
      "What is {a} cubed?",
      "Find the cube of {a}.",
      a="tiny")  # fmt: skip
def cube(w: Work, a: int) -> int:
    return w.mul("Cube", w.mul("Square", a, a), a)


@kind("powers", 3,
      "What is {a}^2 - {b}^2?",
      "Find the difference of the squares of {a} and {b}.",
      a="small", b="tiny")  # fmt: skip
def difference_of_squares(w: Work, a: int, b: int) -> int:
    return w.sub("Difference", w.mul("First", a, a), w.mul("Second", b, b))
