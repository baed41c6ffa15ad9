"""How many questions of a selection have near-duplicates, and how many overlap a benchmark."""

import numpy as np

from store.frame.frame import Selection


def counts(selection: Selection) -> dict[str, dict[bool | None, int]]:
    """By the name of the condition, which each count ignores: ``near_duplicates`` and ``contaminated``."""
    return {"near_duplicates": _repeated(selection), "contaminated": _contaminated(selection)}


def _repeated(selection: Selection) -> dict[bool | None, int]:
    """Questions with and without near-duplicates."""
    rows = selection.but("near_duplicates")
    repeated = int(np.count_nonzero(rows & (selection.frame.numbers["near_duplicates"] > 0)))
    return {True: repeated, False: int(np.count_nonzero(rows)) - repeated}


def _contaminated(selection: Selection) -> dict[bool | None, int]:
    """Questions that were found in a benchmark, that were not, and that nobody looked for."""
    counted: dict[bool | None, int] = dict.fromkeys((True, False, None), 0)
    frame = selection.frame
    counts = frame.counts(selection.but("contaminated"), ["stage_path"])["stage_path"]
    for path, count in zip(frame.stage_paths, counts, strict=False):
        kept = path.kept_at("contamination")
        counted[None if kept is None else not kept] += count
    return counted
