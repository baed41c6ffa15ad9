"""The duplicate stage: exact, near, near but another question, other runs, live runs, resume, stored signatures."""

from __future__ import annotations

import random
import re
from itertools import pairwise

import numpy as np
from rensa import RMinHash, RMinHashLSH

from engine.duplicates.signature import BANDS, PERMUTATIONS, signature
from engine.stages.duplicate import Index, SignatureBlock
from store.records import Label, Question, Verdict

RIDE = "A cyclist rides 270 miles in 9 days. How many more days does she need for a further 180 miles at that pace?"


def asked(idx: int, text: str, run: str = "r1") -> Question:
    return Question(f"{run}-{idx:08d}", run, idx, text, "g", "t", {}, 0, 10, "stop")


def judge(*texts: str, index: Index | None = None) -> list[tuple[Verdict, list[Label]]]:
    index = index or Index()
    return [index.judge(asked(i, text)) for i, text in enumerate(texts)]


def test_the_same_question_in_another_layout_is_an_exact_duplicate() -> None:
    (_, first), (verdict, labels) = judge("What is $2 + 3$?", "what is  2+3 ?")
    assert (verdict.kept, verdict.reason, verdict.score) == (False, "exact_duplicate", 1.0)
    assert verdict.raw == "r1-00000000"
    assert first == []
    assert [label.value for label in labels] == ["r1-00000000"]


def test_another_operator_is_another_question() -> None:
    (_, _), (verdict, _) = judge("What is $2 + 3$?", "What is $2 - 3$?")
    assert verdict.kept


def test_a_reworded_question_with_the_same_numbers_is_a_near_duplicate() -> None:
    verdict, labels = judge(RIDE, RIDE.replace("A cyclist", "A tourist"))[1]
    assert (verdict.kept, verdict.reason) == (False, "near_duplicate")
    assert verdict.score is not None
    assert 0.8 <= verdict.score < 1
    assert labels == [Label("r1-00000001", "near_duplicate", "r1-00000000", "minhash")]


def test_near_duplicates_with_other_numbers_are_marked_and_kept() -> None:
    (_, _), (verdict, labels), (again, _) = judge(RIDE, RIDE.replace("270", "360"), RIDE.replace("270", "360."))
    assert verdict.kept
    assert verdict.reason is None
    assert [label.value for label in labels] == ["r1-00000000"]
    assert not again.kept


def test_number_words_are_numbers() -> None:
    text = "Nora has {} shelves and puts the same number of jars on each shelf. How many jars does Nora need for them?"
    (_, _), (verdict, labels) = judge(text.format("ten"), text.format("six"))
    assert verdict.kept
    assert len(labels) == 1


def test_words_that_make_another_question_are_no_ground_for_dropping() -> None:
    text = "A fair coin is flipped 7 times. What is the probability that {} 5 of the flips come up heads?"
    (_, _), (verdict, labels) = judge(text.format("at least"), text.format("exactly"))
    assert verdict.kept
    assert len(labels) == 1
    (_, _), (verdict, _) = judge(
        "If $x - y = 6$ and $x + y = 12$, find $x$?", "If $x - y = 6$ and $x + y = 12$, find $y$?"
    )
    assert verdict.kept


def test_unlike_questions_are_kept_without_a_mark() -> None:
    results = judge(RIDE, "Find the area of a circle of radius 3.", "Sum the digits of 2024.", "$x$", "7", "+")
    assert all(verdict.kept and not labels for verdict, labels in results)


def test_a_dropped_question_attracts_no_others() -> None:
    index = Index()
    judge(RIDE, RIDE.replace("miles", "leagues"), index=index)
    verdict, _ = index.judge(asked(2, RIDE))
    assert verdict.raw == "r1-00000000"


def test_a_live_run_only_marks() -> None:
    verdict, labels = judge(RIDE, RIDE, index=Index(mark_only=True))[1]
    assert verdict.kept
    assert verdict.reason is None
    assert len(labels) == 1


def test_matches_in_other_runs_are_reported_and_dropped_only_where_wanted() -> None:
    for across, kept in ((False, True), (True, False)):
        index = Index(across_runs=across)
        index.remember(asked(5, RIDE, run="old"))
        verdict, labels = index.judge(asked(0, RIDE))
        assert verdict.kept is kept
        assert [label.value for label in labels] == ["old-00000005"]


def test_a_question_repeated_within_its_own_run_is_dropped_though_another_run_has_it_too() -> None:
    index = Index()
    index.remember(asked(5, RIDE, run="old"))
    kept = [index.judge(asked(i, RIDE))[0].kept for i in range(3)]
    assert kept == [True, False, False]


def test_a_resumed_index_judges_like_one_that_never_stopped() -> None:
    texts = [RIDE.replace("270", str(n)) for n in (270, 280, 270, 290)] + ["What is 1 + 1?", RIDE]
    whole = judge(*texts)
    index = Index()
    for i, (verdict, _) in enumerate(whole[:3]):
        if verdict.kept:
            index.remember(asked(i, texts[i]))
    resumed = [index.judge(asked(i, texts[i])) for i in range(3, len(texts))]
    assert [(v.kept, v.reason, v.raw) for v, _ in resumed] == [(v.kept, v.reason, v.raw) for v, _ in whole[3:]]
    assert [labels for _, labels in resumed] == [labels for _, labels in whole[3:]]


def test_many_questions_from_one_template_get_a_mark_each_not_one_for_every_pair() -> None:
    results = judge(*[RIDE.replace("270", str(n)) for n in range(300)])
    assert all(len(labels) <= 8 for _, labels in results)
    assert all(verdict.kept for verdict, _ in results)


def block(questions: list[Question]) -> SignatureBlock:
    """Their signatures as they are read from a workspace."""
    made = [signature(question.text) for question in questions]
    numbers = [np.array([look[place] for look in made], np.uint64) for place in range(3)]
    return SignatureBlock(
        np.array([question.idx for question in questions]),
        *numbers,
        size=np.array([look.size for look in made]),
        bands=np.frombuffer(b"".join(look.bands for look in made), np.uint32).reshape(-1, BANDS),
        lengths=np.array([len(look.words) // 4 for look in made]),
        words=np.frombuffer(b"".join(look.words for look in made), np.uint32),
    )


def varied(count: int, seed: int) -> list[str]:
    """Questions of which many repeat another in other words or numbers."""
    luck = random.Random(seed)
    names, things = ["Ann", "Ben", "Cleo", "Dan"], ["apples", "coins", "stamps", "shells", "cards"]
    return [
        f"{luck.choice(names)} has {luck.randrange(60)} {luck.choice(things)} in {luck.choice(['a box', 'the bag'])} "
        f"and {luck.choice(['buys', 'finds', 'sells'])} {luck.randrange(9)} more {luck.choice(things)} from a friend. "
        f"How many {luck.choice(things)} are there {luck.choice(['now', 'then', 'in the end', 'at least'])}?"
        for _ in range(count)
    ]


def outcome(index: Index, question: Question) -> tuple[object, ...]:
    verdict, labels = index.judge(question)
    return verdict.kept, verdict.reason, verdict.score, verdict.raw, labels


def test_signatures_added_in_blocks_are_found_as_if_each_question_had_been_remembered() -> None:
    parts = [("old", range(400)), ("older", range(200, 700)), ("r1", range(600, 900))]
    texts = varied(1_200, seed=1)
    single, many = Index(across_runs=True), Index(across_runs=True)
    for run, span in parts:
        questions = [asked(idx, texts[idx], run) for idx in span]
        for question in questions:
            single.remember(question)
        many.extend(run, block(questions[:150]))
        many.extend(run, block(questions[150:]))
    many.build()
    for idx, text in enumerate(texts[500:], 1_000):
        assert outcome(many, asked(idx, text)) == outcome(single, asked(idx, text))
    assert many.size == single.size


def test_a_bounded_bucket_loses_no_candidate_that_an_unbounded_index_would_check() -> None:
    texts = varied(3_000, seed=2)
    index, unbounded = Index(mark_only=True), RMinHashLSH(0.8, PERMUTATIONS, BANDS)
    wordings: list[set[str]] = []
    masks: dict[str, int] = {}
    first: list[str] = []
    for idx, text in enumerate(texts):
        words = re.sub(r"\d+", "0", text.casefold()).replace("?", "").replace(".", "").split()
        features = {*words, *[f"{a} {b}" for a, b in pairwise(words)]}
        minhash = RMinHash(PERMUTATIONS, 7)
        minhash.update(list(features))
        checked = set(sorted(unbounded.query(minhash))[:64])
        mask = " ".join(words)
        checked |= {masks[mask]} if mask in masks else set()
        shared = {key: len(features & wordings[key]) / len(features | wordings[key]) for key in checked}
        near = sorted((key for key in checked if shared[key] >= 0.8), key=lambda key: (-shared[key], key))
        near = [] if text in texts[:idx] else near  # an exact duplicate is compared with nothing else
        if mask not in masks:
            masks[mask] = len(wordings)
            wordings.append(features)
            first.append(asked(idx, text).question_id)
            unbounded.insert(masks[mask], minhash)
        verdict, labels = index.judge(asked(idx, text))
        found = dict.fromkeys([*([verdict.raw] if verdict.raw else []), *(first[key] for key in near)])
        assert [label.value for label in labels] == list(found)[:8]


def test_the_index_of_a_million_questions_would_take_less_than_750_megabytes() -> None:
    index = Index()
    for idx in range(3_000):
        luck = random.Random(idx)
        index.judge(asked(idx, " ".join("".join(luck.choices("abcdefgh", k=5)) for _ in range(45))))
    assert index.size == 3_000
    assert index.nbytes / index.size < 750
