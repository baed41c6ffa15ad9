"""Plane figures, solids, angles and the right triangle."""

from __future__ import annotations

from fractions import Fraction

from engine.training.curriculum.core import kind
from engine.training.curriculum.work import Work


@kind("geometry", 1,
      "A {room} is {a} feet long and {b} feet wide. What is its area in square feet?",
      "Find the area of a rectangle with sides {a} and {b}.",
      a="small", b="tiny")  # fmt: skip
def rectangle_area(w: Work, a: int, b: int) -> int:
    return w.mul("Area", a, b)


@kind("geometry", 2,
      "A {room} is {a} feet long and {b} feet wide. How many feet of fence go around it?",
      "Find the perimeter of a rectangle with sides {a} and {b}.",
      a="small", b="small")  # fmt: skip
def rectangle_perimeter(w: Work, a: int, b: int) -> int:
    return w.mul("Around", w.add("Half", a, b), 2)


@kind("geometry", 2,
      "A triangle has base {a} and height {b}. What is its area? Give a fraction if needed.",
      "Find the area of a triangle with base {a} and height {b}. Give a fraction if needed.",
      a="tiny", b="tiny")  # fmt: skip
def triangle_area(w: Work, a: int, b: int) -> Fraction:
    return w.share("Area", w.mul("Product", a, b), 2)


@kind("geometry", 3,
      "A {room} is {a} feet by {b} feet. A path of {c} square feet is taken off it. What area [is left|remains]?",
      "A rectangle has sides {a} and {b}. A piece of area {c} is cut out. What area [is left|remains]?",
      a="small", b="tiny", c="tiny")  # fmt: skip
def area_left(w: Work, a: int, b: int, c: int) -> int:
    return w.sub("Left", w.mul("Area", a, b), c)


@kind("geometry", 3,
      "A square with side {c} is cut from a rectangle with sides {a} and {b}. What area is left?",
      "A {room} is {a} feet by {b} feet and a square of {c} by {c} feet in it is dug up. How many square feet are left?",
      a="small", b="small", c="one")  # fmt: skip
def square_cut_out(w: Work, a: int, b: int, c: int) -> int:
    w.need(c <= min(a, b))
    return w.sub("Left", w.mul("Area", a, b), w.mul("Square", c, c))


@kind("geometry", 4,
      "A trapezoid has parallel sides {a} and {b} and height {c}. What is its area? Give a fraction if needed.",
      "Find the area of a trapezoid with parallel sides {a} and {b} and height {c}. Give a fraction if needed.",
      a="tiny", b="tiny", c="tiny")  # fmt: skip
def trapezoid(w: Work, a: int, b: int, c: int) -> Fraction:
    return w.share("Area", w.mul("Product", w.add("Sides", a, b), c), 2)


@kind("solids", 2,
      "A box is {a} inches long, {b} inches wide and {c} inches high. What is its volume in cubic inches?",
      "Find the volume of a box with edges {a}, {b} and {c}.",
      a="tiny", b="one", c="one")  # fmt: skip
def box_volume(w: Work, a: int, b: int, c: int) -> int:
    return w.mul("Volume", w.mul("Base", a, b), c)


@kind("solids", 3,
      "A cube has edges of {a} inches. What is its surface in square inches?",
      "Find the surface area of a cube with edge {a}.",
      a="tiny")  # fmt: skip
def cube_surface(w: Work, a: int) -> int:
    return w.mul("Surface", w.mul("Face", a, a), 6)


@kind("solids", 4,
      "A box with edges {a}, {b} and {c} is filled with {d} cubic inches of {drink}. How many more cubic inches fit?",
      "A tank of {a} by {b} by {c} feet holds {d} cubic feet of {drink}. How many cubic feet are empty?",
      a="one", b="one", c="tiny", d="tiny")  # fmt: skip
def tank(w: Work, a: int, b: int, c: int, d: int) -> int:
    return w.sub("Empty", w.mul("Volume", w.mul("Base", a, b), c), d)


@kind("angles", 2,
      "Two angles of a triangle are {a} and {b} degrees. How many degrees is the third angle?",
      "A triangle has angles of {a} and {b} degrees. Find the third angle in degrees.",
      a="mid", b="mid")  # fmt: skip
def third_angle(w: Work, a: int, b: int) -> int:
    both = w.add("Two angles", a, b)
    w.need(both < 180)
    return w.sub("Third", 180, both)


@kind("angles", 1,
      "Two angles lie on a straight line. One is {a} degrees. How many degrees is the other?",
      "An angle of {a} degrees and another make a straight line. Find the other in degrees.",
      a="mid")  # fmt: skip
def straight_line(w: Work, a: int) -> int:
    w.need(a < 180)
    return w.sub("Other", 180, a)


@kind("trigonometry", 3,
      "A right triangle has legs {a} and {b}. What is the square of its longest side?",
      "The legs of a right triangle are {a} and {b}. Find the square of the longest side.",
      a="tiny", b="tiny")  # fmt: skip
def hypotenuse_square(w: Work, a: int, b: int) -> int:
    return w.add("Sum", w.mul("First", a, a), w.mul("Second", b, b))


@kind("trigonometry", 4,
      "In a right triangle the side opposite an angle is {a} and the side next to it is {b}. What is the tangent of the angle? Give a fraction.",
      "An angle of a right triangle has opposite side {a} and adjacent side {b}. Find its tangent as a fraction.",
      a="small", b="small")  # fmt: skip
def tangent(w: Work, a: int, b: int) -> Fraction:
    w.say(f"Tangent: {a}/{b}")
    return w.fraction(a, b)


@kind("trigonometry", 4,
      "Find the dot product of the vectors ({a}, {b}) and ({c}, {d}).",
      "What is the dot product of ({a}, {b}) and ({c}, {d})?",
      a="tiny", b="one", c="tiny", d="one")  # fmt: skip
def dot_product(w: Work, a: int, b: int, c: int, d: int) -> int:
    return w.add("Sum", w.mul("First", a, c), w.mul("Second", b, d))


@kind("trigonometry", 3,
      "What is the determinant of the matrix with rows ({a}, {b}) and ({c}, {d}) if it is positive?",
      "Find the positive determinant of the matrix with rows ({a}, {b}) and ({c}, {d}).",
      a="tiny", b="one", c="one", d="tiny")  # fmt: skip
def determinant(w: Work, a: int, b: int, c: int, d: int) -> int:
    w.need(a * d > b * c)
    return w.sub("Difference", w.mul("First", a, d), w.mul("Second", b, c))
