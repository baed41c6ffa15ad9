"""What an import finds out by itself, on made rows and on the real data; and that the funnel is whole."""

from __future__ import annotations

from pathlib import Path

from engine.imports.rows import ROWS
from engine.jobs.control import Control
from store.database import bulk_insert
from store.records import STAGES, Label, Verdict, question_id
from tests.engine.imports.conftest import Bring, jsonl, sums

GERMAN = "Wie viele Äpfel hat Anna, wenn sie drei kauft und vier geschenkt bekommt?"


def test_each_row_is_judged_up_to_its_first_drop(bring: Bring) -> None:
    solved = "The answer is 7."
    made = bring(
        [
            {"query": "What is 3 + 4?", "response": solved},
            {"query": GERMAN, "response": solved},
            {"query": "what is 3 + 4 ?", "response": solved},
            {"query": "Prove that 3 + 4 = 4 + 3.", "response": "Addition commutes."},
            {"query": "What is 4 + 3?", "response": None},
            {"query": "?!", "response": solved},
        ],
        drop_languages=True,
    )
    drops = made.ask("SELECT drop_stage, drop_reason FROM items ORDER BY question_id")
    assert drops == [
        (None, None),
        ("language", "non_english"),
        ("duplicate", "exact_duplicate"),
        ("solution", "no_answer"),
        (None, None),
        ("language", "empty"),
    ]
    repeated = made.ask("SELECT raw FROM verdicts WHERE reason = 'exact_duplicate'")
    assert repeated == [(question_id(made.run_id, 0),)]
    seen = made.ask("SELECT stage FROM verdicts WHERE question_id = ?", question_id(made.run_id, 2))
    assert {stage for (stage,) in seen} == {"language", "duplicate"}


def test_another_language_is_only_remarked_unless_it_is_to_be_dropped(bring: Bring) -> None:
    made = bring([{"query": GERMAN, "response": "Die Antwort ist \\boxed{7}."}, *sums(1)])
    assert made.pairs("query")[0] == (GERMAN,)
    verdicts = "SELECT kept, reason FROM verdicts WHERE stage = 'language' ORDER BY question_id"
    assert made.ask(verdicts) == [(True, "non_english"), (True, None)]
    assert made.ask("SELECT drop_stage, drop_reason FROM items ORDER BY question_id") == [(None, None)] * 2


def test_verdicts_say_who_judged(bring: Bring) -> None:
    made = bring(sums(3))
    judges = dict(made.ask("SELECT stage, any_value(judge) FROM verdicts GROUP BY stage"))
    assert judges == dict.fromkeys(STAGES, "import") | {
        "language": "rules",
        "duplicate": "exact",
        "difficulty": "level-based",
    }
    scored = made.ask("SELECT DISTINCT stage FROM verdicts WHERE score IS NOT NULL")
    assert {stage for (stage,) in scored} == {"difficulty", "solution"}


def test_without_scoring_nothing_is_computed_and_all_that_has_a_response_is_a_pair(bring: Bring) -> None:
    rows = [{"query": "Nur Deutsch, bitte!", "response": "ja"}, *sums(3), *sums(3), {"query": "What is 9?"}]
    made = bring(rows, scored=False)
    assert made.pairs("answer, topic, difficulty, reward") == [(None,) * 4] * 7
    assert made.ask("SELECT DISTINCT judge, score FROM verdicts") == [("import", None)]
    assert made.ask("SELECT drop_reason, count(*) FROM items GROUP BY ALL") == [(None, 8)]
    assert made.ask("SELECT pending FROM funnel WHERE stage = 'solution'") == [(1,)]


def test_several_parts_are_scored_in_order(bring: Bring) -> None:
    rows = sums(2 * ROWS + 100)
    made = bring([*rows, rows[5]])
    assert made.pairs("query, answer") == [(row["query"], str(2 * i + 1)) for i, row in enumerate(rows)]
    assert made.ask("SELECT raw FROM verdicts WHERE NOT kept") == [(question_id(made.run_id, 5),)]


def test_several_chunks_are_stored_in_order(bring: Bring, tmp_path: Path) -> None:
    n = bulk_insert.ROWS + 1000
    made = bring(
        jsonl(tmp_path / "many.jsonl", [{"query": f"{i}", "response": f"{i} it is"} for i in range(n)]), scored=False
    )
    assert made.ask("SELECT count(*), count(DISTINCT question_id) FROM verdicts") == [(7 * n, n)]
    assert made.ask("SELECT count(*) FROM questions WHERE text::BIGINT = idx") == [(n,)]
    assert made.ask("SELECT count(*) FROM pairs WHERE response = query || ' it is'") == [(n,)]


def test_what_is_put_later_meets_what_was_imported(bring: Bring) -> None:
    made = bring(sums(2))
    first = question_id(made.run_id, 0)
    writer = made.workspace.writer
    before = writer.ignored
    writer.put([Verdict(first, "language", "other", False), Label(first, "near_duplicate", "x", "m")])
    writer.flush()
    assert writer.ignored == before + 1
    assert made.ask("SELECT judge, kept FROM verdicts WHERE question_id = ? AND stage = 'language'", first) == [
        ("rules", True)
    ]


def test_the_same_file_again_is_a_run_of_its_own_and_is_said(bring: Bring, tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", sums(3))
    first, second = bring(path), bring(path)
    assert f"imported before, as run {first.run_id}" in second.end["report"]
    assert "already" not in first.end["report"]
    assert len(second.pairs("query")) == 3


def test_a_cancelled_import_keeps_what_is_stored_and_says_how_to_begin_anew(bring: Bring, tmp_path: Path) -> None:
    control = Control()
    control.cancel()
    made = bring(jsonl(tmp_path / "a.jsonl", sums(3)), control=control)
    assert made.result.status == made.workspace.run(made.run_id).status == "cancelled"
    assert f"scalequest delete {made.run_id}" in str(made.result.message)
    made.workspace.delete_run(made.run_id)
    assert made.ask("SELECT count(*) FROM questions") == [(0,)]


def test_a_file_of_which_no_row_can_be_imported_has_failed(bring: Bring) -> None:
    made = bring([{"query": None, "response": "x"}, {"query": "", "response": "y"}])
    assert (made.result.status, made.result.exit_code) == ("failed", 1)
    assert "all 2 were refused" in str(made.result.message)


def test_the_real_data_comes_whole(bring: Bring, data_dir: Path) -> None:
    maths = bring(data_dir / "math500.jsonl")
    assert maths.end["pairs"] == 500
    same = maths.ask("SELECT count(*) FROM pairs WHERE run_id = $run AND answer = reference_answer")
    assert same[0][0] >= 490
    subjects = maths.ask("SELECT topic, count(*) FROM pairs WHERE run_id = $run GROUP BY topic")
    assert dict(subjects)["Algebra"] == 124
    assert len(subjects) == 7

    school = bring(data_dir / "gsm8k_train.jsonl")
    assert school.end["imported"] == 7473
    assert school.ask("SELECT count(*) FROM questions WHERE run_id = $run AND reference_answer IS NULL") == [(0,)]
    assert school.ask("SELECT count(*) FROM pairs WHERE run_id = $run AND answer <> reference_answer") == [(0,)]
    assert school.end["pairs"] >= 7450

    unsolved = bring(data_dir / "math_train.jsonl")
    assert (unsolved.end["imported"], unsolved.end["pairs"]) == (7500, 0)
    assert unsolved.ask("SELECT count(*) FROM questions WHERE run_id = $run AND extra->>'level' IS NULL") == [(0,)]

    samples = bring(data_dir / "scalequest_samples.jsonl")
    assert samples.end["imported"] == 50
    assert samples.ask("SELECT count(*) FROM pairs WHERE run_id = $run AND (topic IS NULL OR difficulty IS NULL)") == [
        (0,)
    ]
