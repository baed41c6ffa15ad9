"""Near-duplicates by meaning, as the real MiniLM sees it: what is marked, what is dropped, and resuming."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import embedders
from engine.checks.job import done_already, run
from engine.checks.meaning import Earlier
from engine.checks.request import Check, check_of
from engine.embedding.role import fit_model, sentence_embedder
from engine.jobs.control import Control
from engine.models.model_cache import ModelCache
from store.database.workspace import Workspace
from store.errors import InputError
from tests.engine.checks.stored import EVERYTHING, imported, rows, whole

TEXTS = [
    "Ann has 3 apples and buys 4 more. How many apples does Ann have now?",
    "What is the derivative of x squared?",
    "Ann owns three apples and then purchases four others. What is the number of apples Ann has now?",
    "Ann has 5 apples and buys 6 more. How many apples does Ann have now?",
    "Ann has 3 apples and buys 4 more. How many apples does Ann have now?",
    "A train travels 120 miles in 2 hours. What is its average speed?",
]
NEAR = "SELECT question_id, value, model FROM labels WHERE key = 'near_duplicate' ORDER BY ALL"
JUDGE = "all-MiniLM-L6-v2 at 0.9"


def check(workspace: Workspace, model_cache: ModelCache, wanted: Check, run_id: str = "i1", **options: Any) -> str:
    return run(workspace, run_id, wanted, model_cache=model_cache, **options).status


def meaning(**options: Any) -> Check:
    return check_of("near-duplicates", by="meaning", **options)


@pytest.mark.usefixtures("minilm")
def test_a_paraphrase_of_an_earlier_question_is_marked_and_another_question_is_not(
    workspace: Workspace, model_cache: ModelCache
) -> None:
    imported(workspace, TEXTS, again={4})
    assert check(workspace, model_cache, meaning()) == "done"
    assert rows(workspace, NEAR) == [
        ("i1-00000002", "i1-00000000", JUDGE),
        ("i1-00000003", "i1-00000000", JUDGE),
        ("i1-00000003", "i1-00000002", JUDGE),
        ("i1-00000004", "i1-00000000", JUDGE),
        ("i1-00000004", "i1-00000002", JUDGE),
        ("i1-00000004", "i1-00000003", JUDGE),
    ]
    assert rows(workspace, "SELECT question_id, judge, reason, raw FROM verdicts WHERE NOT kept") == [
        ("i1-00000004", JUDGE, "exact_duplicate", "i1-00000000")
    ]
    scores = dict(rows(workspace, "SELECT question_id, score FROM verdicts WHERE stage = 'duplicate'"))
    assert 0.9 <= scores["i1-00000002"] < 1 == scores["i1-00000004"]
    assert scores["i1-00000001"] is None
    assert whole(workspace, "i1")["duplicate"] == (6, 5, 1, 0)


@pytest.mark.usefixtures("minilm")
def test_on_request_a_paraphrase_is_dropped_and_a_question_with_other_numbers_only_marked(
    workspace: Workspace, model_cache: ModelCache
) -> None:
    imported(workspace, TEXTS, again={4})
    check(workspace, model_cache, meaning(drop=True))
    assert rows(workspace, "SELECT question_id, reason, raw FROM verdicts WHERE NOT kept ORDER BY ALL") == [
        ("i1-00000002", "near_duplicate", "i1-00000000"),
        ("i1-00000004", "exact_duplicate", "i1-00000000"),
    ]
    assert ("i1-00000003", "i1-00000000", JUDGE) in rows(workspace, NEAR)
    assert whole(workspace, "i1")["pair"] == (4, 4, 0, 0)
    check(workspace, model_cache, meaning())
    assert whole(workspace, "i1")["pair"] == (5, 5, 0, 0)


@pytest.mark.usefixtures("minilm")
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "A club has 20 members, 12 boys. In how many ways can 3 officers of {} gender be chosen?",
            ("same", "different"),
        ),
        (
            "What is the {} of the roots of the equation $(2x^3 + x^2 - 8x + 20)(5x^3 - 25x^2 + 19) = 0$?",
            ("sum", "product"),
        ),
        ("Given that $f(x) = x^k$ where $k {} 0$, what is the range of $f(x)$ on $[1, 5]$?", ("<", ">")),
    ],
)
def test_a_question_that_differs_in_a_contrasting_word_is_marked_and_never_dropped(
    workspace: Workspace, model_cache: ModelCache, text: str, words: tuple[str, str]
) -> None:
    imported(workspace, [text.format(word) for word in words])
    check(workspace, model_cache, meaning(drop=True))
    assert rows(workspace, NEAR) == [("i1-00000001", "i1-00000000", JUDGE)]
    assert whole(workspace, "i1")["duplicate"] == (2, 2, 0, 0)


@pytest.mark.usefixtures("minilm")
def test_checks_by_meaning_and_by_wording_replace_each_other(workspace: Workspace, model_cache: ModelCache) -> None:
    imported(workspace, TEXTS)
    check(workspace, model_cache, meaning())
    assert done_already(workspace, "i1", meaning())
    assert not done_already(workspace, "i1", meaning(threshold=0.95))
    check(workspace, model_cache, meaning(threshold=0.999))
    assert {model for _, _, model in rows(workspace, NEAR)} == {"all-MiniLM-L6-v2 at 0.999"}
    check(workspace, model_cache, check_of("near-duplicates", by="wording"))
    assert {model for _, _, model in rows(workspace, NEAR)} == {"minhash"}
    assert done_already(workspace, "i1", check_of("near-duplicates"))


class Stopped(Control):
    """Interrupted after so many looks at it."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self._looks = looks

    @property
    def requested(self) -> Any:
        self._looks -= 1
        return "interrupt" if self._looks < 0 else "run"


@pytest.mark.usefixtures("minilm")
@pytest.mark.parametrize("drop", [False, True])
def test_a_stopped_check_continues_and_ends_as_one_that_ran_through(
    workspace: Workspace, model_cache: ModelCache, monkeypatch: pytest.MonkeyPatch, drop: bool
) -> None:
    texts = [text.replace("Ann", name) for name in ("Ann", "Bert", "Carla") for text in TEXTS]
    imported(workspace, texts)
    imported(workspace, texts, run_id="i2")
    monkeypatch.setattr("engine.checks.meaning.Meaning.stretch", 4)
    assert check(workspace, model_cache, meaning(drop=drop), "i2") == "done"
    for file in (workspace.path / "embeddings").iterdir():
        file.write_bytes(file.read_bytes()[:-1000])  # a kill cut a record off, and another one is missing
    looks = 0
    while check(workspace, model_cache, meaning(drop=drop), control=Stopped(looks)) != "done":
        looks += 3
        whole(workspace, "i1")
    assert looks >= 6
    mine, theirs = (
        [[str(cell).replace(key, "run") for cell in row] for row in rows(workspace, EVERYTHING) if row[0][:2] == key]
        for key in ("i1", "i2")
    )
    assert mine == theirs
    assert any("near_duplicate" in row for row in mine)


def test_every_earlier_vector_is_compared_however_many_there_are() -> None:
    chance = np.random.default_rng(0)
    vectors = chance.normal(size=(10_000, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    earlier = Earlier()
    for idx, vector in enumerate(vectors):
        earlier.add(2 * idx, vector, idx % 2, "")
    asked = [0, 4_095, 4_096, 9_999]
    found = earlier.near(vectors[asked], np.array([1, 1, 1, 1], np.uint64), 0.99)
    for near, row in zip(found, asked, strict=True):
        best = max(near)
        assert (best.cosine, best.idx, best.same) == (pytest.approx(1, abs=1e-3), 2 * row, row % 2 == 1)
        cosines = vectors @ vectors[row]
        assert {one.idx // 2 for one in near} == {*np.flatnonzero(cosines >= 0.99).tolist()}


@pytest.mark.usefixtures("minilm")
@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("reward", {"by": "meaning"}, "--by 'meaning' has no effect on reward"),
        ("near-duplicates", {"by": "colour"}, "use one of wording, meaning"),
        ("near-duplicates", {"threshold": 0.9}, "only with --by meaning"),
        ("near-duplicates", {"by": "meaning", "threshold": 1.5}, "is not a cosine"),
        ("near-duplicates", {"by": "meaning", "threshold": float("nan")}, "is not a cosine"),
        ("near-duplicates", {"by": "meaning", "profile": "nano"}, "leave it out"),
        ("near-duplicates", {"by": "meaning", "benchmarks": ["x.jsonl"]}, "leave it out"),
    ],
)
def test_what_does_not_fit_together_is_refused_in_one_sentence(name: str, options: Any, says: str) -> None:
    with pytest.raises(InputError) as refused:
        check_of(name, **options)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_without_an_embedder_the_sentence_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEQUEST_MODELS", str(tmp_path))
    with pytest.raises(InputError, match=r"needs a sentence embedder, and none is installed; run `make smol`\."):
        meaning()
    assert check_of("near-duplicates", by="wording").embedder is None


@pytest.mark.usefixtures("minilm")
def test_the_benchmark_tells_paraphrases_and_near_duplicates_by_meaning_and_by_wording() -> None:
    pairs = [{"row": 0, "paraphrase": TEXTS[2]}, {"row": 1, "paraphrase": TEXTS[5]}]
    texts = [TEXTS[0], TEXTS[1], TEXTS[3], TEXTS[5]]
    embedder = sentence_embedder()
    assert embedder is not None
    model = fit_model(embedder, ())
    by_meaning = embedders.near_by_meaning(model, model.embed(texts), pairs)
    assert by_meaning == {"near_meaning_paraphrases": 0.5, "near_meaning_marked": 0.25}
    by_wording = embedders.near_by_wording(texts, pairs)
    assert by_wording == {"near_wording_paraphrases": 0.0, "near_wording_marked": 0.25}
    assert by_meaning.keys() | by_wording.keys() <= embedders.GOALS.keys()
