"""The duplicate stage: exact, near, near but another question, other runs, live runs, resume."""

from __future__ import annotations

from engine.stages.duplicate import Index
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
