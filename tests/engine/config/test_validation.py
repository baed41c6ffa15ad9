"""Every fault of a plain value becomes one sentence with the field's path, the value and a remedy."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from engine.config.validation import STRICT, Range, Texts, input_error, validate, validate_json, validated_dataclass
from store.errors import InputError


@validated_dataclass
class Server:
    name: str
    slots: Annotated[int, Field(ge=1)] = 64
    timeout: Annotated[float, Field(gt=0.0, le=600.0)] = 60.0
    stop: Texts = ()
    band: Range | None = None
    kind: Literal["vllm", "other"] = "vllm"
    trusted: bool = False

    def __post_init__(self) -> None:
        if self.trusted and self.kind == "other":
            raise InputError("trusted", True, "needs kind 'vllm'", "set kind, or leave trusted out")


class Order(BaseModel):
    model_config = STRICT

    server: Server
    names: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"slots": 0}, "solver.slots 0 is below 1; use 1 or more."),
        ({"slots": True}, "solver.slots True is not a whole number; give a whole number."),
        ({"slots": 1.5}, "solver.slots 1.5 is not a whole number; give a whole number."),
        ({"timeout": "5"}, "solver.timeout '5' is not a number; give a number."),
        ({"timeout": False}, "solver.timeout False is not a number; give a number."),
        ({"timeout": 0}, "solver.timeout 0 is not above 0; use a greater number."),
        ({"timeout": 601}, "solver.timeout 601 is above 600; use 600 or less."),
        ({"stop": "x"}, "solver.stop 'x' is not a list; give a list."),
        ({"stop": ["a", 3]}, "solver.stop[1] 3 is not text; give text."),
        ({"band": [0.5]}, "solver.band [0.5] has too few values; give all of them, as in [a, b]."),
        ({"band": [0, 1, 2]}, "solver.band [0, 1, 2] has more than 2 values; leave some out."),
        ({"kind": "vlm"}, "solver.kind 'vlm' is not known; did you mean 'vllm'?"),
        ({"kind": "x"}, "solver.kind 'x' is not known; use one of vllm, other."),
        ({"trusted": 1}, "solver.trusted 1 is not true or false; give true or false."),
        ({"trusted": True, "kind": "other"}, "solver.trusted True needs kind 'vllm'; set kind, or leave trusted out."),
        ({"timeot": 1}, "key 'solver.timeot' is not known; did you mean 'timeout'?"),
        ({"name": "x" * 999}, None),
        ({"name": ["x" * 999]}, "solver.name '['" + "x" * 198 + " ...' is not text; give text."),
    ],
)
def test_a_fault_names_the_path_the_value_and_the_remedy(values: dict[str, Any], says: str | None) -> None:
    if says is None:
        assert validate(Server, values, "solver").name == values["name"]
        return
    with pytest.raises(InputError) as error:
        validate(Server, {"name": "a", **values}, "solver")
    assert str(error.value) == says


def test_a_missing_field_and_a_typo_of_it() -> None:
    with pytest.raises(InputError, match=r"^solver.name '' is missing; add it\.$"):
        validate(Server, {}, "solver")
    with pytest.raises(InputError, match=r"^key 'solver.nam' is not known; did you mean 'name'\?$"):
        validate(Server, {"nam": "x"}, "solver")


def test_whole_numbers_become_floats_and_lists_tuples() -> None:
    server = validate(Server, {"name": "a", "timeout": 5, "stop": ["x"], "band": [0, 1]})
    assert (type(server.timeout), server.stop, server.band) == (float, ("x",), (0.0, 1.0))
    assert hash(server) == hash(replace(server, timeout=5.0))


def test_a_dataclass_that_is_made_or_changed_by_hand_is_checked_too() -> None:
    with pytest.raises(InputError, match="slots 0 is below 1"):
        replace(Server("a"), slots=0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"server": {"name": "a", "slots": 0}}', "body.server.slots 0 is below 1; use 1 or more."),
        ('{"server": {"name": "a", "slts": 0}}', "key 'body.server.slts' is not known; did you mean 'slots'?"),
        ('{"server": {"name": "a", "trusted": true, "kind": "other"}}', "body.server.trusted True needs kind 'vllm'"),
        ('{"server": {"name": "a"}, "names": ["a", null]}', "body.names[1] None is not text; give text."),
        ('{"server": 3}', "body.server 3 is not an object with named fields"),
        ("[]", "body [] is not an object with named fields"),
        ("{", "body '{' is not valid JSON; give valid JSON."),
    ],
)
def test_json_is_checked_with_the_paths_of_nested_fields(text: str, says: str) -> None:
    with pytest.raises(InputError) as error:
        validate_json(Order, text, "body")
    assert str(error.value).startswith(says)


def test_json_makes_nested_models() -> None:
    order = validate_json(Order, '{"server": {"name": "a", "stop": ["x"]}, "names": ["n"]}')
    assert order == Order(server=Server("a", stop=("x",)), names=("n",))


def test_errors_in_the_form_of_fastapi_are_said_without_a_model() -> None:
    errors = [{"type": "extra_forbidden", "loc": ("body", "x"), "msg": "Extra inputs are not permitted", "input": 1}]
    assert str(input_error(errors)) == "key 'body.x' is not known; leave it out."
    errors = [{"type": "uuid_parsing", "loc": ("id",), "msg": "Input should be a valid UUID", "input": "z", "ctx": {}}]
    assert str(input_error(errors)) == "id 'z' is not accepted (Input should be a valid UUID); correct it."
