"""The lists of profiles in the page, updated when their tab is opened and when a model is registered in another tab."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ProfileDropdown:
    """A tab's list of profiles; ``call`` updates it: a function from the values of ``inputs`` to ``outputs``."""

    call: Callable[..., Any]
    inputs: Sequence[Any]
    outputs: Sequence[Any]

    def update_after(self, event: Callable[..., Any]) -> None:
        """Update the list after this event (``button.click``, ``tab.select``, ...)."""
        event(self.call, list(self.inputs), list(self.outputs), show_progress="hidden")
