"""The usual names of columns, in the order in which they are tried. A data set's layout is read off them."""

from collections.abc import Iterable, Sequence

QUESTION = ("query", "problem", "question", "instruction", "prompt")
RESPONSE = ("response", "generations", "solution", "output", "completion", "chosen")
CHAT = ("messages", "conversations")
"""A list of messages: the first of the user is the question, the answer to it the response."""
ANSWER = ("reference_answer", "answer", "expected_answer", "final_answer")
TOPIC = ("topic", "subject", "type")
ID = ("query_id", "question_id", "id")
RATE: tuple[tuple[str, ...], ...] = (
    ("fail_rate",),
    ("pass_rate",),
    ("tot_n_corrects", "tot_n_samples"),
    ("n_correct", "n_samples"),
    ("correct", "n"),
)
"""How a fail rate is spelled: the rate itself, its complement, or counts of correct samples and of all."""


def first(names: Iterable[str], columns: Sequence[str]) -> str | None:
    """The first of the names that is a column."""
    return next((name for name in names if name in columns), None)


def find(names: Sequence[str], columns: Sequence[str]) -> str | None:
    """As ``first``; where no name is a column, one that differs in its case alone."""
    lower = {column.lower(): column for column in reversed(columns)}
    return first(names, columns) or next((lower[name] for name in names if name in lower), None)


def of(rows: Iterable[object]) -> list[str]:
    """The names of the columns in these rows; refused rows have none."""
    return list(dict.fromkeys(name for row in rows if isinstance(row, dict) for name in row))
