"""Plane figures, solids, angles and the right triangle."""

from fractions import Fraction

from engine.training.curriculum.core import kind
from engine.training.curriculum.work import Work


@kind
def rectangle_area(w: Work, a: int, b: int) -> int:
    return w.mul("Area", a, b)


@kind
def rectangle_perimeter(w: Work, a: int, b: int) -> int:
    return w.mul("Around", w.add("Half", a, b), 2)


@kind
def triangle_area(w: Work, a: int, b: int) -> Fraction:
    return w.share("Area", w.mul("Product", a, b), 2)


@kind
def area_left(w: Work, a: int, b: int, c: int) -> int:
    return w.sub("Left", w.mul("Area", a, b), c)


@kind
def square_cut_out(w: Work, a: int, b: int, c: int) -> int:
    w.need(c <= min(a, b))
    return w.sub("Left", w.mul("Area", a, b), w.mul("Square", c, c))


@kind
def trapezoid(w: Work, a: int, b: int, c: int) -> Fraction:
    return w.share("Area", w.mul("Product", w.add("Sides", a, b), c), 2)


@kind
def box_volume(w: Work, a: int, b: int, c: int) -> int:
    return w.mul("Volume", w.mul("Base", a, b), c)


@kind
def cube_surface(w: Work, a: int) -> int:
    return w.mul("Surface", w.mul("Face", a, a), 6)


@kind
def tank(w: Work, a: int, b: int, c: int, d: int) -> int:
    return w.sub("Empty", w.mul("Volume", w.mul("Base", a, b), c), d)


@kind
def third_angle(w: Work, a: int, b: int) -> int:
    both = w.add("Two angles", a, b)
    w.need(both < 180)
    return w.sub("Third", 180, both)


@kind
def straight_line(w: Work, a: int) -> int:
    w.need(a < 180)
    return w.sub("Other", 180, a)


@kind
def hypotenuse_square(w: Work, a: int, b: int) -> int:
    return w.add("Sum", w.mul("First", a, a), w.mul("Second", b, b))


@kind
def tangent(w: Work, a: int, b: int) -> Fraction:
    w.say(f"Tangent: {a}/{b}")
    return w.fraction(a, b)


@kind
def dot_product(w: Work, a: int, b: int, c: int, d: int) -> int:
    return w.add("Sum", w.mul("First", a, c), w.mul("Second", b, d))


@kind
def determinant(w: Work, a: int, b: int, c: int, d: int) -> int:
    w.need(a * d > b * c)
    return w.sub("Difference", w.mul("First", a, d), w.mul("Second", b, c))
