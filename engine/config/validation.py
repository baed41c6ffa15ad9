"""Checks plain values (TOML, JSON, form fields, API bodies) by pydantic, and says a fault in one sentence.

``validate`` makes a pydantic model or a ``validated_dataclass`` from plain values. Whatever pydantic finds becomes one
``InputError`` with the path of the field as the file writes it (``solver.temperature``), the value and a remedy.
"""

import difflib
import functools
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, TypeVar, dataclass_transform

import pydantic.dataclasses
from pydantic import BaseModel, ConfigDict, Strict, ValidationError

from store.errors import InputError

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
_CHECKED = ConfigDict(extra="forbid", strict=True)
STRICT = ConfigDict(extra="forbid", strict=True, frozen=True)
"""True is not a number, a text is not parsed, an unknown key is refused; a whole number may become a float."""
Texts = Annotated[tuple[str, ...], Strict(False)]
"""Strings, given as a list or a tuple."""
Range = Annotated[tuple[float, float], Strict(False)]
"""Two numbers, given as a list or a tuple."""
_SHOWN = 200
"""Characters of a value that a sentence quotes at most."""


@dataclass_transform(frozen_default=True)
def validated_dataclass(cls: type[T]) -> type[T]:
    """A frozen dataclass that pydantic checks each time one is made, ``replace`` included; a fault is an InputError.

    ``__post_init__`` may raise InputError for what concerns several fields.
    """
    made: type[Any] = pydantic.dataclasses.dataclass(frozen=True, slots=True, config=_CHECKED)(cls)
    initialise = made.__init__

    @functools.wraps(initialise)
    def checked(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            initialise(self, *args, **kwargs)
        except ValidationError as error:
            raise input_error(error.errors(), made) from None

    made.__init__ = checked
    return made


def validate(model: type[T], values: Mapping[str, Any], where: str = "") -> T:
    """A pydantic model or validated dataclass from plain values.

    ``where`` is the path of ``values`` in its file, as in ``solver``. InputError names the first fault.
    """
    try:
        return model(**values)
    except ValidationError as error:
        raise input_error(error.errors(), model, where) from None
    except InputError as error:
        raise _within(where, error) from None


def validate_json(model: type[M], text: str | bytes, where: str = "") -> M:
    """A pydantic model from JSON, whose lists strict models take as tuples. InputError as ``validate``."""
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise input_error(error.errors(), model, where) from None


def input_error(errors: Sequence[Any], model: type[Any] | None = None, where: str = "") -> InputError:
    """The most telling of pydantic's ``errors()`` (FastAPI's have the same form) as one sentence.

    ``model`` is what was validated, for "did you mean"; ``where`` is put before the field's path.
    """
    error = min(errors, key=lambda error: error["type"] not in _UNKNOWN_KEY)  # a typo explains the missing field
    kind, place, context = error["type"], list(error["loc"]), error.get("ctx", {})
    value = error["input"]
    if len(repr(value)) > _SHOWN:
        value = f"{str(value)[:_SHOWN]} ..."
    if kind in _UNKNOWN_KEY:
        problem, remedy = "is not known", suggestion(str(place[-1]), _fields(model, place[:-1])) or "leave it out"
        return InputError("key", _path(where, place), problem, remedy)
    if isinstance(cause := context.get("error"), InputError):
        return _within(_path(where, place), cause)
    if kind == "missing" and place and isinstance(place[-1], int):
        place, kind = place[:-1], "too_short"
    return InputError(_path(where, place) or "value", "" if kind == "missing" else value, *_said(kind, error, context))


def unknown_key(key: str, known: Iterable[str], where: str = "") -> InputError:
    """A key that is none of ``known``, with the likeliest of them."""
    return InputError("key", _path(where, [key]), "is not known", suggestion(key, known) or "leave it out")


def suggestion(given: str, known: Iterable[str]) -> str:
    """``did you mean 'x'?``, else the list of what is known; empty where nothing is."""
    known = list(known)
    near = difflib.get_close_matches(given, known, n=1, cutoff=0.5)
    return f"did you mean '{near[0]}'?" if near else f"use one of {', '.join(known)}" if known else ""


_UNKNOWN_KEY = ("extra_forbidden", "unexpected_keyword_argument")
_OBJECT = "an object with named fields"
_TYPES = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": _OBJECT,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "dataclass_type": _OBJECT,
    "json_invalid": "valid JSON",
}


def _said(kind: str, error: Mapping[str, Any], context: Mapping[str, Any]) -> tuple[str, str]:
    """The predicate and the remedy of a pydantic error type."""
    if kind in _TYPES:
        return f"is not {_TYPES[kind]}", f"give {_TYPES[kind]}"
    match kind:
        case "missing":
            return "is missing", "add it"
        case "greater_than_equal":
            return f"is below {context['ge']:g}", f"use {context['ge']:g} or more"
        case "greater_than":
            return f"is not above {context['gt']:g}", "use a greater number"
        case "less_than_equal":
            return f"is above {context['le']:g}", f"use {context['le']:g} or less"
        case "less_than":
            return f"is not below {context['lt']:g}", "use a smaller number"
        case "literal_error" | "enum":
            known = [one.strip("'") for one in context["expected"].replace(" or ", ", ").split(", ")]
            return "is not known", suggestion(str(error["input"]), known)
        case "too_short":
            return "has too few values", "give all of them, as in [a, b]"
        case "too_long":
            return f"has more than {context['max_length']} values", "leave some out"
    return f"is not accepted ({str(error['msg']).removeprefix('Value error, ')})", "correct it"


def _within(where: str, error: InputError) -> InputError:
    """The error of a field of what is at ``where``."""
    field, value = error.field, error.value
    if field == "key":
        value = _path(where, [str(value)])
    else:
        field = _path(where, [field])
    return InputError(field, value, error.problem, error.remedy)


def _path(where: str, place: Iterable[object]) -> str:
    """``solver.urls[0]``."""
    path = where
    for part in place:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path


def _fields(model: type[Any] | None, place: Iterable[object]) -> list[str]:
    """The names that are known at this place of the model."""
    for part in place:
        if isinstance(part, str) and model is not None:
            field = model.__pydantic_fields__.get(part)
            model = _model_in(field.annotation) if field is not None else None
    if model is None:
        return []
    return [field.alias or name for name, field in model.__pydantic_fields__.items()]


def _model_in(annotation: Any) -> type[Any] | None:
    if hasattr(annotation, "__pydantic_fields__"):
        return typing.cast(type[Any], annotation)
    return next((found for part in typing.get_args(annotation) if (found := _model_in(part)) is not None), None)
