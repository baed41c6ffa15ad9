"""The files of the page's components, ``assets/static``, as Gradio takes them. Knows no component."""

from __future__ import annotations

from engine.paths import ASSETS


def text(name: str) -> str:
    """A file as it is."""
    return (ASSETS / "static" / name).read_text(encoding="utf-8")


def script(*names: str) -> str:
    """Scripts as one, ``dom.js`` before them: they share one scope, and run once, when the component is there."""
    return "\n".join(map(text, ("dom.js", *names)))
