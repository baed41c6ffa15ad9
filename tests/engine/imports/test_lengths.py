"""How long imported solutions are: nobody counted their tokens, so every place counts their characters, and none 0."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb

from engine.exports import job as exporting
from engine.exports.plan import Plan
from engine.exports.preview import look
from store.database import run_queries, schema
from store.database.sources import SourceSelector
from store.database.workspace import DATABASE, Workspace
from store.explore import query, thresholds
from store.filters.filter import Filter
from store.frame.cache import Frames
from store.review.review_item import review_item
from tests.engine.imports.conftest import Bring
from ui.tabs.export import view as export_view

QUESTION = "Ann has {} apples and buys {} more. How many has she?"
ROWS = [
    {"question": QUESTION.format(n, n + 2), "answer": f"{n} + {n + 2} = {2 * n + 2}\n#### {2 * n + 2}"}
    for n in range(3, 15)
]
CHARS = sum(len(row["answer"]) for row in ROWS)


def test_all_places_agree_on_how_long_imported_solutions_are(bring: Bring, tmp_path: Path) -> None:
    made = bring(ROWS)
    assert made.ask("SELECT count(tokens), sum(length(text)) FROM solutions") == [(0, CHARS)]
    assert made.ask("SELECT count(tokens) FROM questions") == [(0,)]
    assert made.ask("SELECT count(response_tokens), sum(response_chars) FROM items") == [(0, CHARS)]
    source = SourceSelector(made.workspace, tmp_path).current()
    frame = Frames().of(source, now=True)
    explore = {name: frame.numbers[name] for name in ("response_tokens", "response_chars")}
    assert float(explore["response_chars"].sum()) == CHARS
    assert sum(frame.totals["response_tokens"][:-1]) == 0  # all of them unknown, none in a bin
    base = thresholds.count_candidates(query.select(source, frame, Filter()))
    assert (base.chars, base.tokens, base.unknown_tokens) == (CHARS, 0, len(ROWS))
    scores = {one["name"] for one in review_item(source, frame, frame.key(0))["scores"]}
    assert "response_chars" in scores
    assert "response_tokens" not in scores
    seen = look(source, Plan("jsonl", Filter()))
    assert seen.figures is not None
    assert not len(seen.figures.numbers["response_tokens"])
    assert float(seen.figures.numbers["response_chars"].sum()) == CHARS
    rows = next(part["rows"] for part in export_view.look(seen, {}) if part.get("title") == "Text lengths")
    assert [row[-1] for row in rows if row[0] == "characters of a solution"] == [f"{CHARS:,}"]
    assert not any("tokens" in str(row[0]) for row in rows)
    with source.cursor() as cursor:
        assert all(not cost.calls and not cost.tokens for cost in run_queries.costs(cursor, made.run_id))
    exporting.start(made.workspace, Plan("hf", Filter()), tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "tokens per solution" not in card
    assert "| contamination | not run |" in card
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert "tokens" not in json.dumps(manifest["counts"])


def test_questions_without_solutions_wait_for_them_and_are_called_prompts(bring: Bring) -> None:
    made = bring([{"problem": row["question"]} for row in ROWS])
    assert made.ask("SELECT drop_stage, count(*) FROM items GROUP BY ALL") == [(None, len(ROWS))]
    assert made.ask("SELECT kept, dropped, pending FROM funnel WHERE stage = 'solution'") == [(0, 0, len(ROWS))]
    assert made.end["report"].splitlines()[0].endswith("0 refused; 12 questions without solutions (prompts).")
    assert "dropped" not in made.end["report"]


def test_zeros_that_older_versions_stored_for_imports_become_unknown(bring: Bring, tmp_path: Path) -> None:
    made = bring([*ROWS, {"question": "And without a solution, how many?"}])
    path = made.workspace.path / DATABASE
    made.workspace.close()
    with duckdb.connect(str(path)) as con:
        con.execute("UPDATE solution_rows SET tokens = 0")
        con.execute("UPDATE question_rows SET tokens = 0")
        con.execute(
            """
            INSERT INTO verdict_rows BY NAME SELECT question_id, run_id, q, 'solution' AS stage, 'import' AS judge,
                false AS kept, 'no_answer' AS reason FROM question_rows WHERE q NOT IN (SELECT q FROM solution_rows)"""
        )
        con.execute("UPDATE meta SET value = '7' WHERE key = 'schema_version'")
    assert schema.VERSION == 8
    with Workspace.open(path.parent, create=False) as workspace, workspace.cursor() as cursor:
        assert cursor.execute("SELECT count(response_tokens), sum(response_chars) FROM items").fetchall() == [
            (0, CHARS)
        ]
        assert cursor.execute("SELECT sum(dropped), max(pending) FROM funnel").fetchall() == [(0, 1)]
