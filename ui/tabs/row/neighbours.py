"""The questions nearest to one by the map's vectors. Computed after its story is shown."""

from engine.embedding.role import stored
from store.database.sources import Source
from store.errors import ScaleQuestError
from store.explore import query
from store.frame.cache import Frames
from store.map import files, neighbours
from ui.tabs.explore.labels import NONE
from ui.web.escape import shorten, visible
from ui.web.requests import Reply

_LONGEST = 200  # characters of a neighbour


def view(source: Source, frames: Frames, row: str) -> Reply:
    """The nearest questions, nearest first; empty where there is no map."""
    try:
        map_ = files.current_map(source)
        if map_ is None or not map_.meta.count:
            return {}
        frame = frames.of(source)
        found = neighbours.nearest(source, frame, map_, row)
        if found is None:
            return {"about": "This question is not on the map yet. Add it with the button on the map.", "rows": []}
        rows = query.rows_at(source, frame, [one.position for one in found])
    except ScaleQuestError as error:
        return {"about": f"They cannot be found. {visible(str(error))}", "rows": []}
    about = f"{visible(stored(map_.meta.embedder).description)} 1.00 is the same, 0 is unrelated."
    return {
        "about": about,
        "rows": [
            {
                "id": its.question_id,
                "similarity": f"{one.similarity:.2f}",
                "topic": visible(its.topic or NONE["topic"]),
                "text": visible(shorten(its.query or "(no text)", _LONGEST)),
            }
            for one, its in zip(found, rows, strict=True)
        ],
    }
