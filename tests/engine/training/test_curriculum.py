"""The curriculum writes problems that its own oracle reads back, and its rewrites are what they claim to be."""

from __future__ import annotations

import random

import pytest

from engine.training.curriculum import AREAS, KINDS, make, read, sample, split_of
from engine.training.curriculum.core import STORIES, expand
from engine.training.curriculum.rewrite import nearest, rewrite


def test_every_story_has_a_solution() -> None:
    assert KINDS.keys() == STORIES["kinds"].keys()


def test_it_has_the_breadth_that_was_asked_for() -> None:
    assert len({kind.area for kind in KINDS.values()} & AREAS.keys()) >= 14
    assert len(KINDS) >= 60
    assert {level for kind in KINDS.values() for level in range(kind.level, kind.level + 3)} >= {1, 2, 3, 4, 5}


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_phrasing_of_a_kind_is_read_back_with_its_answer(name: str) -> None:
    kind, rng = KINDS[name], random.Random(name)
    for phrasing in range(len(kind.phrasings)):
        for level in range(kind.level, min(kind.level + 2, 5) + 1):
            problem = make(kind, level, rng, phrasing=phrasing)
            if problem is None:  # two angles of 101 degrees and more fit in no triangle
                assert level > kind.level
                continue
            reading = read(problem.question)
            assert (reading.status, reading.kind, reading.answer) == ("ok", kind, problem.answer), problem.question
            assert problem.response.endswith(f"\\boxed{{{problem.answer}}}.")


def test_every_equation_in_a_solution_is_true() -> None:
    rng = random.Random(3)
    checked = 0
    for _ in range(2000):
        for line in sample(rng).response.splitlines():
            for part in line.rpartition(": ")[2].split(", "):
                sides = part.split(" = ")
                if len(sides) > 1 and all(set(side) <= set("0123456789+-*/ ") for side in sides):
                    values = {eval(side) for side in sides}
                    assert len(values) == 1, line
                    checked += 1
    assert checked > 3000


@pytest.mark.parametrize(
    ("question", "status"),
    [
        ("Ada has 12 apples and gives 5 of them to Ben. How many apples does Ada have left?", "ok"),
        ("Ada has 12 apples and gives 50 of them to Ben. How many apples does Ada have left?", "bad"),
        ("Ada has 012 apples and gives 5 of them to Ben. How many apples does Ada have left?", "bad"),
        ("Ada has 12 apples and gives 5 of them to Ada. How many apples does Ada have left?", "bad"),
        ("Ada has 12 apples and gives 5 of them to Ben. How many pears does Ada have left?", "unk"),
        ("Ada has 12 apples and gives 5 of them to Ben. How many apples does Ben have left?", "unk"),
        ("", "unk"),
        ("Noah asks Noah: What is 12 squared?", "ok"),  # an introduction is not part of the story:
        ("Noah and Noah work on this: What is 12 squared?", "ok"),
        ("Ada asks Ben: What is 12 squared?", "ok"),
        ("What is 12 squared?", "ok"),  # ... a phrasing that always has one may lack it
        ("Ada asks Ben: Ada has 12 apples and gives 5 of them to Ben. How many apples does Ada have left?", "ok"),
        ("Kim asks Omar: Ada has 12 apples and gives 5 of them to Ben. How many apples does Ada have left?", "ok"),
        ("Cara asks Dan: Ada has 12 apples and gives 5 of them to Ada. How many apples does Ada have left?", "bad"),
        ("Cara asks Dan: Ada has 12 apples and gives 50 of them to Ben. How many apples does Ada have left?", "bad"),
        ("Noah asks Noah: Finn is 9. In 2 years, how old is Ravi?", "unk"),
        ("Noah asks Noah What is 12 squared?", "unk"),
        ("Noah asks Noah:", "unk"),
    ],
)
def test_the_oracle_tells_possible_from_impossible_from_unknown(question: str, status: str) -> None:
    assert read(question).status == status


def test_no_two_splits_share_a_kind_with_the_same_numbers() -> None:
    seen: dict[tuple[str, tuple[tuple[str, int], ...]], str] = {}
    for split in ("train", "fresh", "dev", "test"):
        rng = random.Random(7)
        for _ in range(1500):
            problem = sample(rng, split=split)
            key = (problem.kind.name, tuple(sorted(problem.numbers.items())))
            assert split_of(problem.kind.name, problem.numbers) == split
            assert seen.setdefault(key, split) == split


def test_a_repair_keeps_the_sample_and_makes_it_possible() -> None:
    rng = random.Random(0)
    impossible = "Ada has 12 apples and gives 50 of them to Ben. How many apples does Ada have left?"
    repaired = rewrite(impossible, "solvable", rng)
    assert repaired is not None
    assert repaired.startswith("Ada has ")
    assert read(repaired).status == "ok"
    assert (" 12 " in repaired) + (" 50 " in repaired) == 1  # one number changes, the other stays
    slip = "Ada has 12 apples and gives 5 of them to Ben. How many pears does Ada have left?"
    assert rewrite(slip, "solvable", rng) == slip.replace("pears", "apples")
    assert rewrite("The weather is nice today in the mountains.", "solvable", rng) is None


@pytest.mark.parametrize("introduction", ["", "Noah asks Noah: ", "Ada and Kim work on this: "])
def test_a_rewrite_keeps_the_introduction(introduction: str) -> None:
    rng = random.Random(0)
    repaired = rewrite(introduction + "Cara is 56. In 17 years, how old is Leo?", "solvable", rng)
    assert repaired == introduction + "Cara is 56. In 17 years, how old is Cara?"
    changed = rewrite(introduction + "What is the sum of the numbers from 7 to 3?", "solvable", rng)
    harder = rewrite(introduction + "What is 12 squared?", "difficult", rng)
    for text in (changed, harder):
        assert text is not None
        assert text.startswith(introduction)
        assert (read(text).status, read(text).introduction) == ("ok", introduction)


def test_a_hardening_keeps_the_story_and_raises_the_numbers() -> None:
    rng = random.Random(0)
    easy = "Ada has 22 apples and gives 5 of them to Ben. How many apples does Ada have left?"
    harder = rewrite(easy, "difficult", rng)
    assert harder is not None
    before, after = read(easy), read(harder)
    assert after.status == "ok"
    assert (after.kind, after.words) == (before.kind, before.words)
    assert sum((after.numbers or {}).values()) > sum((before.numbers or {}).values())


def test_what_is_solvable_already_needs_no_repair_and_what_is_broken_cannot_be_hardened() -> None:
    rng = random.Random(0)
    assert rewrite("Ada asks Ben: What is 12 squared?", "solvable", rng) is None
    assert rewrite("What is squared 12?", "difficult", rng) is None


def test_the_nearest_kind_of_a_garbled_question_is_found() -> None:
    kind, _, ratio = nearest("Ada has 12 apples and gives of them to Ben. How many apples does Ada left?")
    assert kind.name == "gives_away"
    assert ratio > 0.7


def test_choices_in_a_phrasing_multiply() -> None:
    assert expand("He [buys|finds] it [now|today].") == [
        "He buys it now.",
        "He buys it today.",
        "He finds it now.",
        "He finds it today.",
    ]
