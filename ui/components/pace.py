"""How often an open tab looks at its jobs: each second while one is active, rarely otherwise.

A look costs the app and the browser some 30 ms of processor time, which an idle page should not spend each second.
"""

import gradio as gr

BUSY, IDLE = 1.0, 10.0
"""Seconds between two looks."""


def timer() -> gr.Timer:
    """A timer that the page turns on while its tab is in front."""
    return gr.Timer(BUSY, active=False)


def pace(busy: bool) -> gr.Timer:
    """An update of the timer: after a start, and after each look."""
    return gr.Timer(BUSY if busy else IDLE)


def hurry() -> gr.Timer:
    """An update of the timer after something was started."""
    return pace(True)
