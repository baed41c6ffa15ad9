"""Formulas as answers write them, read exactly: LaTeX and plain text to SymPy, decimals as fractions.

What is ambiguous (``1/2x``, ``2 3``) or unknown is not guessed: Unreadable. Degrees count only in functions of angles.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import comb, log2
from typing import Any

import sympy as sp

from engine.text.layout import word_set

MAX_BITS = 2_000_000
"""Of a power or factorial that is worked out."""


class Unreadable(ValueError):
    """The formula has a part that this parser does not know."""


_TOKEN = re.compile(r"\d+(?:\.\d+)?|\.\d+|\\[A-Za-z]+|\\[{}|%]|[A-Za-z]+|\S")
_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "sin": sp.sin, "cos": sp.cos, "tan": sp.tan, "cot": sp.cot, "sec": sp.sec, "csc": sp.csc,
    "arcsin": sp.asin, "arccos": sp.acos, "arctan": sp.atan, "sinh": sp.sinh, "cosh": sp.cosh, "tanh": sp.tanh,
    "ln": sp.log, "exp": sp.exp, "log": lambda x: sp.log(x) / sp.log(10),
}  # fmt: skip
_SEVERAL: dict[str, Callable[..., Any]] = {"gcd": sp.gcd, "lcm": sp.lcm, "max": sp.Max, "min": sp.Min}
_ANGLES = {"sin", "cos", "tan", "cot", "sec", "csc"}
_GREEK = word_set("""
    alpha beta gamma delta epsilon varepsilon theta lambda mu nu rho sigma tau phi varphi omega psi xi eta zeta
    kappa chi Gamma Delta Theta Lambda Sigma Phi Omega Psi
    """)
_NAMED = {"overline", "vec", "angle", "triangle", "mathbb", "mathbf"}
_CLOSING = {"(": ")", "[": "]", "{": "}", r"\{": r"\}", r"\lfloor": r"\rfloor", r"\lceil": r"\rceil"}
_CLOSING |= {"|": "|", r"\lvert": r"\rvert"}
_TIMES = {"*", r"\cdot", r"\times", r"\ast"}
_OVER = {"/", r"\div", ":"}


_SPACED = re.compile(r"(?:^|[^_^\d.])[\d.]+\s+[\d.]|\d\.\d+\.")
"""Digits apart, as in ``2 3``; behind a subscript or power (``\\log_2 8``) they are two numbers."""


def parse(text: str) -> Any:
    """The expression of a normalised formula. Raises Unreadable."""
    if _SPACED.search(text) is not None:
        raise Unreadable(text)
    parser = _Parser(_tokens(text))
    result = parser.sum()
    if parser.here:
        raise Unreadable(parser.here)
    return result


def _tokens(text: str) -> list[str]:
    found = []
    for token in _TOKEN.findall(text):
        if token[0].isalpha() and len(token) > 1:
            known = token.lower() in _FUNCTIONS or token.lower() in _SEVERAL or token in {"sqrt", "pi"}
            found += ["\\" + token.lower()] if known else list(token)
        else:
            found.append(token)
    return found


class _Parser:
    """Recursive descent; ``here`` is the next token, "" at the end."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = [*tokens, ""]
        self._at = 0
        self._bars = 0
        self._angle = False

    @property
    def here(self) -> str:
        return self._tokens[self._at]

    def take(self, expected: str | None = None) -> str:
        token = self.here
        if not token or (expected is not None and token != expected):
            raise Unreadable(f"{token or 'the end'} where {expected or 'more'} was due")
        self._at += 1
        return token

    def sum(self) -> Any:
        total = self.product()
        while self.here in {"+", "-"}:
            sign = self.take()
            term = self.product()
            total = total + term if sign == "+" else total - term
        return total

    def product(self) -> Any:
        if self.here in {"+", "-"}:
            return self.product() if self.take() == "+" else -self.product()
        result = self.factor()
        divided = False
        while True:
            if self.here in _TIMES:
                self.take()
                result, divided = result * self.signed(), False
            elif self.here in _OVER:
                self.take()
                divisor = self.signed()
                if divisor == 0:
                    raise Unreadable("division by zero")
                result, divided = result / divisor, True
            elif self.starts():
                if divided:  # 1/2x
                    raise Unreadable("a product after a slash")
                result = result * self.factor()
            else:
                return result

    def signed(self) -> Any:
        if self.here in {"+", "-"}:
            return self.signed() if self.take() == "+" else -self.signed()
        return self.factor()

    def starts(self) -> bool:
        """Whether a factor begins here."""
        here = self.here
        if here == "|":
            return not self._bars
        return here != "" and (here[0].isalnum() or here in {"(", "[", "{"} or _begins(here))

    def factor(self) -> Any:
        start = self.here
        value = self.primary()
        if start[0].isdigit() and start.isdigit() and self.here == r"\frac":
            value = self._mixed(value)
        while self.here in {"^", "!"}:
            if self.take() == "!":
                if self.here == "!":
                    raise Unreadable("a double factorial")
                value = _factorial(value)
            elif self.here in {r"\circ", "{"} and self._degree():
                value = value * sp.pi / 180 if self._angle else value
            else:
                value = power(value, self.argument(digits=True))
                if self.here == "^":
                    raise Unreadable("two powers")
        return value

    def _mixed(self, whole: Any) -> Any:
        """``7\\frac{1}{2}`` is 7.5; where the fraction has letters it is a product."""
        start = self._at
        fraction = self.primary()
        if (
            isinstance(fraction, sp.Rational)
            and "".join(self._tokens[start + 1 : self._at]).strip("{}0123456789") == ""
        ):
            return whole + fraction
        self._at = start
        return whole

    def _degree(self) -> bool:
        here = self._tokens[self._at : self._at + 3]
        if here[0] == r"\circ":
            self._at += 1
        elif here == ["{", r"\circ", "}"]:
            self._at += 3
        else:
            return False
        return True

    def argument(self, digits: bool = False) -> Any:
        """A group in braces or one token, as TeX reads it; with ``digits`` a whole number is one token (``2^10``)."""
        if self.here == "{":
            return self.group("{")
        if self.here in {"+", "-"} and digits:
            return self.argument(digits) if self.take() == "+" else -self.argument(digits)
        if self.here.isdigit() and not digits and len(self.here) > 1:
            token = self.here
            self._tokens[self._at : self._at + 1] = [token[0], token[1:]]
        return self.primary()

    def group(self, opening: str) -> Any:
        self.take(opening)
        bars, self._bars = self._bars, opening == "|"
        result = self.sum()
        self._bars = bars
        self.take(_CLOSING[opening])
        return result

    def primary(self) -> Any:
        token = self.here
        if not token:
            raise Unreadable("the end")
        if token[0].isdigit() or token[0] == ".":
            return self._number()
        if token in {"(", "[", "{"}:
            return self.group(token)
        if token in {"|", r"\lvert"}:
            return sp.Abs(self.group(token))
        if token == r"\lfloor":
            return sp.floor(self.group(token))
        if token == r"\lceil":
            return sp.ceiling(self.group(token))
        self.take()
        if token[0].isalpha():
            return self._symbol(token)
        if token[0] != "\\" or len(token) < 3:
            raise Unreadable(token)
        return self._command(token[1:])

    def _number(self) -> Any:
        token = self.take()
        if self.here == "." and self._tokens[self._at + 1] == r"\overline":
            token += self.take()
        if self.here == r"\overline" and "." in token:  # 0.1\overline{6}
            self.take()
            self.take("{")
            repeated = self.take()
            self.take("}")
            whole, _, fixed = token.partition(".")
            if not repeated.isdigit():
                raise Unreadable(repeated)
            nines = 10 ** len(repeated) - 1
            return (sp.Integer(whole + fixed) + sp.Rational(int(repeated), nines)) / 10 ** len(fixed)
        if self.here == "_":
            raise Unreadable("a base")
        return sp.Rational(token)

    def _symbol(self, letter: str) -> Any:
        name = letter + self._marks()
        if name == "e":
            return sp.E
        if name == "i":
            return sp.I
        if letter in "fghFG" and self.here == "(":
            return sp.Function(name)(*self._arguments())
        return sp.Symbol(name)

    def _marks(self) -> str:
        """A subscript and primes, as part of a name."""
        marks = ""
        while self.here in {"_", "'"}:
            marks += self.take()
            if marks[-1] == "_":
                marks += self._raw()
        return marks

    def _raw(self) -> str:
        """The tokens of a group as text."""
        if self.here != "{":
            return self.take()
        self.take()
        text, depth = "", 1
        while depth:
            token = self.take()
            depth += (token == "{") - (token == "}")
            text += token if depth else ""
        return text

    def _arguments(self) -> list[Any]:
        self.take("(")
        found = [self.sum()]
        while self.here == ",":
            self.take()
            found.append(self.sum())
        self.take(")")
        return found

    def _command(self, name: str) -> Any:
        if name == "frac":
            top, bottom = self.argument(), self.argument()
            if bottom == 0:
                raise Unreadable("division by zero")
            return top / bottom
        if name == "sqrt":
            return self._root()
        if name == "binom":
            return _binomial(self.argument(), self.argument())
        if name in {"pi", "infty"}:
            return sp.pi if name == "pi" else sp.oo
        if name == "operatorname":
            name = self._raw()
        if name in _SEVERAL:
            return _SEVERAL[name](*self._arguments())
        if name in _FUNCTIONS:
            return self._function(name)
        if name in _NAMED:
            return sp.Symbol(f"{name}_{self._raw()}")
        if name in _GREEK:
            return sp.Symbol(name + self._marks())
        raise Unreadable(name)

    def _root(self) -> Any:
        degree: Any = sp.Integer(2)
        if self.here == "[":
            degree = self.group("[")
        value = self.argument()
        if not isinstance(degree, sp.Integer) or degree < 2:
            raise Unreadable("a root")
        if degree % 2 and value.is_negative:
            return -((-value) ** (1 / degree))
        return value ** (1 / degree)

    def _function(self, name: str) -> Any:
        base = exponent = None
        while self.here in {"^", "_"}:
            if self.take() == "^":
                exponent = self.argument(digits=True)
            else:
                base = self.argument(digits=True)
        if (exponent is not None and exponent == -1) or (base is not None and name != "log"):
            raise Unreadable(name)
        outside, self._angle = self._angle, name in _ANGLES
        value = self._function_argument()
        self._angle = outside
        result = sp.log(value) / sp.log(base) if base is not None else _FUNCTIONS[name](value)
        return result if exponent is None else result**exponent

    def _function_argument(self) -> Any:
        if self.here in _CLOSING and self.here != "|":
            value = self.group(self.here)
            if self.here in {"^", "!", "/"}:
                raise Unreadable("a power after a function")
            return value
        if self.here == "-":
            self.take()
            return -self._function_argument()
        value = self.factor()
        while self.starts() and self.here not in {"(", "["} and self.here.lstrip("\\") not in _FUNCTIONS:
            value = value * self.factor()
        if self.here in _OVER:
            raise Unreadable("a slash after a function")
        return value


def _begins(token: str) -> bool:
    return token.startswith("\\") and token not in _TIMES | _OVER | {*_CLOSING.values()} and token[1:].isalpha()


def power(base: Any, exponent: Any) -> Any:
    """The power; Unreadable where it would have more than MAX_BITS bits."""
    if isinstance(base, sp.Rational) and isinstance(exponent, sp.Rational) and base not in (0, 1, -1):
        size = max(abs(int(base.p)), int(base.q))
        if abs(exponent) > MAX_BITS or abs(exponent) * log2(size) > MAX_BITS:
            raise Unreadable("a number that is too large")
    return base**exponent


def _factorial(value: Any) -> Any:
    if isinstance(value, sp.Integer) and (value < 0 or value > 50_000):
        raise Unreadable("a factorial that is too large")
    return sp.factorial(value)


def _binomial(n: Any, k: Any) -> Any:
    if isinstance(n, sp.Integer) and isinstance(k, sp.Integer):
        if not 0 <= n <= 20_000 or k < 0:
            raise Unreadable("a binomial coefficient")
        return sp.Integer(comb(int(n), int(k)))
    return sp.binomial(n, k)
