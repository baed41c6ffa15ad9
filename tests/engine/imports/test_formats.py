"""Every format gives the same rows, and says of every row that it cannot read where it stands and why."""

from __future__ import annotations

import csv
import gzip
import json
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.imports import job
from store.errors import InputError
from tests.engine.imports.conftest import Bring, jsonl, sums

ROWS: list[dict[str, Any]] = [{**row, "source": "made", "level": i} for i, row in enumerate(sums(20))]


def _gz(path: Path) -> Path:
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in ROWS)
    return path


def _array(path: Path) -> Path:
    path.write_text(json.dumps(ROWS, indent=2), encoding="utf-8")
    return path


def _parquet(path: Path) -> Path:
    pq.write_table(pa.Table.from_pylist(ROWS), path)
    return path


def _csv(path: Path) -> Path:
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, list(ROWS[0]))
        writer.writeheader()
        writer.writerows(ROWS)
    return path


WRITERS = {
    "a.jsonl": lambda path: jsonl(path, ROWS),
    "a.jsonl.gz": _gz,
    "a.json": _array,
    "lines.json": lambda path: jsonl(path, ROWS),
    "a.parquet": _parquet,
    "a.csv": _csv,
}


@pytest.mark.parametrize("name", WRITERS)
def test_the_same_rows_come_out_of_every_format(bring: Bring, tmp_path: Path, name: str) -> None:
    made = bring(WRITERS[name](tmp_path / name))
    assert made.result.status == "done"
    assert made.pairs("query, response, answer, generator") == [
        (row["query"], row["response"], str(2 * i + 1), name.partition(".")[0]) for i, row in enumerate(ROWS)
    ]
    extra = [json.loads(one) for (one,) in made.ask("SELECT extra FROM questions WHERE run_id = $run ORDER BY idx")]
    assert [(one["source"], str(one["level"])) for one in extra] == [("made", str(i)) for i in range(len(ROWS))]


def test_a_data_set_of_the_hub_streams(bring: Bring, tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    folder = tmp_path / "set"
    folder.mkdir()
    for split, rows in (("train", ROWS), ("test", ROWS[:3])):
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{split}-00000.parquet")
    assert len(bring(f"hf:{folder}").pairs("query")) == len(ROWS)
    made = bring(f"hf:{folder}@test")
    assert made.pairs("query, generator") == [(row["query"], "set") for row in ROWS[:3]]
    with pytest.raises(InputError, match="cannot be loaded"):
        bring(f"hf:{folder}@nowhere")


def test_without_the_package_a_data_set_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError, match="pip install"):
        job.preview("hf:org/name")


def test_each_refused_line_is_kept_with_its_number_and_reason(bring: Bring, tmp_path: Path) -> None:
    lines = [
        b'{"query": "What is 1 + 1?", "response": "The answer is 2."}',
        b"",
        b"not json",
        b"[1, 2]",
        b'{"response": "no question"}',
        b'{"query": 5}',
        b'{"query": "   "}',
        b'{"query": "\xff\xfe"}',
        b'{"query": "What is 2 + 2?", "response": [1]}',
        b'{"query": "What is 3 + 3?", "response": "The answer is 6.", "share": NaN}',
        b'{"query": "What is half \\ud800 of 6?", "response": "The answer is 3."}',
        b'{"query": "What is cut',
    ]
    path = tmp_path / "bad.jsonl"
    path.write_bytes(b"\n".join(lines))
    made = bring(path)
    assert made.refused() == [
        (3, "is not JSON"),
        (4, "is not an object"),
        (5, "no query"),
        (6, "query is not text"),
        (7, "no query"),
        (8, "is not valid UTF-8"),
        (9, "response is not text"),
        (12, "is not JSON"),
    ]
    assert [text for (text,) in made.pairs("query")] == ["What is 1 + 1?", "What is 3 + 3?", "What is half ? of 6?"]
    assert made.ask("SELECT raw FROM errors WHERE run_id = $run AND idx = 3") == [("not json",)]
    assert (made.end["read"], made.end["imported"], made.end["refused"]) == (11, 3, 8)


def test_of_a_long_refused_row_ten_thousand_characters_are_kept(bring: Bring, tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    path.write_text('{"query": "What is 1 + 1?", "response": "The answer is 2."}\n' + "x" * 30_000 + "\n")
    assert bring(path).ask("SELECT length(raw) FROM errors WHERE run_id = $run") == [(10_000,)]


def test_a_csv_row_that_does_not_fit_the_header_is_refused(bring: Bring, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(
        b'query,response\r\n"What is\n1 + 1, said he?",The answer is 2.\r\nalone\r\n\r\na,b,c\r\n\xff,x\r\n'
        b"What is 2 + 2?,The answer is 4.\r\n"
    )
    made = bring(path)
    assert made.refused() == [
        (2, "has 1 cells where the header has 2"),
        (3, "has 3 cells where the header has 2"),
        (4, "is not valid UTF-8"),
    ]
    assert made.pairs("query") == [("What is\n1 + 1, said he?",), ("What is 2 + 2?",)]


def test_elements_of_an_array_that_are_no_rows_are_refused(bring: Bring, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(' [ 1, {"query": "What is 1 + 1?", "response": "The answer is 2."} , "x", null ]\n')
    assert bring(path).refused() == [(number, "is not an object") for number in (1, 3, 4)]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl.gz", "a.parquet"])
def test_what_stands_before_a_damage_is_imported_and_the_rest_is_told(bring: Bring, tmp_path: Path, name: str) -> None:
    rows = [{**row, "note": "word " * 200} for row in sums(30_000)]
    path = tmp_path / name
    if name == "a.json":
        path.write_text(json.dumps(rows))
    elif name == "a.parquet":
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=5000)
    else:
        with gzip.open(path, "wt", compresslevel=1) as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
    content = path.read_bytes()
    if name == "a.parquet":  # its index stands at the end: damage a page in the middle
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes(4000) + content[middle + 4000 :])
    else:
        path.write_bytes(content[: len(content) * 2 // 3])
    made = bring(path)
    assert made.result.status == "failed"
    assert made.result.exit_code == 1
    assert made.result.message is not None
    assert f"scalequest delete {made.run_id}" in made.result.message
    stored = made.pairs("query")
    assert len(stored) > 5000
    assert stored == [(row["query"],) for row in rows[: len(stored)]]


def test_what_cannot_be_a_source_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "a.txt").write_text("x")
    jsonl(tmp_path / "other.jsonl", [{"a": 1, "b": 2}])
    for name, words in {
        "none.jsonl": "does not exist",
        "empty.jsonl": "is empty",
        "a.txt": "has an unknown format",
        "other.jsonl": "it has a, b",
    }.items():
        with pytest.raises(InputError, match=words):
            job.preview(str(tmp_path / name))
