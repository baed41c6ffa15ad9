"""Requests from the scripts of the page: pydantic models, and server functions that answer a bad one with a sentence.

Each tab declares its own models. Fields that a model does not know are ignored, and null means absent.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, Any, NamedTuple, TypeVar

import gradio as gr
from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError, model_validator

from engine.config.validation import input_error
from store.errors import InputError, ScaleQuestError
from store.filters.filter import Filter
from store.review.payloads import reviewer_name
from ui.web import login
from ui.web.errors import unexpected
from ui.web.escape import shorten, visible

LONGEST_TEXT = 100_000
"""Characters of a text in a request; the scripts of the page send none that are longer."""
ANONYMOUS = "anonymous"
"""The reviewer of what was kept before a name was given."""
LONGEST_ERROR = 500
"""Characters of an error's sentence in a reply."""

Reply = dict[str, Any]
Text = Annotated[str, Field(max_length=LONGEST_TEXT)]


class Request(BaseModel):
    """What a script of the page sends to a server function."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:
        return {name: value for name, value in data.items() if value is not None} if isinstance(data, dict) else data


class ReviewerRequest(Request):
    """A request of the Curate tab, made under a name."""

    reviewer: Text = ""
    login: str = ""
    """The name that the browser has logged in with: it replaces ``reviewer``. Set by the server alone."""

    @property
    def name_or_none(self) -> str | None:
        given = self.login or self.reviewer
        return reviewer_name(given) if given.strip() else None

    @property
    def name_or_anonymous(self) -> str:
        """The name of a decision that is made outside of Curate: the same as there, where one is known."""
        return self.name_or_none or ANONYMOUS

    @property
    def decided_by(self) -> str:
        """The name that decisions are stored under. InputError where none was given."""
        if (name := self.name_or_none) is None:
            raise InputError(
                "reviewer", "", "is empty", "enter your name at the top of the tab: each decision is stored with one"
            )
        return name


def _filter(given: Any) -> Filter:
    if given == "":
        return Filter()
    if isinstance(given, str) and len(given) > LONGEST_TEXT:
        raise InputError("filter", f"{len(given):,} characters", "is too long", f"use at most {LONGEST_TEXT:,}")
    return Filter.from_json(given)


class AddressFilter(NamedTuple):
    """The filter in the page's address. ``refused``: why it, or a part of it, was left out."""

    filter: Filter = Filter()
    refused: str | None = None


def _address_filter(given: Any) -> AddressFilter:
    """Without a search that is only half typed, which leaves the other conditions as they are."""
    try:
        return AddressFilter(_filter(given))
    except InputError as error:
        problem = shorten(str(error), 300)
        if isinstance(given, dict) and error.field in ("filter.words", "filter.regex"):
            rest = {name: value for name, value in given.items() if name not in ("words", "regex")}
            with suppress(InputError):
                return AddressFilter(Filter.from_json(rest), f"The search was left out. {problem}")
        return AddressFilter(refused=f"The filter in the address was left out. {problem}")


FilterField = Annotated[Filter, PlainValidator(_filter)]
"""A filter, as JSON text or as an object; InputError where it is neither."""
AddressFilterField = Annotated[AddressFilter, PlainValidator(_address_filter)]
"""A filter that is left out, with a sentence, where it is not valid."""

_R = TypeVar("_R", bound=Request)


def parse(model: type[_R], data: Any) -> _R:
    """A request as its model. InputError names the field that is wrong."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        cause = errors[0].get("ctx", {}).get("error")
        raise cause if isinstance(cause, InputError) else input_error(errors, model, "request") from None


def server_function(
    name: str, model: type[_R], answer: Callable[[_R], Reply | None]
) -> Callable[[Any, gr.Request], Reply]:
    """A server function of a component, called ``name`` in its script; errors become ``{"error": sentence}``."""

    def function(data: Any, request: gr.Request) -> Reply:
        try:
            if issubclass(model, ReviewerRequest) and isinstance(data, dict):
                data = data | {"login": login.username(request)}
            return answer(parse(model, data)) or {}
        except ScaleQuestError as error:
            return {"error": visible(shorten(str(error), LONGEST_ERROR))}
        except Exception as error:  # noqa: BLE001  the server's edge: the page shows it, the log has the traceback
            return {"error": visible(unexpected(error))}

    function.__name__ = name
    return function
