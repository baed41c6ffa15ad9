"""Explore's questions by topic, level, generator, run or status, as the page draws them."""

from dataclasses import asdict
from typing import Any

from store.explore.groups import Group, groups
from store.frame.frame import Selection
from ui.tabs.explore import labels
from ui.web.escape import visible


def group_table(selection: Selection, by: str, runs: dict[str, str]) -> dict[str, Any]:
    """The groups, largest first. ``runs``: names by id."""
    return {"by": by, "rows": [_row(by, group, runs) for group in groups(selection, by)]}


def _row(by: str, group: Group, runs: dict[str, str]) -> dict[str, Any]:
    means = {name: None if mean is None else asdict(mean) for name, mean in group.means.items()}
    text = visible(labels.value_text(by, group.value, runs))
    return {"value": group.value, "text": text, "count": group.count, "share": group.share, "means": means}
