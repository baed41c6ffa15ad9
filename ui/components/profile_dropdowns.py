"""The lists of profiles in the page, kept up to date: what one tab registers, the others offer.

A tab says how its own list is brought up to date; the page asks for it whenever that tab is shown and after something
was registered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Offered:
    """What brings a tab's list of profiles up to date: a function from the values of ``inputs`` to ``outputs``."""

    call: Callable[..., Any]
    inputs: Sequence[Any]
    outputs: Sequence[Any]

    def after(self, event: Callable[..., Any]) -> None:
        """Bring it up to date after this event (``button.click``, ``tab.select``, ...)."""
        event(self.call, list(self.inputs), list(self.outputs), show_progress="hidden")
