"""``duplicates``: what the duplicate stage costs at two million questions: start, resume, memory, each new question.

``start_s``: another run has them all, and a new one begins; ``resume_s``: the run that has them all goes on, with a few
undecided. Both without models and from the workspace on the disk, each as seconds and as CPU seconds, which say more
where the machine does other things too. Set against hashing the texts anew, as earlier versions did at every start, on
a sample in the same process and scaled to all.

The first questions get their signatures from their texts, which are real words without sense. The signatures of the
rest are drawn: hashes are as good as random, so the index is filled in the same way. One in twenty shares its wording,
and one in twenty some bands, with another.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks import synthetic
from engine.config.run_config import RunConfig, load_run_config
from engine.duplicates.signature import BANDS, METHOD, features, jaccard, signature
from engine.pipeline import stored_index
from engine.pipeline.stored_index import Earlier
from engine.stages.duplicate import Index
from store.database import arrow, ids, resume
from store.database.workspace import Workspace
from store.records import STAGES, ErrorRow, Question, Run, Verdict, question_id

ROWS = 2_000_000
GOALS = {
    "start_s": "s until a new run has the index of another run's questions; goal <= 90",
    "start_cpu_s": "CPU s of that",
    "resume_s": "s until a run that resumes has its index, counts and undecided questions, and wrote a row; goal <= 90",
    "resume_cpu_s": "CPU s of that",
    "hash_anew_s": "s to hash all texts again instead, scaled from a sample; baseline of start and resume",
    "hash_anew_cpu_s": "CPU s of that",
    "index_mb": "MB of the index's arrays; goal <= 1500",
    "cpu_ms_per_question": "CPU ms to sign and judge one more question among all these",
    "crowded_cpu_ms": "the same for questions of one wording pattern of which the index has very many",
    "crowded_small_cpu_ms": "the same where the index has a tenth of them: a query must not grow with their number",
    "crowded_missed": "share of near-duplicates among crowded wordings that checking the oldest 64 alone does not find",
    "sign_cpu_ms": "CPU ms a question to make and store signatures, once, for a workspace without them",
    "rows": "questions",
}
_RUN, _CHUNK, _UNDECIDED = "made", 50_000, 200
_SAMPLE, _NEW, _CROWD, _CROWD_NEW = 10_000, 2_000, 10_000, 100
_WORDS = 42
"""Words of a question on average, as its text has."""


def measure(rows: int = ROWS) -> dict[str, float]:
    """The figures by name."""
    with tempfile.TemporaryDirectory() as folder:
        with Workspace.open(Path(folder) / "w") as workspace:
            texts = _texts(min(_SAMPLE, rows), np.random.default_rng(0))
            _fill(workspace, rows, texts)
            _draw(workspace, len(texts), rows)
            signing = _clock("sign", lambda: stored_index.complete(workspace, _RUN, True, lambda: False))
            found = {"sign_cpu_ms": 1e3 * signing["sign_cpu_s"] / len(texts)}
        with Workspace.open(Path(folder) / "w") as workspace:
            found |= _timed(workspace, load_run_config("nano", questions=rows))
            found |= _clock("hash_anew", lambda: _anew(workspace), rows / len(texts))
    found |= _crowded() | {"rows": rows}
    return {key: round(float(found[key]), 4) for key in GOALS}


def _clock(name: str, act: Callable[[], object], times: float = 1.0) -> dict[str, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    act()
    return {f"{name}_s": times * (time.perf_counter() - wall), f"{name}_cpu_s": times * (time.process_time() - cpu)}


def _timed(workspace: Workspace, config: RunConfig) -> dict[str, float]:
    found = _clock("start", lambda: stored_index.load(workspace, "new", config))
    kept: list[Earlier] = []

    def resumed() -> None:
        kept.append(stored_index.load(workspace, _RUN, config))
        with workspace.cursor() as cursor:
            undecided = list(resume.undecided(cursor, _RUN))
        workspace.writer.put([ErrorRow(_RUN, 0, "pair", "a first row, for which the writer reads what is stored")])
        workspace.writer.flush()
        if len(undecided) != _UNDECIDED or not kept[0].index.size:
            raise RuntimeError(f"{len(undecided)} undecided, {kept[0].index.size} indexed")

    found |= _clock("resume", resumed)
    index = kept[0].index
    new = _judged(index, _texts(_NEW, np.random.default_rng(2)))
    return found | {"index_mb": index.nbytes / 1e6, "cpu_ms_per_question": new}


def _judged(index: Index, texts: list[str]) -> float:
    """CPU ms a question."""
    began = time.process_time()
    for place, text in enumerate(texts):
        index.judge(_question("more", place, text))
    return 1e3 * (time.process_time() - began) / len(texts)


def _anew(workspace: Workspace) -> None:
    """Read and hash the texts of a sample."""
    index = Index()
    with workspace.cursor() as cursor:
        texts = cursor.execute("SELECT text FROM question_text ORDER BY q LIMIT ?", [_SAMPLE]).fetchall()
    for place, (text,) in enumerate(texts):
        index.remember(_question(_RUN, place, text))


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


def _fill(workspace: Workspace, rows: int, texts: list[str]) -> None:
    """One interrupted run of so many questions, without solutions; the last few are undecided. Of the later ones only
    the length of the texts counts, so that they are those of the first."""
    run = Run(_RUN, "made", "generate", load_run_config("nano", questions=rows).to_json(), "-", 0, "interrupted")
    workspace.create_run(run)
    workspace.writer.put([_question(_RUN, 0, texts[0])])  # the run gets its number
    workspace.writer.flush()
    queries = [
        f"""
        INSERT INTO question_rows BY NAME SELECT {_KEY}, idx, 'g' AS generator, 't' AS template_id, '{{}}' AS params,
            0 AS seed, 60 AS tokens, 'stop' AS finish_reason, 0 AS seconds, 250 AS chars, {_NOW} FROM {_RANGE}""",
        f"""
        INSERT INTO question_text BY NAME SELECT {_KEY}, $texts[1 + idx % len($texts)] AS text, '{{}}' AS extra
        FROM {_RANGE}""",
        f"""
        INSERT INTO verdict_rows BY NAME SELECT {_KEY}, stage, 'made' AS judge, true AS kept, 1.0 AS score, 0 AS tokens,
            0 AS seconds, {_NOW} FROM {_RANGE}, (VALUES {_STAGES}) s(place, stage)
        WHERE place < CASE WHEN idx < $decided THEN {len(STAGES)} ELSE {STAGES.index("solvability")} END
        ORDER BY q, place""",
    ]
    for first in range(0, rows, _CHUNK):
        values = {"first": max(first, 1), "last": min(first + _CHUNK, rows), "texts": texts}

        def write(cursor: Any, values: dict[str, Any] = values) -> None:
            for query in queries:
                given = {**values, "decided": rows - _UNDECIDED}
                cursor.execute(query, {name: given[name] for name in given if f"${name}" in query})

        workspace.writer.call(write)
    workspace.writer.put([Verdict(question_id(_RUN, 0), stage, "made", True) for stage in STAGES])
    workspace.writer.call(lambda _: workspace.writer.forget_run(_RUN))


_NOW = "now()::TIMESTAMP AS created_at"
_KEY = f"format('{_RUN}-{{:08d}}', idx) AS question_id, '{_RUN}' AS run_id, {1 << ids.IDX_BITS} + idx AS q"
_RANGE = "range($first, $last) r(idx)"
_STAGES = ", ".join(f"({place}, '{stage}')" for place, stage in enumerate(STAGES))


def _draw(workspace: Workspace, first: int, rows: int) -> None:
    """Signatures of the questions from ``first`` on."""
    chance = np.random.default_rng(1)
    for low in range(first, rows, _CHUNK):
        count = min(_CHUNK, rows - low)
        lengths = chance.integers(_WORDS - 17, _WORDS + 18, count)
        words = chance.integers(0, 2**32, int(lengths.sum()), np.uint32)
        bands = chance.integers(0, 2**32, (count, BANDS), np.uint32)
        mask, content = (chance.integers(0, 2**64, count, np.uint64) for _ in range(2))
        some = chance.random(count)
        mask[some < 0.05] = mask[np.flatnonzero(some < 0.05) // 2]
        bands[some > 0.95, :4] = bands[np.flatnonzero(some > 0.95) // 2, :4]
        ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32) * 4
        made = pa.table(
            {
                "idx": np.arange(low, low + count),
                "exact": chance.integers(0, 2**64, count, np.uint64),
                "content": content,
                "mask": mask,
                "size": 2 * lengths - 2,
                "bands": _binary(np.arange(count + 1, dtype=np.int32) * 4 * BANDS, bands),
                "words": _binary(ends.astype(np.int32), words),
            }
        )
        workspace.writer.call(lambda cursor, made=made: _insert(cursor, made))  # type: ignore[misc]


def _binary(ends: Any, data: Any) -> pa.Array:
    buffers = [None, pa.py_buffer(ends.tobytes()), pa.py_buffer(data.tobytes())]
    return pa.Array.from_buffers(pa.binary(), len(ends) - 1, buffers)


def _insert(cursor: Any, made: pa.Table) -> None:
    with arrow.registered(cursor, drawn=made):
        cursor.execute(f"""
            INSERT INTO signature_rows BY NAME SELECT {_KEY}, idx AS place, '{METHOD}' AS method, * EXCLUDE (idx)
            FROM drawn""")
