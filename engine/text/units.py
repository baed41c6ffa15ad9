"""Units of measure: which are the same, which differ, and by which factor."""

from fractions import Fraction

_SYNONYMS = {
    "length": {
        "mm millimeter millimetre": "1/1000",
        "cm centimeter centimetre": "1/100",
        "dm decimeter decimetre": "1/10",
        "m meter metre": "1",
        "km kilometer kilometre": "1000",
        "in inch inche": "0.0254",
        "ft foot feet": "0.3048",
        "yd yard": "0.9144",
        "mi mile": "1609.344",
    },
    "mass": {"mg milligram": "1/1000", "g gram": "1", "kg kilogram": "1000", "lb pound": "453.59237", "oz ounce": "0"},
    "volume": {"ml milliliter millilitre": "1/1000", "cl centiliter": "1/100", "l liter litre": "1", "gallon": "0"},
    "time": {
        "s sec second": "1",
        "min minute": "60",
        "h hr hour": "3600",
        "day": "86400",
        "week": "604800",
        "month": "0",
        "yr year": "0",
    },
    "money": {"cent": "1/100", "dollar usd": "1"},
    "angle": {"degree deg": "1", "radian rad": "0"},
}
_KNOWN = {
    name: (kind, names.split()[0], Fraction(factor))
    for kind, table in _SYNONYMS.items()
    for names, factor in table.items()
    for name in names.split()
}
_POWERS = {"square": "2", "sq": "2", "cubic": "3", "cu": "3"}


def canonical(unit: str) -> str:
    """One spelling of the unit: "Square centimeters" and "cm^2" are ``cm 2``; unknown words stay, without a plural's
    s."""
    words = unit.lower().replace("^", " ").replace(".", " ").replace("{", " ").replace("}", " ").split()
    powers = [_POWERS[word] for word in words if word in _POWERS] + [word for word in words if word in {"2", "3"}]
    names = [_singular(word) for word in words if word not in _POWERS and word not in {"2", "3", "a", "an", "the"}]
    return " ".join([*(_KNOWN[name][1] if name in _KNOWN else name for name in names), *powers])


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def ratio(first: str, second: str) -> Fraction | bool | None:
    """How many of the second unit one of the first is; False where they never measure the same, None where unknown.

    A missing unit agrees with every unit.
    """
    if first == second or not first or not second:
        return Fraction(1)
    (a, p), (b, q) = _split(first), _split(second)
    if a in _KNOWN and b in _KNOWN:
        (kind, _, factor), (other, _, over) = _KNOWN[a], _KNOWN[b]
        if kind != other or p != q:
            return False
        return (factor / over) ** p if factor and over else False
    return None


def _split(unit: str) -> tuple[str, int]:
    name, _, power = unit.rpartition(" ")
    return (name, int(power)) if power in {"2", "3"} else (unit, 1)
