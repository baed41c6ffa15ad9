"""Writing a worked solution: every line is one small operation that a tiny model can learn.

A ``Work`` collects lines and does the arithmetic. It raises ``Impossible`` for what whole positive numbers cannot
express, by which the oracle recognises impossible questions.
"""

from fractions import Fraction

LIMIT = 99_999
"""No number in a question or a solution may exceed this: larger ones are outside the curriculum."""

POWERS = (1, 10, 100, 1000)


class Impossible(ValueError):
    """The numbers of a question contradict its story (more given away than there was, a share that does not divide)."""


def place_values(n: int) -> list[int]:
    """The non-zero place values, largest first: 305 -> [300, 5]."""
    digits = str(n)
    return [int(d) * 10 ** (len(digits) - i - 1) for i, d in enumerate(digits) if d != "0"]


class BelowZero(Impossible):
    """A difference would be below zero."""


class Work:
    """The lines of one solution. The verbs return the result, so that a kind's ``solve`` reads like the solution."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def need(self, condition: bool) -> None:
        """Refuse the question unless ``condition`` holds."""
        if not condition:
            raise Impossible

    def say(self, line: str) -> None:
        self.lines.append(line)

    def _line(self, label: str, text: str, result: int) -> int:
        self.need(0 <= result <= LIMIT)
        self.lines.append(f"{label}: {text}" if label else text)
        return result

    def add(self, label: str, a: int, b: int) -> int:
        """a + b; what has more than one place is added place by place."""
        parts = place_values(b)
        if len(parts) <= 1:
            return self._line(label, f"{a} + {b} = {a + b}", a + b)
        steps, total = [], a
        for part in parts:
            steps.append(f"{total} + {part} = {total + part}")
            total += part
        return self._line(label, f"{a} + {b}: " + ", ".join(steps), total)

    def sub(self, label: str, a: int, b: int) -> int:
        """a - b, place by place; never below zero."""
        if b > a:
            raise BelowZero
        parts = place_values(b)
        if len(parts) <= 1:
            return self._line(label, f"{a} - {b} = {a - b}", a - b)
        steps, total = [], a
        for part in parts:
            steps.append(f"{total} - {part} = {total - part}")
            total -= part
        return self._line(label, f"{a} - {b}: " + ", ".join(steps), total)

    def mul(self, label: str, a: int, b: int) -> int:
        """a * b; beyond the times tables and powers of ten the factor with more non-zero places is split."""
        if len(place_values(b)) > len(place_values(a)):
            big, small = b, a
        else:
            big, small = a, b
        parts = place_values(big)
        if len(parts) <= 1 or small in POWERS or (a <= 12 and b <= 12):
            return self._line(label, f"{a} * {b} = {a * b}", a * b)
        if len(place_values(small)) > 1:
            self.need(a * b <= LIMIT)
            pieces = [self.mul("", big, part) for part in place_values(small)]
            total = pieces[0]
            for piece in pieces[1:]:
                total = self.add("", total, piece)
            return self._line(label, f"{a} * {b} = {total}", total)
        products = [part * small for part in parts]
        split = " + ".join(f"{part} * {small}" for part in parts)
        chain = " + ".join(map(str, products))
        return self._line(label, f"{a} * {b} = {split} = {chain} = {a * b}", a * b)

    def div(self, label: str, a: int, b: int) -> int:
        """a / b where it comes out even: by powers of ten directly, else as a division with remainder 0."""
        self.need(b > 0 and a % b == 0)
        if b in POWERS:
            return self._line(label, f"{a} / {b} = {a // b}", a // b)
        return self.divmod(label, a, b)[0]

    def divmod(self, label: str, a: int, b: int) -> tuple[int, int]:
        """Quotient and remainder, by the largest multiple of each place that fits; the quotient comes last."""
        self.need(b > 0)
        quotient, left = a // b, a
        parts = place_values(quotient) or [0]
        steps = []
        for part in parts:
            steps.append(f"{b} * {part} = {b * part}, {left} - {b * part} = {left - b * part}")
            left -= b * part
        closing = f"{' + '.join(map(str, parts))} = {quotient}" if len(parts) > 1 else f"{quotient} times"
        self._line(label, f"{', '.join(steps)}, {closing}", quotient)
        return quotient, left

    def gcd(self, label: str, a: int, b: int) -> int:
        """Euclid's algorithm, a line a division."""
        a, b = max(a, b), min(a, b)
        while b:
            self._line(label, f"{a} = {b} * {a // b} + {a % b}", a % b)
            a, b = b, a % b
        return a

    def fraction(self, top: int, bottom: int) -> Fraction:
        """top/bottom in lowest terms, reduced by Euclid's algorithm."""
        self.need(bottom > 0)
        if top > 1 and bottom > 1 and (common := self.gcd("Common", top, bottom)) > 1:
            self.div("Upper", top, common)
            self.div("Lower", bottom, common)
        return Fraction(top, bottom)

    def share(self, label: str, a: int, prime: int) -> Fraction:
        """a / prime: the whole quotient, or the fraction where there is a remainder."""
        self.divmod(label, a, prime)
        return Fraction(a, prime)


def write_answer(value: int | Fraction) -> str:
    """The text inside the box: ``12``, ``-3`` or ``\\frac{3}{4}``."""
    if isinstance(value, Fraction) and value.denominator != 1:
        return f"\\frac{{{value.numerator}}}{{{value.denominator}}}"
    return str(int(value))
