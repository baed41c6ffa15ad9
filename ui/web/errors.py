"""What a user asks for and cannot have: one sentence in the corner of the page, never a traceback."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import gradio as gr

from store.errors import ScaleQuestError
from ui.web.escape import inert

_T = TypeVar("_T")


def asked(action: Callable[[], _T]) -> _T:
    """The action's answer; what it refuses as ``gr.Error``, with the sentence that it says."""
    try:
        return action()
    except ScaleQuestError as error:
        raise gr.Error(inert(str(error)), print_exception=False) from error
