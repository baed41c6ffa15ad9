"""The formats of an export: the SQL that turns a row of ``pairs`` or ``items`` into a line, or the columns of Parquet.

A new format is one entry of ``FORMATS``.
"""

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from store.errors import InputError
from store.filters.filter import View

PAIR = (
    "question_id", "run_id", "generator", "query", "response", "answer", "topic", "difficulty", "reward", "agreement",
    "majority_answer", "reference_answer", "n_solutions", "status", "tags", "edited",
)  # fmt: skip
"""The columns of ``pairs`` in order, as in a full export."""
DROPPED = (
    "query", "drop_stage", "drop_reason", "question_id", "run_id", "generator", "topic", "difficulty", "solvable",
    "n_solutions", "best_reward", "agreement", "majority_answer", "near_duplicates", "contaminated", "query_chars",
    "response_tokens", "status", "tags", "edited",
)  # fmt: skip
"""The columns of ``items``; a dropped question's text and the reason come first."""
BRIEF = ("query", "response")
_KINDS: dict[str, pa.DataType] = {
    **dict.fromkeys(("difficulty", "reward", "best_reward", "agreement"), pa.float64()),
    **dict.fromkeys(("n_solutions", "near_duplicates", "query_chars", "response_tokens"), pa.int64()),
    **dict.fromkeys(("solvable", "contaminated", "edited"), pa.bool_()),
    "tags": pa.list_(pa.string()),
}
"""The types of columns other than texts."""
_BLANK = "\t\n\f\r \u00a0\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff'\"\u2018\u2019\u201c\u201d"
RUNS = f"^[{_BLANK}]*[=+\\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r]"
"""Texts that a spreadsheet may run as a formula, also after blanks or quotes; valid in RE2 and in Python."""


@dataclass(frozen=True, slots=True)
class Format:
    """A row is made of these ``columns`` of ``view``; ``line``: the SQL of its line, None for Parquet. ``full``: the
    columns of the option --full; empty where there is none.
    """

    description: str
    ending: Literal["jsonl", "parquet", "csv"]
    columns: tuple[str, ...] = BRIEF
    line: str | None = None
    view: View = "pairs"
    full: tuple[str, ...] = ()


def _object(**fields: str) -> str:
    """The SQL of a JSON object of these fields."""
    return f"to_json({{{', '.join(f'{name!r}: {value}' for name, value in fields.items())}}}) || chr(10)"


_MESSAGES = "[{'role': 'user', 'content': query}, {'role': 'assistant', 'content': response}]"
_TURNS = "[{'from': 'human', 'value': query}, {'from': 'gpt', 'value': response}]"
FORMATS: dict[str, Format] = {
    "jsonl": Format("query and response, a JSON object a line", "jsonl", full=PAIR, line=""),
    "parquet": Format("query and response, as Parquet", "parquet", full=PAIR),
    "messages": Format("TRL's messages of role and content", "jsonl", line=_object(messages=_MESSAGES)),
    "alpaca": Format(
        "instruction, input (empty), output", "jsonl", line=_object(instruction="query", input="''", output="response")
    ),
    "sharegpt": Format("conversations with from and value", "jsonl", line=_object(conversations=_TURNS)),
    "prompt_completion": Format(
        "TRL's prompt and completion", "jsonl", line=_object(prompt="query", completion="response")
    ),
    "dpo": Format(
        "TRL's prompt, chosen and rejected, by the rewards of a question's samples",
        "jsonl",
        line=_object(prompt="query", chosen="response", rejected="rejected"),
    ),
    "rejected": Format(
        "the dropped questions, with the stage and the reason", "jsonl", columns=DROPPED, line="", view="items"
    ),
    "csv": Format("query and response for spreadsheets; formulas are disabled", "csv", full=PAIR, line=""),
    "hf": Format("a Hugging Face dataset folder: all columns, a card, what was dropped", "parquet", PAIR),
}

DATASET_REJECTED = Format("the dropped questions of a dataset folder", "parquet", columns=DROPPED, view="items")


def format_named(name: str) -> Format:
    """InputError for an unknown name."""
    if name not in FORMATS:
        raise InputError("--format", name, "is not known", f"choose from {', '.join(FORMATS)}")
    return FORMATS[name]


def line(form: Format, columns: tuple[str, ...]) -> str | None:
    """The SQL of a row's line; None for Parquet."""
    if form.line is None or form.line:
        return form.line
    if form.ending == "csv":
        return f"concat_ws(',', {', '.join(_cell(name) for name in columns)}) || chr(10)"
    return _object(**{name: name for name in columns})


def schema(columns: tuple[str, ...]) -> pa.Schema:
    """The Arrow schema of these columns."""
    return pa.schema([(name, _KINDS.get(name, pa.string())) for name in columns])


def header(form: Format, columns: tuple[str, ...]) -> str:
    """The text before the first row of a file."""
    return ",".join(columns) + "\n" if form.ending == "csv" else ""


def _cell(name: str) -> str:
    """A CSV cell: numbers bare, texts in quotes. A text that a spreadsheet would run gets an apostrophe in front, which
    marks it as text; the import removes it (``engine.data.own_csv``)."""
    if name in _KINDS and name != "tags":
        return f"coalesce(CAST({name} AS VARCHAR), '')"
    text = f"CAST(to_json({name}) AS VARCHAR)" if name == "tags" else name
    runs = f"CASE WHEN regexp_matches({text}, '{RUNS.replace(chr(39), chr(39) * 2)}') THEN '''' ELSE '' END"
    return f"coalesce('\"' || {runs} || replace({text}, '\"', '\"\"') || '\"', '')"
