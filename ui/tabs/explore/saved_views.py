"""The saved views above Explore: choose one, save the current filter as one, rename, copy, delete and undo.

One component draws itself in the browser (``assets/static/views``). It shares only the page's address with Explore:
it reads the filter there, and asks for another by an event.
"""

import json
from functools import partial
from pathlib import Path

import gradio as gr

from store.database.sources import SourceSelector
from store.filters import saved_views
from store.filters.filter import Filter
from ui.web import assets
from ui.web.escape import visible
from ui.web.requests import FilterField, Reply, Request, Text, server_function


class ViewRequest(Request):
    name: Text


class SaveRequest(ViewRequest):
    filter: FilterField = Filter()


class RenameRequest(ViewRequest):
    old: Text


def control(sources: SourceSelector) -> None:
    folder = sources.workspace.path
    gr.HTML(
        "",
        **assets.component("views"),
        server_functions=[
            server_function("views_look", Request, lambda _: _views(folder)),
            server_function("views_keep", SaveRequest, lambda r: _views(folder, save(sources, r.name, r.filter))),
            server_function(
                "views_rename", RenameRequest, lambda r: _views(folder, saved_views.rename(folder, r.old, r.name))
            ),
            server_function("views_delete", ViewRequest, partial(_delete, folder)),
        ],
        apply_default_css=False,
        elem_id="views",
        longest=saved_views.LONGEST,
    )


def save(sources: SourceSelector, name: str, filter: Filter) -> str:
    """Save a view; returns its name. What the view is of becomes a part of the workspace."""
    sources.keep_shown()
    return saved_views.save(sources.workspace.path, name, filter)


def _delete(folder: Path, request: ViewRequest) -> Reply:
    saved_views.delete(folder, request.name)
    return _views(folder, request.name)


def _views(folder: Path, name: str | None = None) -> Reply:
    """All views, and the name that was changed."""
    # filters go as ASCII: their texts may hold what UTF-8 cannot
    views = [
        {"name": name, "text": visible(name), "filter": json.dumps(view.to_dict())}
        for name, view in saved_views.views(folder).items()
    ]
    return {"views": views, "name": name}
