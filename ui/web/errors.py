"""Errors as one sentence in the corner of the page: what a user cannot have, and what nobody expected."""

import sys
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

import gradio as gr

from store.errors import ScaleQuestError
from ui.web.escape import sentence, shorten

_T = TypeVar("_T")
_LONGEST = 300
"""Characters of an unexpected error's own words."""


def attempt(action: Callable[[], _T]) -> _T:
    """The action's result; a ScaleQuestError becomes a ``gr.Error`` with its sentence."""
    try:
        return action()
    except ScaleQuestError as error:
        raise gr.Error(sentence(str(error)), print_exception=False) from error


def unexpected(error: Exception) -> str:
    """The sentence for an error that nobody expected; its traceback goes to the log."""
    print("".join(traceback.format_exception(error)), end="", file=sys.stderr, flush=True)
    words = shorten(" ".join(str(error).split()), _LONGEST)
    return f"Unexpected error: {type(error).__name__}{f': {words}' if words else ''}. See the log."


def show_all(blocks: gr.Blocks) -> None:
    """Let every event of these blocks end in a sentence, whatever its function raises."""
    call = blocks.call_function

    async def call_function(*args: Any, **kwargs: Any) -> Any:
        try:
            return await call(*args, **kwargs)
        except (gr.Error, StopAsyncIteration):
            raise
        except ScaleQuestError as error:
            raise gr.Error(sentence(str(error)), print_exception=False) from error
        except Exception as error:
            raise gr.Error(sentence(unexpected(error)), print_exception=False) from error

    blocks.call_function = call_function  # type: ignore[method-assign]
