"""The questions nearest to one by the map's vectors, as Markdown below its story. Computed after the story is shown."""

from engine.embedding.role import stored
from store.database.sources import Source
from store.errors import ScaleQuestError
from store.explore import query
from store.frame.cache import Frames
from store.map import files, neighbours
from ui.tabs.explore.labels import NONE
from ui.tabs.explore.overlaps import linked
from ui.web.escape import inert, shorten

_LONGEST = 200  # characters of a neighbour


def markdown(source: Source, frames: Frames, row: str) -> str:
    """The nearest questions, nearest first; empty where there is no map."""
    try:
        map_ = files.current_map(source)
        if map_ is None or not map_.meta.count:
            return ""
        frame = frames.of(source)
        found = neighbours.nearest(source, frame, map_, row)
        if found is None:
            return "### Similar questions\n\nThis question is not on the map yet. Add it with the button below the map."
        rows = query.rows_at(source, frame, [one.position for one in found])
    except ScaleQuestError as error:
        return f"### Similar questions\n\nThey cannot be found. {inert(str(error))}"
    nature = inert(stored(map_.meta.embedder).description)
    parts = ["### Similar questions", f"{nature} 1.00 is the same, 0 is unrelated."]
    for one, its in zip(found, rows, strict=True):
        text = shorten(" ".join((its.query or "(no text)").split()), _LONGEST)
        topic = inert(its.topic or NONE["topic"])
        parts.append(f"**{one.similarity:.2f}** {linked(its.question_id)}, {topic}: {inert(text)}")
    return "\n\n".join(parts)
