"""What stands under a question's story: the questions nearest to it by the map's vectors, as Markdown.

Every text is inert. Computed after the story is shown, which does not wait for it. Knows neither SQL nor models.
"""

from __future__ import annotations

from engine.embedding.role import stored
from store.database.sources import Source
from store.errors import ScaleQuestError
from store.explore import query
from store.frame.cache import Frames
from store.map import files, neighbours
from ui.tabs.explore.labels import NONE
from ui.tabs.explore.overlaps import linked
from ui.web.escape import inert

_CUT = 200
"""Characters of a neighbour."""


def markdown(source: Source, frames: Frames, row: str) -> str:
    """The nearest questions, nearest first; nothing where there is no map."""
    try:
        map_ = files.current_map(source)
        if map_ is None or not map_.meta.count:
            return ""
        frame = frames.of(source)
        found = neighbours.nearest(source, frame, map_, row)
        if found is None:
            return "### Semantic neighbours\n\nThis question is not on the map yet; the map's button adds it."
        rows = query.rows_at(source, frame, [one.position for one in found])
    except ScaleQuestError as error:
        return f"### Semantic neighbours\n\nThey cannot be told. {inert(str(error))}"
    nature = inert(stored(map_.meta.embedder).description)
    parts = ["### Semantic neighbours", f"{nature} 1.00 is the same to it, 0 is unlike."]
    for one, its in zip(found, rows, strict=True):
        text = " ".join((its.query or "(no text)").split())
        cut = text if len(text) <= _CUT else text[:_CUT] + "…"
        topic = inert(its.topic or NONE["topic"])
        parts.append(f"**{one.similarity:.2f}** {linked(its.question_id)}, {topic}: {inert(cut)}")
    return "\n\n".join(parts)
