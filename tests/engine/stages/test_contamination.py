"""The contamination stage: what overlaps a named benchmark, and which benchmark files are refused."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from engine.stages.contamination import Benchmark
from store.errors import InputError
from store.records import Question

LONG = (
    "A ferry leaves the harbour every 18.5 minutes and carries at most 40 cars across the bay in the morning. "
    "If all ferries between 6 and 10 leave with 31 cars on board, how many places stay empty?"
)
SHORT = "Compute $\\sin 60^\\circ$."


def asked(text: str) -> Question:
    return Question("r1-00000000", "r1", 0, text, "g", "t", {}, 0, 10, "stop")


def written(folder: Path, name: str, rows: list[dict[str, object]]) -> Path:
    path = folder / name
    if name.endswith(".parquet"):
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    elif name.endswith(".csv"):
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    else:
        text = "".join(json.dumps(row) + "\n" for row in rows)
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


@pytest.mark.parametrize("name", ["b.jsonl", "b.jsonl.gz", "b.csv", "b.parquet"])
@pytest.mark.parametrize("column", ["question", "problem", "query", "prompt", "Question"])
def test_a_benchmark_question_is_found_in_every_format_and_column(tmp_path: Path, name: str, column: str) -> None:
    benchmark = Benchmark.load([written(tmp_path, name, [{"id": 1, column: SHORT}, {"id": 2, column: LONG}])])
    assert benchmark.rows == 2
    verdict = benchmark.judge(asked(LONG))
    assert (verdict.kept, verdict.reason, verdict.raw) == (False, "benchmark_overlap", f"{name} row 2")
    assert verdict.score == 1.0


def test_thirteen_shared_words_are_an_overlap_and_twelve_are_not(tmp_path: Path) -> None:
    benchmark = Benchmark.load([written(tmp_path, "b.jsonl", [{"question": LONG}])])
    words = LONG.replace("18.5", "18").split()
    assert not benchmark.judge(asked("Once " + " ".join(words[8:21]) + " or so?")).kept
    assert benchmark.judge(asked("Once " + " ".join(words[8:20]) + " or so?")).kept


def test_layout_and_case_hide_no_copy(tmp_path: Path) -> None:
    benchmark = Benchmark.load([written(tmp_path, "b.jsonl", [{"question": LONG}, {"question": SHORT}])])
    assert not benchmark.judge(asked("Solve: " + LONG.upper().replace(" ", "\n"))).kept
    assert not benchmark.judge(asked("compute  $ \\sin 60^\\circ $")).kept


def test_a_short_benchmark_question_is_compared_whole(tmp_path: Path) -> None:
    benchmark = Benchmark.load([written(tmp_path, "b.jsonl", [{"question": "What is 2 + 3?"}])])
    assert not benchmark.judge(asked("What is $2+3$?")).kept
    assert benchmark.judge(asked("What is $2-3$?")).kept
    assert benchmark.judge(asked("What is $2+3+4$?")).kept


def test_how_an_answer_is_to_be_written_is_no_overlap(tmp_path: Path) -> None:
    tail = " The answer is $m/n,$ where $m$ and $n$ are relatively prime positive integers. Find $m+n.$"
    benchmark = Benchmark.load([written(tmp_path, "b.jsonl", [{"question": LONG + tail}])])
    assert benchmark.judge(asked("A die is rolled until a six shows up." + tail)).kept


def test_without_a_benchmark_everything_is_kept() -> None:
    verdict = Benchmark.load([]).judge(asked(LONG))
    assert verdict.kept
    assert verdict.score is None


def test_a_clean_question_scores_zero(tmp_path: Path) -> None:
    benchmark = Benchmark.load([written(tmp_path, "b.jsonl", [{"question": LONG}])])
    assert benchmark.judge(asked("How many primes are there below one hundred?")).score == 0.0


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("gone.jsonl", None, "does not exist"),
        ("b.txt", b"What?", "has an unknown format"),
        ("b.jsonl", b'{"text": "What?", "id": 1}\n', "found: text, id"),
        ("b.jsonl", b"", "found: none"),
        ("b.jsonl", b"not json\n", "cannot be read"),
        ("b.jsonl", b'{"question": "\xff"}\n', "cannot be read"),
        ("b.jsonl.gz", b"not gzip", "cannot be read"),
        ("b.csv", b"a,b\n1,2\n", "found: a, b"),
        ("b.parquet", b"PAR1 not", "cannot be read"),
        ("b.jsonl", b'{"question": 5}\n', "no question column"),
    ],
)
def test_a_file_that_cannot_serve_is_refused_in_one_sentence(
    tmp_path: Path, name: str, content: bytes | None, says: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as refused:
        Benchmark.load([path])
    assert says in str(refused.value)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_real_copies_are_all_found_and_real_training_questions_hardly_ever(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def texts(name: str, column: str) -> list[str]:
        return [json.loads(line)[column] for line in (data_dir / name).open(encoding="utf-8")]

    benchmark = Benchmark.load([data_dir / "math500.jsonl", data_dir / "gsm8k_test.jsonl"])
    copies = texts("math500.jsonl", "problem") + texts("gsm8k_test.jsonl", "question")
    assert not any(benchmark.judge(asked(text)).kept for text in copies)

    maths = Benchmark.load([data_dir / "math500.jsonl"])
    verdicts = [maths.judge(asked(text)) for text in texts("math_train.jsonl", "problem")]
    overlaps = [verdict.score or 0.0 for verdict in verdicts if not verdict.kept]
    # A third of its 13-grams shared is the same question, or its twin with other numbers; less may be a phrase.
    phrases = sum(score < 1 / 3 for score in overlaps)
    with capsys.disabled():
        print(
            f"\ncontamination: {len(copies)} of {len(copies)} copies found; MATH train against MATH-500: "
            f"{len(overlaps) / len(verdicts):.2%} overlap, {phrases / len(verdicts):.2%} by a phrase only"
        )
    assert phrases / len(verdicts) <= 0.005
