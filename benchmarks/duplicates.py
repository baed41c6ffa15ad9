"""``duplicates``: what the duplicate stage costs at two million questions: start, resume, memory, each new question.

The questions are synthetic (``synthetic.py``): real words, no sense; one in twenty repeats another with a word or a
number changed. ``start_s``: another run has them all, and a new one begins; ``resume_s``: the run that has them all
goes on, with a few undecided. Both without models and from the workspace on the disk. Set against hashing the texts
anew, as earlier versions did at every start, on a sample in the same process and scaled to all.
"""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks import synthetic
from engine.config.run_config import RunConfig, load_run_config
from engine.duplicates.signature import features, jaccard, signature
from engine.pipeline import stored_index
from engine.stages.duplicate import Index
from store.database import ids, resume
from store.database.workspace import Workspace
from store.records import STAGES, ErrorRow, Question, Run, question_id

ROWS = 2_000_000
GOALS = {
    "start_s": "s until a new run has the index of another run's questions; goal <= 90",
    "resume_s": "s until a run that resumes has its index, counts and undecided questions, and wrote a row; goal <= 90",
    "hash_anew_s": "s to hash the texts anew instead, from a sample of the same run",
    "index_mb": "MB of the index's arrays; goal <= 1500",
    "cpu_ms_per_question": "CPU ms to sign and judge one more question among all these",
    "crowded_cpu_ms": "the same for questions of one wording pattern of which the index has very many",
    "crowded_small_cpu_ms": "the same where the index has a tenth of them: a query must not grow with their number",
    "crowded_missed": "share of near-duplicates among crowded wordings that checking the oldest 64 alone does not find",
    "first_s": "s to make and store all signatures, once, for a workspace without them",
    "rows": "questions",
}
_RUN, _CHUNK, _UNDECIDED = "made", 50_000, 200
_SAMPLE, _NEW, _CROWD, _CROWD_NEW = 10_000, 2_000, 20_000, 200


def measure(rows: int = ROWS) -> dict[str, float]:
    """The figures by name."""
    config = load_run_config("nano", questions=rows)
    with tempfile.TemporaryDirectory() as folder:
        with Workspace.open(Path(folder) / "w") as workspace:
            _fill(workspace, rows)
            began = time.perf_counter()
            stored_index.read(workspace, Index(), _RUN, judged=True)
            found = {"first_s": time.perf_counter() - began}
        with Workspace.open(Path(folder) / "w") as workspace:
            found |= _timed(workspace, config)
            found["hash_anew_s"] = _anew(workspace, rows)
    return {key: round(float(found[key]), 4) for key in GOALS if key in found} | _crowded() | {"rows": rows}


def _timed(workspace: Workspace, config: RunConfig) -> dict[str, float]:
    began = time.perf_counter()
    earlier = stored_index.load(workspace, "new", config)
    start = time.perf_counter() - began
    assert earlier.others is not None
    del earlier
    began = time.perf_counter()
    earlier = stored_index.load(workspace, _RUN, config)
    with workspace.cursor() as cursor:
        undecided = list(resume.undecided(cursor, _RUN))
    workspace.writer.put([ErrorRow(_RUN, 0, "pair", "a first row, for which the writer reads what is stored")])
    workspace.writer.flush()
    again = time.perf_counter() - began
    if len(undecided) != min(_UNDECIDED, earlier.decided.count) or not earlier.index.size:
        raise RuntimeError(f"{len(undecided)} undecided, {earlier.index.size} indexed")
    texts = _texts(_NEW, np.random.default_rng(2))
    return {
        "start_s": start,
        "resume_s": again,
        "index_mb": earlier.index.nbytes / 1e6,
        "cpu_ms_per_question": _judged(earlier.index, texts),
    }


def _judged(index: Index, texts: list[str]) -> float:
    """CPU ms a question."""
    began = time.process_time()
    for place, text in enumerate(texts):
        index.judge(_question("more", place, text))
    return 1e3 * (time.process_time() - began) / len(texts)


def _anew(workspace: Workspace, rows: int) -> float:
    """Seconds to read and hash the texts of all questions, by a sample of them."""
    some = min(_SAMPLE, rows)
    index = Index()
    began = time.perf_counter()
    with workspace.cursor() as cursor:
        texts = cursor.execute("SELECT q, text FROM question_text ORDER BY q LIMIT ?", [some]).fetchall()
    for place, (_, text) in enumerate(texts):
        index.remember(_question(_RUN, place, text))
    return (time.perf_counter() - began) * rows / some


def _crowded() -> dict[str, float]:
    """What a neighbourhood of one template costs, by its size, and what checking the oldest 64 alone misses."""
    luck = random.Random(3)
    crowd, more = [_templated(luck) for _ in range(_CROWD)], [_templated(luck) for _ in range(_CROWD_NEW)]
    found: dict[str, float] = {}
    for name, size in (("crowded_small_cpu_ms", _CROWD // 10), ("crowded_cpu_ms", _CROWD)):
        index = Index(mark_only=True)
        for place, text in enumerate(crowd[:size]):
            index.remember(_question(_RUN, place, text))
        found[name] = round(_judged(index, more), 4)
    index = Index(mark_only=True)
    for place, text in enumerate(crowd):
        index.remember(_question(_RUN, place, text))
    known = [features(np.frombuffer(signature(text).words, np.uint32).tolist()) for text in crowd]
    near = missed = 0
    for place, text in enumerate(more):
        own = features(np.frombuffer(signature(text).words, np.uint32).tolist())
        if any(jaccard(own, other) >= 0.8 for other in known):
            near += 1
            missed += not index.compare(_question("more", place, text), signature(text))[1]
    return found | {"crowded_missed": round(missed / max(near, 1), 4)}


_NAMES = tuple(f"{first}{last}" for first in ("Al", "Be", "Ca", "Do", "El", "Fa") for last in ("na", "ro", "mi", "ta"))
_THINGS = ("apples", "books", "cards", "coins", "stamps", "pens", "shells", "cups", "ropes", "lamps", "maps", "keys")


def _templated(luck: random.Random) -> str:
    """One template, three slots of words and three of numbers."""
    name, other, thing = luck.choice(_NAMES), luck.choice(_NAMES), luck.choice(_THINGS)
    box = luck.choice(_THINGS)
    a, b, c = (luck.randrange(2, 900) for _ in range(3))
    return (
        f"{name} has {a} {thing} and gives {b} of them to {other}, who had none before. Then {name} puts what is left "
        f"in boxes of {c} each, next to the {box}. How many boxes of {thing} are full in the end?"
    )


def _question(run: str, idx: int, text: str) -> Question:
    return Question(question_id(run, idx), run, idx, text, "g", "t", {}, 0, 1, "stop")


def _texts(count: int, chance: np.random.Generator) -> list[str]:
    """Questions of 25 to 60 words; one in twenty is another one with one word changed."""
    texts: list[str] = synthetic.sentences(count, chance, 25, 61).to_pylist()
    for place in np.flatnonzero(chance.random(count) < 0.05).tolist():
        words = texts[place // 2].split(" ")
        words[int(chance.integers(len(words)))] = "seven"
        texts[place] = " ".join(words)
    return texts


def _fill(workspace: Workspace, rows: int) -> None:
    """One interrupted run of so many questions, without solutions; the last few are undecided."""
    chance = np.random.default_rng(0)
    run = Run(_RUN, "made", "generate", load_run_config("nano", questions=rows).to_json(), "-", 0, "interrupted")
    workspace.create_run(run)
    for first in range(0, rows, _CHUNK):
        texts = _texts(min(_CHUNK, rows - first), chance)
        idx = np.arange(first, first + len(texts))
        until = np.where(idx >= rows - _UNDECIDED, STAGES.index("contamination"), len(STAGES))
        workspace.writer.call(lambda cursor, a=(idx, texts, until): _store(cursor, *a))  # type: ignore[misc]
    workspace.writer.call(lambda _: workspace.writer.forget_run(_RUN))


def _store(cursor: Any, idx: Any, texts: list[str], until: Any) -> None:
    q = ids.key(ids.numbered(cursor, _RUN), 0) + idx
    names = pa.array([question_id(_RUN, place) for place in idx.tolist()])
    base = pa.table({"question_id": names, "q": q, "idx": idx, "text": pa.array(texts), "until": until})
    cursor.register("made", base)
    key = f"question_id, '{_RUN}' AS run_id, q, now()::TIMESTAMP AS created_at"
    cursor.execute(f"""
        INSERT INTO question_rows BY NAME SELECT {key}, idx, 'g' AS generator, 't' AS template_id, '{{}}' AS params,
            0 AS seed, 60 AS tokens, 'stop' AS finish_reason, 0 AS seconds, length(text) AS chars FROM made""")
    cursor.execute(f"""
        INSERT INTO question_text BY NAME
        SELECT * EXCLUDE (created_at) FROM (SELECT {key}, text, '{{}}' AS extra FROM made)""")
    stages = ", ".join(f"({place}, '{stage}')" for place, stage in enumerate(STAGES))
    cursor.execute(f"""
        INSERT INTO verdict_rows BY NAME SELECT {key}, stage, 'made' AS judge, true AS kept, 1.0 AS score, 0 AS tokens,
            0 AS seconds FROM made, (VALUES {stages}) s(place, stage) WHERE place < until ORDER BY q, place""")
    cursor.unregister("made")
