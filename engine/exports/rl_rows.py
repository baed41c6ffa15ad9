r"""Turns rows of ``prompts`` into the rows of a trainer, and picks those on which its rule is tested."""

import json
import re
from collections.abc import Sequence

import numpy as np
import orjson
import pyarrow as pa

from engine.exports.rl_trainers import TRAINERS, Prompt, Row
from engine.exports.self_test import MOST, Tested
from store.database.arrow import registered
from store.export.rows import Cursor, Selected

_DELIMITERS = (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"), ("\\boxed{", "}"))
_CHOICE = re.compile(r"(?:\\(?:text|textbf|mathrm)\{)?\s*\(?([A-J])\)?[.:]?\s*\}?")


class RlRows:
    """Makes the tables of one export's files."""

    def __init__(self, trainer: str, models: Sequence[str], selected: Selected) -> None:
        self.trainer = TRAINERS[trainer]
        self._rates = rate_columns(models)
        self.schema = None if self.trainer.schema is None else self.trainer.schema(list(self._rates.values()))
        total = selected.rows.num_rows
        places = np.linspace(0, max(total - 1, 0), min(total, MOST)).astype(int)
        self._picked: dict[int, Tested | None] = dict.fromkeys(selected.q[places].tolist())
        self._written: dict[str, int] = {}

    @property
    def tested(self) -> list[Tested]:
        """Rows for the self-test, spread evenly over those that were made."""
        return [row for row in self._picked.values() if row is not None]

    def table(self, rows: pa.Table, split: str) -> pa.Table:
        """The trainer's rows of a part of ``prompts`` with its keys: its columns, or ``line``."""
        made = [self._row(row, split) for row in rows.to_pylist()]
        if self.schema is not None:
            return pa.Table.from_pylist(made, self.schema)
        return pa.table({"line": pa.array([f"{orjson.dumps(row).decode()}\n" for row in made], pa.string())})

    def _row(self, given: Row, split: str) -> Row:
        index = self._written.get(split, 0)
        self._written[split] = index + 1
        rates = json.loads(given["rates"]) if given["rates"] else {}
        more = {name: given[name] for name in ("question_id", "topic", "difficulty")}
        more |= {column: rates.get(model) for model, column in self._rates.items()}
        gold = plain(given["reference_answer"], given["checkability"])
        text = self.trainer.prompt(given["query"])
        row = self.trainer.row(Prompt(text, given["query"], gold, more, split, index))
        if given["q"] in self._picked:
            self._picked[given["q"]] = (given["question_id"], gold, self.trainer.gold(row))
        return row


def measured_models(cursor: Cursor, selected: Selected) -> list[str]:
    """The models of which the selected questions have pass rates, by name."""
    query = "SELECT DISTINCT model FROM rate_rows WHERE q IN (SELECT q FROM chosen) ORDER BY model"
    with registered(cursor, chosen=selected.rows.select(["q"])):
        return [str(model) for (model,) in cursor.execute(query).fetchall()]


def rate_columns(models: Sequence[str]) -> dict[str, str]:
    """Model -> its column, ``pass_rate_MODEL``, of characters that every reader takes."""
    columns: dict[str, str] = {}
    for model in models:
        name = stem = f"pass_rate_{re.sub(r'[^A-Za-z0-9_.-]+', '_', model)[:80]}"
        while name in columns.values():
            name = f"{stem}_{len(columns)}"
        columns[model] = name
    return columns


def plain(gold: str, checkability: str | None = None) -> str:
    """The gold answer without the dollar signs or box around it; of a choice its letter alone."""
    text = gold.strip()
    for opening, closing in _DELIMITERS:
        inner = text[len(opening) : -len(closing)] if text.startswith(opening) and text.endswith(closing) else ""
        if inner.strip() and opening not in inner and _balanced(inner):
            text = inner.strip()
    if checkability == "choice" and (letter := _CHOICE.fullmatch(text)):
        return letter.group(1)
    return text or gold


def _balanced(text: str) -> bool:
    depth = 0
    for char in text:
        depth += (char == "{") - (char == "}")
        if depth < 0:
            return False
    return depth == 0
