"""The saved views above Explore: choose one, keep the present filter as one, rename, copy, delete and undo.

One component draws itself in the browser (``assets/static/views.js``); all that a person wrote is set there as text.
It meets Explore in the page's address alone: it reads the filter there, and asks for another by an event.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from store.database.sources import SourceSelector
from store.errors import InputError, ScaleQuestError, StoreError
from store.filters import saved_views
from store.filters.filter import Filter
from ui.web import assets
from ui.web.escape import visible

_LONGEST = 100_000
"""Characters of a filter in a request: longer ones come from no page of ours."""


def control(sources: SourceSelector) -> None:
    """Draws the line into the open blocks."""
    folder = sources.workspace.path

    def views_look(_asked: Any) -> dict[str, Any]:
        return _told(folder)

    def views_keep(asked: Any) -> dict[str, Any]:
        return _told(folder, lambda: keep(sources, _text(asked, "name"), read(_field(asked, "filter"))))

    def views_rename(asked: Any) -> dict[str, Any]:
        return _told(folder, lambda: saved_views.rename(folder, _text(asked, "old"), _text(asked, "name")))

    def views_delete(asked: Any) -> dict[str, Any]:
        def delete() -> str:
            saved_views.delete(folder, name := _text(asked, "name"))
            return name

        return _told(folder, delete)

    gr.HTML(
        "",
        html_template=assets.text("views.html"),
        css_template=assets.text("views.css"),
        js_on_load=assets.script("views.js"),
        server_functions=[views_look, views_keep, views_rename, views_delete],
        apply_default_css=False,
        elem_id="views",
        longest=saved_views.LONGEST,
    )


def keep(sources: SourceSelector, name: str, asked: Filter) -> str:
    """Save a view; gives its name. StoreError while the page shows the demo, which keeps none."""
    if sources.shows_demo:
        raise StoreError("The demo can be explored but keeps no view; views are kept once the workspace has a run.")
    return saved_views.save(sources.workspace.path, name, asked)


def read(given: Any) -> Filter:
    """The filter in a request; empty without a condition. InputError where it is none."""
    if given is None or given == "":
        return Filter()
    if isinstance(given, str) and len(given) > _LONGEST:
        raise InputError("filter", f"{len(given):,} characters", "is too long", "ask for less")
    return Filter.from_json(given)


def _told(folder: Path, change: Callable[[], str] | None = None) -> dict[str, Any]:
    """The views after a change, and the name it was made to; or why it was not made."""
    try:
        name = change() if change is not None else None
        views = [_view(name, asked) for name, asked in saved_views.views(folder).items()]
    except ScaleQuestError as error:
        return {"error": visible(str(error)[:500])}
    return {"views": views, "name": name}


def _view(name: str, asked: Filter) -> dict[str, str]:
    # the filter goes as ASCII: its texts may hold what UTF-8 cannot
    return {"name": name, "text": visible(name), "filter": json.dumps(asked.to_dict())}


def _field(asked: Any, name: str) -> Any:
    return asked.get(name) if isinstance(asked, dict) else None


def _text(asked: Any, name: str) -> str:
    value = _field(asked, name)
    if not isinstance(value, str):
        raise InputError("request", name, "is not a text", "reload the page")
    return value
