"""``scalequest import``: a file or data set becomes a run; a workspace, snapshot or backup is merged."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from store.errors import InputError
from store.transfer.attach import is_database
from ui.cli.job import run_or_follow

if TYPE_CHECKING:
    from engine.imports.job import Preview


def import_(options: Namespace) -> int:
    from engine.imports import job
    from engine.job_requests import ImportRequest

    request = ImportRequest(
        source=options.source,
        mapping=_mapping(options.map),
        name=options.name or "",
        scored=not options.no_score,
        group=options.group,
        drop_languages=options.drop_languages,
    )
    if is_database(request.source):
        request.check_input(options.workspace)
    else:
        preview = job.preview(request.source, request.mapping, group=request.group)
        if not options.json:
            print(_summary(request.source, preview), file=sys.stderr)
    return run_or_follow(options, request, create=True)


def _mapping(given: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in given:
        field, equals, column = one.partition("=")
        if not (equals and field and column):
            raise InputError("--map", one, "is not FIELD=COLUMN", "write e.g. --map query=problem")
        found[field.strip()] = column.strip()
    return found


def _summary(source: str, preview: Preview) -> str:
    """Which columns are read as what, which ones are kept in ``extra``, and what cannot be read."""
    from engine.imports.mapping import used_columns

    used = used_columns(preview.mapping, preview.columns)
    rest = [column for column in preview.columns if column not in used]
    extra = f"; kept in extra: {', '.join(rest[:12])}{' ...' if len(rest) > 12 else ''}" if rest else ""
    line = f"{source}: {preview.mapping.words}{extra} (--map FIELD=COLUMN changes this)"
    return "\n".join([line, *preview.remarks])
