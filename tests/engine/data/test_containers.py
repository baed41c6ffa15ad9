"""JSON files that hold their rows in one object, or objects one after another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.data import containers
from engine.data.reader import Source
from engine.data.rows import Refused
from store.errors import InputError

ROWS = [{"question": "What is 1 + 1?", "answer": "2"}, {"question": "What is 2 + 2?", "answer": "4"}]
HELD: dict[str, Any] = {
    "around a list": {"canary": "none", "examples": ROWS},
    "around a list, one deeper": {"info": {"v": 1}, "data": {"items": ROWS}},
    "lists of columns": {"question": [row["question"] for row in ROWS], "answer": ["2", "4"]},
    "pandas columns": {
        "question": {"0": ROWS[0]["question"], "1": ROWS[1]["question"]},
        "answer": {"0": "2", "1": "4"},
    },
    "pandas split": {"columns": ["question", "answer"], "index": [0, 1], "data": [[*row.values()] for row in ROWS]},
    "pandas table": {"schema": {"fields": []}, "data": ROWS},
    "a dict of rows that count": {"0": ROWS[0], "1": ROWS[1]},
}


def rows(path: Path, text: str) -> list[Any]:
    path.write_text(text, encoding="utf-8")
    return [row for _, row in Source.of(str(path)).rows()]


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("name", HELD)
def test_rows_are_taken_out_of_the_object_around_them(tmp_path: Path, name: str, indent: int | None) -> None:
    assert rows(tmp_path / "a.json", json.dumps(HELD[name], indent=indent)) == ROWS


def test_the_keys_of_a_dict_of_rows_become_their_ids(tmp_path: Path) -> None:
    assert rows(tmp_path / "a.json", json.dumps({"33": ROWS[0], "x": ROWS[1]})) == [
        {"id": "33", **ROWS[0]},
        {"id": "x", **ROWS[1]},
    ]


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]},
        {"prompt": "What is 1 + 1?", "completions": [{"model": "m", "completion": "2"}]},
        {"question": {"problem": "What is 1 + 1?"}, "label": {"steps": [{"a": 1}]}},
    ],
)
def test_a_single_row_with_lists_of_objects_stays_a_row(tmp_path: Path, row: dict[str, Any]) -> None:
    assert rows(tmp_path / "a.json", json.dumps(row, indent=2)) == [row]
    assert rows(tmp_path / "a.jsonl", json.dumps(row)) == [row]


@pytest.mark.parametrize("between", ["\n", "", "\n\n", ",\n"])
def test_objects_one_after_another_are_rows(tmp_path: Path, between: str) -> None:
    assert rows(tmp_path / "a.json", between.join(json.dumps(row, indent=4) for row in ROWS)) == ROWS


def test_a_first_line_that_is_damaged_does_not_change_how_lines_are_read(tmp_path: Path) -> None:
    found = rows(tmp_path / "a.jsonl", '{"question": "What is cut\n' + "\n".join(map(json.dumps, ROWS)))
    assert isinstance(found[0], Refused)
    assert found[1:] == ROWS


def test_several_lists_of_rows_are_refused_with_the_way_to_choose_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"several lists of rows, train, test: choose one, e.g. by `jq"):
        rows(tmp_path / "a.json", json.dumps({"train": ROWS, "test": ROWS}))


def test_an_object_too_large_to_be_read_whole_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "MOST", 1 << 20)
    text = json.dumps({"data": [{"question": "x" * 1000}] * 3000}, indent=1)
    with pytest.raises(InputError, match="one JSON object of more than 1 MiB"):
        rows(tmp_path / "a.json", text)


@pytest.mark.parametrize("number", [2**64, 2**70 + 1, -(2**63) - 1, -(10**40)])
def test_whole_numbers_of_any_size_are_exact(tmp_path: Path, number: int) -> None:
    row = {"question": "q", "more": {"n": [number]}}
    assert rows(tmp_path / "a.jsonl", f"{json.dumps(row)}\n{json.dumps(row)}\n") == [row, row]
    assert rows(tmp_path / "a.json", json.dumps([row])) == [row]
