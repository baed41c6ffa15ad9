"""The formats of an export: the SQL that turns a row of ``pairs`` or ``items`` into a line, or the columns of Parquet.

A new format is one entry of ``FORMATS``. The trainers of the format ``rl`` are in ``engine.exports.rl_trainers``.
"""

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from store.errors import InputError

View = Literal["items", "pairs", "prompts"]
Reasoning = Literal["inline", "field", "none"]
REASONING: tuple[Reasoning, ...] = ("inline", "field", "none")
"""Where a response's reasoning goes: before the response as ``<think>`` text, into a field of its own, or nowhere."""
OLD_PAIR = (
    "question_id", "run_id", "generator", "query", "response", "answer", "topic", "difficulty", "reward", "agreement",
    "majority_answer", "reference_answer", "n_solutions", "status", "tags", "edited",
)  # fmt: skip
"""The columns of a full export by version 4 of the schema; later ones follow them."""
PAIR = (
    *OLD_PAIR, "level", "correct", "pass_rate", "rates", "reasoning", "reasoning_tokens", "novelty", "checkability",
    "finish_reason", "extra",
)  # fmt: skip
"""The columns of a full export in order: those of ``pairs``, and ``level``, ``rates`` and ``extra`` (JSON texts)."""
SAMPLE = ("sample", "chosen")
"""Further columns of a full export of all samples."""
PROMPT = ("question_id", "query", "reference_answer", "topic", "difficulty", "checkability", "rates")
"""The columns of ``prompts`` of which the rows of ``rl`` are made."""
DROPPED = (
    "query", "drop_stage", "drop_reason", "question_id", "run_id", "generator", "topic", "difficulty", "solvable",
    "n_solutions", "best_reward", "agreement", "majority_answer", "near_duplicates", "contaminated", "query_chars",
    "response_tokens", "status", "tags", "edited",
)  # fmt: skip
"""The columns of ``items``; a dropped question's text and the reason come first."""
BRIEF = ("query", "response")
_KINDS: dict[str, pa.DataType] = {
    **dict.fromkeys(("difficulty", "reward", "best_reward", "agreement", "pass_rate", "novelty"), pa.float64()),
    **dict.fromkeys(("n_solutions", "near_duplicates", "query_chars", "response_tokens"), pa.int64()),
    **dict.fromkeys(("reasoning_tokens", "sample"), pa.int64()),
    **dict.fromkeys(("solvable", "contaminated", "edited", "chosen"), pa.bool_()),
    "tags": pa.list_(pa.string()),
}
"""The types of columns other than texts."""
_BLANK = "\t\n\f\r \u00a0\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff'\"\u2018\u2019\u201c\u201d"
RUNS = f"^[{_BLANK}]*[=+\\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r]"
"""Texts that a spreadsheet may run as a formula, also after blanks or quotes; valid in RE2 and in Python."""


@dataclass(frozen=True, slots=True)
class Format:
    """A row is made of these ``columns`` of ``view``; ``line``: the SQL of its line, None for Parquet. ``full``: the
    columns of the option --full; empty where there is none. ``apart``: the SQL of a line with the reasoning in a field
    of its own, for a format whose line has one.
    """

    description: str
    ending: Literal["jsonl", "parquet", "csv"]
    columns: tuple[str, ...] = BRIEF
    line: str | None = None
    view: View = "pairs"
    full: tuple[str, ...] = ()
    apart: str | None = None

    @property
    def has_samples(self) -> bool:
        """Whether a row is one response, so that every sample can make one."""
        return self.view == "pairs" and "rejected" not in (self.line or "")

    @property
    def has_reasoning_field(self) -> bool:
        return self.view == "pairs" and (not self.line or self.apart is not None)


def _object(**fields: str) -> str:
    """The SQL of a JSON object of these fields."""
    return f"to_json({{{', '.join(f'{name!r}: {value}' for name, value in fields.items())}}}) || chr(10)"


_USER = "{'role': 'user', 'content': query}"
_MESSAGES = f"[{_USER}, {{'role': 'assistant', 'content': response}}]"
# Lists in DuckDB have one type, messages with a further field do not: the list is put together from JSON texts.
_THOUGHT = "to_json({'role': 'assistant', 'reasoning_content': reasoning, 'content': response})"
_MESSAGES_APART = f"[to_json({_USER}), {_THOUGHT}]"
_APART = (
    f"""CASE WHEN reasoning IS NULL THEN {_object(messages=_MESSAGES)} ELSE {_object(messages=_MESSAGES_APART)} END"""
)
_TURNS = "[{'from': 'human', 'value': query}, {'from': 'gpt', 'value': response}]"
FORMATS: dict[str, Format] = {
    "jsonl": Format("query and response, a JSON object a line", "jsonl", full=PAIR, line=""),
    "parquet": Format("query and response, as Parquet", "parquet", full=PAIR),
    "messages": Format("TRL's messages of role and content", "jsonl", line=_object(messages=_MESSAGES), apart=_APART),
    "alpaca": Format(
        "instruction, input (empty), output", "jsonl", line=_object(instruction="query", input="''", output="response")
    ),
    "sharegpt": Format("conversations with from and value", "jsonl", line=_object(conversations=_TURNS)),
    "prompt_completion": Format(
        "TRL's prompt and completion", "jsonl", line=_object(prompt="query", completion="response")
    ),
    "dpo": Format(
        "TRL's prompt, chosen and rejected: by imported preferences, else by the rewards of a question's samples",
        "jsonl",
        line=_object(prompt="query", chosen="response", rejected="rejected"),
    ),
    "rejected": Format(
        "the dropped questions, with the stage and the reason", "jsonl", columns=DROPPED, line="", view="items"
    ),
    "csv": Format("query and response for spreadsheets; formulas are disabled", "csv", full=PAIR, line=""),
    "hf": Format("a Hugging Face dataset folder: all columns, a card, what was dropped", "parquet", PAIR),
    "rl": Format(
        "prompts with gold answers, as a trainer of reinforcement learning reads them", "jsonl", PROMPT, view="prompts"
    ),
}

DATASET_REJECTED = Format("the dropped questions of a dataset folder", "parquet", columns=DROPPED, view="items")


def format_named(name: str) -> Format:
    """InputError for an unknown name."""
    if name not in FORMATS:
        raise InputError("--format", name, "is not known", f"choose from {', '.join(FORMATS)}")
    return FORMATS[name]


def columns(form: Format, full: bool, reasoning: Reasoning, all_samples: bool) -> tuple[str, ...]:
    """The columns of a format's rows with these options."""
    whole = form.full if full and form.full else form.columns
    if form.view != "pairs":
        return whole
    names = [name for name in whole if name != "reasoning"] if reasoning != "field" else [*whole]
    if reasoning == "field" and "reasoning" not in names and not form.line:
        names.append("reasoning")
    return (*names, *(SAMPLE if all_samples and "question_id" in names else ()))


def line(form: Format, columns: tuple[str, ...], reasoning: Reasoning = "inline") -> str | None:
    """The SQL of a row's line; None for Parquet."""
    if form.line is None or form.line:
        return form.apart if reasoning == "field" and form.apart else form.line
    if form.ending == "csv":
        return f"concat_ws(',', {', '.join(_cell(name) for name in columns)}) || chr(10)"
    return _object(**{name: name for name in columns})


def with_reasoning(response: str = "response", reasoning: str = "reasoning") -> str:
    """The SQL of a response with its reasoning before it, as ``engine.text.reasoning`` splits it again."""
    joined = f"'<think>' || chr(10) || {reasoning} || chr(10) || '</think>' || chr(10) || chr(10) || {response}"
    return f"CASE WHEN {reasoning} IS NULL THEN {response} ELSE {joined} END"


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
