"""The binding views against small examples counted by hand."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from store.database.workspace import Workspace
from store.records import STAGES, ErrorRow, Label, Reward, Solution, question_id, solution_id
from tests.store import rows
from tests.store.conftest import Ask

COLUMNS = {
    "items": """question_id run_id generator query topic difficulty solvable drop_stage drop_reason n_solutions
        best_reward agreement majority_answer near_duplicates contaminated query_chars response_tokens
        status tags edited reference_answer correct reasoning_tokens pass_rate novelty checkability finish_reason
        response_chars repetition majority""",
    "pairs": """question_id run_id generator query response answer topic difficulty reward agreement majority_answer
        reference_answer n_solutions status tags edited reasoning correct reasoning_tokens pass_rate novelty
        checkability finish_reason response_chars repetition""",
    "prompts": "question_id query reference_answer topic difficulty checkability rates status tags",
    "funnel": "run_id stage entered kept dropped pending",
    "questions": """question_id run_id idx text generator template_id params seed tokens finish_reason reference_answer
        extra created_at seconds""",
    "verdicts": "question_id stage judge kept score reason raw tokens seconds created_at",
    "solutions": """solution_id question_id sample text answer solver seed tokens seconds finish_reason created_at
        reasoning reasoning_tokens correct""",
    "rates": "question_id model sampling n correct undecided mean_tokens created_at pass_rate",
    "rewards": "solution_id reward_model reward seconds",
    "labels": "question_id key value model",
    "errors": "run_id idx stage message raw attempt created_at",
    "decisions": "event_id question_id reviewer action payload batch_id queue sampling_p created_at",
    "preferences": "pair_id chosen rejected direction source question_id created_at",
    "runs": "run_id name kind config config_hash seed status created_at ended_at error",
}


@pytest.mark.parametrize("name", COLUMNS)
def test_every_logical_table_has_its_columns(workspace: Workspace, name: str) -> None:
    with workspace.cursor() as cursor:
        described = cursor.execute(f"SELECT * FROM {name}").description
    assert described is not None
    assert [column[0] for column in described] == COLUMNS[name].split()


def test_a_pair_shows_the_chosen_solution_and_its_facts(workspace: Workspace, ask: Ask) -> None:
    workspace.create_run(rows.run())
    workspace.writer.put([*rows.whole(3), rows.rate(3)])
    (pair,) = ask("SELECT * FROM pairs")
    assert pair == (
        *("r1-00000003", "r1", "qgen-a", "What is 3 + 3?", "Sample 1: \\boxed{6}", "6", "Algebra", 0.4, -0.1, 1.0, "6"),
        *(None, 2, "unreviewed", [], False),
        *(None, None, None, 0.75, None, None, "stop", 19, None),
    )


def test_an_item_shows_where_it_was_dropped_and_what_is_known(workspace: Workspace, ask: Ask) -> None:
    workspace.create_run(rows.run())
    dropped = rows.verdicts(1, drop="contamination", reason="benchmark_overlap")
    near = [Label(question_id("r1", 1), "near_duplicate", f"r0-0000000{k}", "minhash") for k in range(2)]
    workspace.writer.put([*rows.whole(0), rows.rate(0), rows.question(1), *dropped, *near, rows.question(2)])
    kept, contaminated, fresh = ask("SELECT * EXCLUDE (run_id, generator, query) FROM items ORDER BY question_id")
    known = (None, None, None, 0.75, None, None, "stop", 19, None, "same")
    tail: tuple[object, ...] = ("unreviewed", [], False)
    assert kept == ("r1-00000000", "Algebra", 0.4, True, None, None, 2, -0.1, 1.0, "0", 0, False, 14, 13, *tail, *known)
    assert contaminated == (
        *(
            "r1-00000001",
            None,
            None,
            None,
            "contamination",
            "benchmark_overlap",
            0,
            None,
            None,
            None,
            2,
            True,
            14,
            None,
        ),
        *tail,
        *[None] * 10,
    )
    assert fresh == ("r1-00000002", *[None] * 5, 0, None, None, None, 0, None, 14, None, *tail, *[None] * 10)


def test_a_question_with_a_gold_answer_that_no_stage_dropped_is_a_prompt(workspace: Workspace, ask: Ask) -> None:
    workspace.create_run(rows.run())
    gold = [replace(rows.question(idx), reference_answer="6") for idx in range(3)]
    label = Label(question_id("r1", 0), "checkability", "open", "rules")
    pending = [gold[0], *rows.verdicts(0, until="difficulty"), label]
    rates = [rows.rate(0), rows.rate(0, model="b", correct=2), rows.rate(0, model="b", correct=8)]
    pair = [gold[1], *rows.verdicts(1), *rows.solutions(1), *rows.labels(1)]
    workspace.writer.put([*pending, *rates, *pair, gold[2], *rows.verdicts(2, drop="language"), *rows.whole(3)])
    query = "SELECT question_id, query, reference_answer, topic, difficulty, checkability, status, tags FROM prompts"
    first, second = ask(f"{query} ORDER BY ALL")
    assert first == ("r1-00000000", "What is 0 + 0?", "6", None, 0.4, "open", "unreviewed", [])
    assert second == ("r1-00000001", "What is 1 + 1?", "6", "Algebra", 0.4, None, "unreviewed", [])
    assert ask("SELECT rates FROM prompts ORDER BY question_id") == [({"a model": 0.75, "b": 0.25},), ({},)]
    funnel = "SELECT stage, pending FROM funnel WHERE stage IN ('solution', 'pair') ORDER BY stage DESC"
    assert ask(funnel) == [("solution", 1), ("pair", 0)]
    workspace.writer.put([rows.decide("e", 0, "edit", query="What is it?"), rows.decide("f", 0, "tag", tag="odd")])
    assert ask("SELECT query, tags FROM prompts WHERE tags <> []") == [("What is it?", ["odd"])]


def test_the_solution_and_reasoning_of_a_pair_are_apart(workspace: Workspace, ask: Ask) -> None:
    workspace.create_run(rows.run())
    key = question_id("r1", 0)
    thought = Solution(
        solution_id(key, 1), key, 1, "So \\boxed{0}.", "0", "solver", 1, 40, 0.5, "length",
        reasoning="Nothing and nothing.", reasoning_tokens=31, correct="same",
    )  # fmt: skip
    reward = Reward(solution_id(key, 1), "reward", 0.5)
    workspace.writer.put([rows.question(0), *rows.verdicts(0), thought, reward, *rows.labels(0)])
    columns = "reasoning_tokens, correct, finish_reason"
    assert ask(f"SELECT response, reasoning, {columns} FROM pairs") == [
        ("So \\boxed{0}.", "Nothing and nothing.", 31, "same", "length")
    ]
    assert ask(f"SELECT {columns} FROM items") == [(31, "same", "length")]
    assert ask("SELECT text, reasoning, tokens FROM solutions") == [("So \\boxed{0}.", "Nothing and nothing.", 40)]


def test_the_funnel_counts_verdicts_and_what_waits(workspace: Workspace, ask: Ask) -> None:
    workspace.create_run(rows.run())
    workspace.create_run(rows.run("r2"))
    put = workspace.writer.put
    put(rows.whole(0))
    put([rows.question(1), *rows.verdicts(1, drop="language", reason="empty")])
    put([rows.question(2), *rows.verdicts(2, drop="solvability", reason="not_solvable")])
    put([rows.question(3), *rows.verdicts(3, until="solvability")])  # failed for good at difficulty
    put([ErrorRow("r1", 3, "difficulty", "too long")])
    put([rows.question(4)])
    counted = ask("SELECT stage, entered, kept, dropped, pending FROM funnel WHERE run_id = 'r1'")
    assert counted == [
        ("generated", 5, 5, 0, 0),
        ("language", 4, 3, 1, 1),
        ("duplicate", 3, 3, 0, 0),
        ("contamination", 3, 3, 0, 0),
        ("solvability", 3, 2, 1, 0),
        ("difficulty", 1, 1, 0, 1),
        ("solution", 1, 1, 0, 0),
        ("pair", 1, 1, 0, 0),
    ]
    for (_, _, before, _, _), (_, entered, kept, dropped, pending) in itertools.pairwise(counted):
        assert entered == kept + dropped == before - pending
    assert ask("SELECT stage, entered FROM funnel WHERE run_id = 'r2'") == [(s, 0) for s in ("generated", *STAGES)]
    assert ask("SELECT count(*) FROM pairs WHERE run_id = 'r1'") == [(1,)]


def test_a_dropped_question_joins_the_pairs_once_a_reviewer_accepts_it(workspace: Workspace, ask: Ask) -> None:
    workspace.create_run(rows.run())
    low = [*rows.verdicts(0, drop="pair", reason="low_reward"), *rows.solutions(0), *rows.labels(0)]
    unchosen = [
        *rows.verdicts(1, drop="solution", reason="no_answer"),
        *rows.solutions(1),
        *rows.labels(1, chosen=None),
    ]
    bare = rows.verdicts(2, drop="difficulty", reason="too_easy")
    workspace.writer.put([rows.question(0), *low, rows.question(1), *unchosen, rows.question(2), *bare])
    assert ask("SELECT question_id FROM pairs") == []
    workspace.writer.put([rows.decide(f"e{idx}", idx, "accept") for idx in range(3)])
    query = "SELECT question_id, response, reward, status FROM pairs ORDER BY question_id"
    assert ask(query) == [("r1-00000000", "Sample 1: \\boxed{0}", -0.1, "accepted")]
    workspace.writer.put([rows.decide("e3", 1, "accept", sample=0), rows.decide("e4", 2, "accept", sample=0)])
    assert ask(query)[1:] == [("r1-00000001", "Sample 0: \\boxed{2}", -0.2, "accepted")]
    assert ask("SELECT kept FROM funnel WHERE stage = 'pair'") == [(0,)]


def test_a_rejected_pair_stays_in_the_view(workspace: Workspace, ask: Ask) -> None:
    workspace.writer.put([*rows.whole(0), rows.decide("e0", 0, "reject")])
    assert ask("SELECT status FROM pairs") == [("rejected",)]


def test_status_is_the_last_decision_that_was_not_undone(workspace: Workspace, ask: Ask) -> None:
    put = workspace.writer.put
    status = "SELECT p.status, i.status FROM pairs p JOIN items i USING (question_id)"
    put(
        [
            *rows.whole(0),
            rows.decide("e0", 0, "accept"),
            rows.decide("e1", 0, "skip"),
            rows.decide("e2", 0, "note", text="?"),
        ]
    )
    assert ask(status) == [("skipped", "skipped")]
    put([rows.decide("e3", 0, "undo", event_id="e1")])
    assert ask(status) == [("accepted", "accepted")]
    put([rows.decide("e4", 0, "undo", event_id="e0")])
    assert ask(status) == [("unreviewed", "unreviewed")]


def test_edits_override_field_by_field_and_are_undone_singly(workspace: Workspace, ask: Ask) -> None:
    put, shown = workspace.writer.put, "SELECT query, response, answer, edited FROM pairs"
    put([*rows.whole(0), rows.decide("e0", 0, "edit", query="What is zero doubled?", answer="0.0")])
    put([rows.decide("e1", 0, "edit", response="Nothing."), rows.decide("e2", 0, "edit", query="What is 2 * 0?")])
    assert ask(shown) == [("What is 2 * 0?", "Nothing.", "0.0", True)]
    assert ask("SELECT query, query_chars, edited FROM items") == [("What is 2 * 0?", 14, True)]
    put([rows.decide("e3", 0, "undo", event_id="e2")])
    assert ask(shown) == [("What is zero doubled?", "Nothing.", "0.0", True)]
    put([rows.decide("e4", 0, "undo", event_id="e0"), rows.decide("e5", 0, "undo", event_id="e1")])
    assert ask(shown) == [("What is 0 + 0?", "Sample 1: \\boxed{0}", "0", False)]


def test_tags_are_what_was_tagged_and_not_untagged(workspace: Workspace, ask: Ask) -> None:
    put, tags = workspace.writer.put, "SELECT tags FROM items"
    put([*rows.whole(0), *(rows.decide(f"t{k}", 0, "tag", tag=tag) for k, tag in enumerate(("hard", "nice", "hard")))])
    assert ask(tags) == [(["hard", "nice"],)]
    put([rows.decide("u0", 0, "untag", tag="hard")])
    assert ask(tags) == [(["nice"],)]
    put([rows.decide("z0", 0, "undo", event_id="u0"), rows.decide("z1", 0, "undo", event_id="t1")])
    assert ask(tags) == [(["hard"],)]
    assert ask("SELECT tags, status, edited FROM pairs") == [(["hard"], "unreviewed", False)]


def test_the_first_reward_of_a_solution_is_the_one_shown(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        workspace.writer.put(rows.whole(0))
    with Workspace.open(tmp_path / "w") as workspace:
        workspace.writer.put([Reward("r1-00000000-1", "another", 5.0), Reward("r1-00000000-2", "another", -9.0)])
        workspace.writer.flush()
        with workspace.cursor() as cursor:
            assert cursor.execute("SELECT reward, n_solutions FROM pairs").fetchall() == [(-0.1, 2)]
            assert cursor.execute("SELECT best_reward FROM items").fetchall() == [(-0.1,)]
            assert cursor.execute("SELECT count(*) FROM rewards").fetchone() == (4,)


def test_nan_is_no_score(workspace: Workspace, ask: Ask) -> None:
    nan = float("nan")
    mine = [rows.question(0), *rows.verdicts(0), *rows.solutions(0, rewards=(nan, -0.3)), *rows.labels(0)]
    workspace.writer.put(mine)
    assert ask("SELECT best_reward FROM items") == [(-0.3,)]
