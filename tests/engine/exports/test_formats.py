"""What each format's files hold: exactly the pairs of the filter, in order, as the views have them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from engine.exports import job
from engine.exports.plan import Plan
from engine.exports.preview import look
from store.database.workspace import Workspace
from store.errors import InputError
from store.export.formats import PAIR
from store.filters.filter import Filter
from tests.engine.exports.conftest import ACCEPTED, EDITED, PAIRS, REJECTED, Make


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def asked(workspace: Workspace, query: str) -> list[tuple[Any, ...]]:
    with workspace.cursor() as cursor:
        return cursor.execute(query).fetchall()


def pairs(workspace: Workspace, columns: str = "query, response", where: str = "status <> 'rejected'") -> Any:
    return asked(workspace, f"SELECT {columns} FROM pairs WHERE {where} ORDER BY question_id")


def test_rows_are_the_pairs_that_nobody_rejected_in_order_of_their_keys(workspace: Workspace, make: Make) -> None:
    found = lines(make("jsonl") / "train.jsonl")
    assert [(row["query"], row["response"]) for row in found] == pairs(workspace)
    assert len(found) == PAIRS + 1 - len(REJECTED)
    assert tuple(found[EDITED - len(REJECTED)].values()) == ("A better question?", "Better: \\boxed{16}")


def test_full_rows_have_every_column_of_pairs(workspace: Workspace, make: Make) -> None:
    found = lines(make("jsonl", full=True) / "train.jsonl")
    assert [tuple(row) for row in found] == [PAIR] * len(found)
    viewed = [name for name in PAIR if name not in ("level", "rates", "extra")]
    table = pq.read_table(make("parquet", full=True) / "train.parquet")
    for rows in (found, table.to_pylist()):
        assert [tuple(row[name] for name in viewed) for row in rows] == pairs(workspace, ", ".join(viewed))


@pytest.mark.parametrize(
    "given",
    [
        {"status": ["rejected"]},
        {"status": ["accepted", "rejected"]},
        {"topic": ["Algebra"], "reward": [-0.15, None]},
        {"text": "BETTER"},
        {"words": "much plus", "stage": "pair"},
        {"near_duplicates": [1, None]},
        {"query_chars": [None, 12]},
        {"tags": ["nice"]},
        {"edited": True},
        {"n_solutions": [2, 2], "run": ["r1"], "stage": "solvability"},
    ],
)
def test_a_filter_exports_what_it_counts_in_sql(workspace: Workspace, make: Make, given: dict[str, Any]) -> None:
    where, values = Filter.from_json(given).to_sql("pairs")
    more = "" if "status" in given else " AND status <> 'rejected'"
    with workspace.cursor() as cursor:
        query = f"SELECT question_id, status FROM pairs WHERE {where}{more} ORDER BY question_id"
        expected = cursor.execute(query, values).fetchall()
    assert expected
    out = make("jsonl", given, full=True)
    assert [(row["question_id"], row["status"]) for row in lines(out / "train.jsonl")] == expected
    counts = json.loads((out / "manifest.json").read_text())["counts"]
    statuses = [status for _, status in expected]
    assert counts["status"] == {status: statuses.count(status) for status in sorted(set(statuses))}
    assert counts["selected"] == len(expected)


def test_chats_and_instructions_have_the_names_that_tools_expect(workspace: Workspace, make: Make) -> None:
    query, response = pairs(workspace)[0]
    names = ("messages", "sharegpt", "alpaca", "prompt_completion")
    first = {name: lines(make(name) / "train.jsonl")[0] for name in names}
    assert first["messages"] == {
        "messages": [{"role": "user", "content": query}, {"role": "assistant", "content": response}]
    }
    assert first["sharegpt"] == {
        "conversations": [{"from": "human", "value": query}, {"from": "gpt", "value": response}]
    }
    assert first["alpaca"] == {"instruction": query, "input": "", "output": response}
    assert first["prompt_completion"] == {"prompt": query, "completion": response}


def test_preferences_set_the_chosen_solution_against_a_worse_one(workspace: Workspace, make: Make) -> None:
    found = lines(make("dpo") / "train.jsonl")
    by_prompt = {row["prompt"]: row for row in found}
    assert by_prompt["=1+1"] == {"prompt": "=1+1", "chosen": "Sample 1: \\boxed{40}", "rejected": "Wrong: \\boxed{41}"}
    assert by_prompt["A better question?"]["chosen"] == "Better: \\boxed{16}"  # a reviewer's words
    assert len(found) == PAIRS - len(REJECTED) - 1  # one tie and one pair of equal answers are no pairs


def test_preferences_with_one_final_answer_stay_out_unless_they_are_asked_for(make: Make) -> None:
    without, with_them = lines(make("dpo") / "train.jsonl"), lines(make("dpo", same_answers=True) / "train.jsonl")
    (more,) = [row for row in with_them if row not in without]
    assert (more["chosen"], more["rejected"]) == ("Sample 1: \\boxed{24}", "Sample 0: \\boxed{24}")


def test_pairs_of_which_none_makes_a_preference_are_refused_as_nothing(workspace: Workspace, tmp_path: Path) -> None:
    tie = Filter.from_json({"ids": ["r1-00000043"]})
    with pytest.raises(InputError, match=r"matches no row of the format dpo; .* a row needs two solutions"):
        job.start(workspace, Plan("dpo", tie), tmp_path / "out")
    both = Filter.from_json({"ids": ["r1-00000043", "r1-00000001"]})
    shares = [share for share in (0.3, 0.5, 0.7) if _refused(workspace, Plan("dpo", both, validation=share), tmp_path)]
    assert shares == [0.3, 0.5, 0.7]  # one row cannot fill two files
    assert not list(tmp_path.iterdir())


def _refused(workspace: Workspace, plan: Plan, place: Path) -> bool:
    with pytest.raises(InputError, match="without rows"):
        job.start(workspace, plan, place / "out")
    return True


def test_a_look_at_preferences_tells_how_many_and_how_large_they_will_be(workspace: Workspace, make: Make) -> None:
    seen = look(workspace, Plan("dpo", Filter()))
    out = make("dpo") / "train.jsonl"
    assert (seen.written, seen.size) == (len(lines(out)), out.stat().st_size)
    nothing = look(workspace, Plan("dpo", Filter.from_json({"ids": ["r1-00000043"]})))
    assert (nothing.written, nothing.size, nothing.rows) == (0, 0, [])


def test_dropped_questions_come_with_the_stage_and_the_reason(workspace: Workspace, make: Make) -> None:
    found = lines(make("rejected") / "rejected.jsonl")
    assert [tuple(row)[:3] for row in found] == [("query", "drop_stage", "drop_reason")] * 3
    assert {(row["drop_stage"], row["drop_reason"]) for row in found} == {("solvability", "not_solvable")}


def test_a_csv_has_no_cell_that_a_spreadsheet_runs(make: Make) -> None:
    for options in ({}, {"full": True}):
        with (make("csv", **options) / "train.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        texts = [
            cell for row in rows for name, cell in row.items() if name not in ("difficulty", "reward", "agreement")
        ]
        assert not [cell for cell in texts if cell.lstrip(' \t\r\n"').startswith(("=", "+", "-", "@"))]
        assert not [cell for cell in texts if cell.startswith(("\t", "\r"))]
        queries = [row["query"] for row in rows]
        assert {"'=1+1", "'  +SUM(A1)", "'@cmd", "''=2+2", "'-3 + 5 is?", "'\tfoo", "plain ' text"} <= {*queries}


def test_splits_never_part_duplicates(workspace: Workspace, make: Make) -> None:
    for share in (0.1, 0.3, 0.5, 0.7, 0.9):
        out = make("jsonl", full=True, validation=share)
        train, held = (
            {int(row["question_id"][-8:]) for row in lines(out / f"{split}.jsonl")} for split in ("train", "validation")
        )
        assert not train & held
        assert len(train | held) == PAIRS + 1 - len(REJECTED)
        # 10, 11 and 14 are joined through 41, which was dropped
        for cluster in ({10, 11, 14}, {30, 31, 32, 33}):
            assert cluster <= train or cluster <= held


def test_a_share_for_validation_is_about_that_share_and_does_not_depend_on_ids(
    workspace: Workspace, make: Make
) -> None:
    out = make("jsonl", validation=0.5)
    held = [row["query"] for row in lines(out / "validation.jsonl")]
    assert 8 < len(held) < 32
    kept = make("jsonl", {"ids": [f"r1-{i:08d}" for i in range(20, 30)]}, validation=0.5)
    again = [row["query"] for row in lines(kept / "validation.jsonl")]
    others = [row["query"] for row in lines(kept / "train.jsonl")]
    assert again == [query for query in held if query in again + others]


def test_a_filter_that_lets_nothing_through_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="matches no row"):
        job.start(workspace, Plan("jsonl", Filter.from_json({"run": ["r9"]})), tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_the_accepted_alone_can_be_exported(make: Make) -> None:
    out = make("jsonl", {"status": ["accepted"]}, full=True)
    assert [int(row["question_id"][-8:]) for row in lines(out / "train.jsonl")] == list(ACCEPTED)


def test_a_share_that_leaves_a_split_empty_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    few = Filter.from_json({"ids": ["r1-00000010", "r1-00000011"]})
    with pytest.raises(InputError, match="leaves a split without rows"):
        job.start(workspace, Plan("hf", few, validation=0.5), tmp_path / "out")
    assert not list(tmp_path.iterdir())
