"""What a user asks for and cannot have, as one sentence in the corner of the page."""

from collections.abc import Callable
from typing import TypeVar

import gradio as gr

from store.errors import ScaleQuestError
from ui.web.escape import inert

_T = TypeVar("_T")


def attempt(action: Callable[[], _T]) -> _T:
    """The action's result; a ScaleQuestError becomes a ``gr.Error`` with its sentence."""
    try:
        return action()
    except ScaleQuestError as error:
        raise gr.Error(inert(str(error)), print_exception=False) from error
