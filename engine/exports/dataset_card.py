"""The dataset card of a dataset folder: a YAML header that ``datasets`` opens the folder by, and what people ask first.

Everything in it comes from the rows and from the runs' records; no time, no path. Knows no file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from engine.exports import manifest as manifests
from engine.exports.plan import LICENSE, Plan
from store.database import replace_verdicts, run_queries
from store.export import card_statistics, formats
from store.export.card_statistics import Figures
from store.export.rows import Array, Cursor, Selected
from store.records import Run

_SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
_NAMES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "n>100M")
_SAYS = {
    "question_id": "its id in the workspace",
    "run_id": "the run that made it",
    "generator": "the model that wrote the question, or where it came from",
    "query": "the question",
    "response": "the solution with the highest reward, or the one a reviewer chose",
    "answer": "the final answer that the response states",
    "topic": "one of MATH's subjects, or Arithmetic",
    "difficulty": "predicted fail rate, 0 to 1",
    "reward": "the reward model's score of the response",
    "agreement": "share of the samples with the response's final answer, 0 to 1",
    "majority_answer": "the final answer of most samples",
    "reference_answer": "the known answer, where the question came with one",
    "n_solutions": "samples that were drawn",
    "status": "unreviewed, accepted, rejected or skipped by a reviewer",
    "tags": "a reviewer's tags",
    "edited": "whether a reviewer changed a text",
}
_TITLES = {
    "difficulty": "difficulty (predicted fail rate)",
    "reward": "reward",
    "agreement": "agreement",
    "n_solutions": "samples a question",
    "query_chars": "characters of a question",
    "response_chars": "characters of a solution",
    "response_tokens": "tokens of a solution (the solver's)",
}
_PAPER = """@article{ding2024scalequest,
  title = {Unleashing LLM Reasoning Capability via Scalable Question Synthesis from Scratch},
  author = {Ding, Yuyang and Shi, Xinyu and Liang, Xiaobo and Li, Juntao and Tu, Zhaopeng and Zhu, Qiaoming and Zhang, Min},
  journal = {arXiv preprint arXiv:2410.18693},
  year = {2024}
}"""  # noqa: E501


def text(
    cursor: Cursor,
    plan: Plan,
    chosen: Selected,
    runs: Sequence[Run],
    files: Mapping[str, Mapping[str, Any]],
) -> str:
    """The README.md; ``files``: what was written, or will be (``bytes`` is not known then), by path."""
    figures = card_statistics.figures(cursor, chosen)
    parts = [
        _header(plan, files),
        "# Questions and solutions made with ScaleQuest Explorer",
        _start(plan, files),
        _schema(files),
        _statistics(figures, chosen),
        _generation(runs),
        _funnel(cursor, runs),
        _contamination(cursor, runs),
        _limits(plan, runs, chosen),
        f"## Citation\n\nThe method is ScaleQuest's:\n\n```bibtex\n{_PAPER}\n```",
    ]
    return "\n\n".join(parts) + "\n"


def _header(plan: Plan, files: Mapping[str, Mapping[str, Any]]) -> str:
    rows = sum(one["rows"] for path, one in files.items() if "rejected" not in path)
    size = _NAMES[sum(rows >= limit for limit in _SIZES)]
    tags = "\n".join(f"- {tag}" for tag in ("synthetic", "math", "reasoning", "question-answering", "scalequest"))
    default = "\n".join(f"  - split: {split}\n    path: {path}" for split, path in plan.files.items())
    rejected = _REJECTED.format(path=path) if (path := _rejected(files)) else ""
    return f"""---
license: {plan.license}
language:
- en
size_categories:
- {size}
task_categories:
- text-generation
- question-answering
tags:
{tags}
configs:
- config_name: default
  default: true
  data_files:
{default}{rejected}
---"""


_REJECTED = """
- config_name: rejected
  data_files:
  - split: train
    path: {path}"""


def _rejected(files: Mapping[str, Mapping[str, Any]]) -> str | None:
    """The file of what was dropped, where anything was."""
    return next((path for path in files if "rejected" in path), None)


def _start(plan: Plan, files: Mapping[str, Mapping[str, Any]]) -> str:
    more = 'rejected = load_dataset("THIS_DATASET", "rejected", split="train")  # what was dropped, and why\n'
    more = more if _rejected(files) else ""
    written = [(path, f"{one['rows']:,}", f"{one['bytes']:,}" if "bytes" in one else "") for path, one in files.items()]
    splits = _table(("file", "rows", "bytes"), written)
    return f"""## Quick start

```python
from datasets import load_dataset

train = load_dataset("THIS_DATASET", split="train")        # query, response, and what is known of each
{more}```

{splits}

`manifest.json` tells what the files are made of; `scalequest export --verify manifest.json` makes them again and
compares them to the byte. The rows: filter `{json.dumps(plan.filter.to_dict())}` over all pairs.\
{" Validation rows are whole clusters of duplicates: none has a near-duplicate in train." if plan.validation else ""}"""


def _schema(files: Mapping[str, Mapping[str, Any]]) -> str:
    kinds = {field.name: str(field.type) for field in formats.schema(formats.PAIR)}
    rows = [(f"`{name}`", kinds[name].replace("<", "(").replace(">", ")"), said) for name, said in _SAYS.items()]
    return f"## Columns\n\n{_table(('column', 'type', 'what it is'), rows)}"


def _statistics(figures: Figures, chosen: Selected) -> str:
    found = [(title, figures.numbers[name]) for name, title in _TITLES.items() if len(figures.numbers[name])]
    rows = [(title, f"{len(values):,}", *map(_number, _cuts(values))) for title, values in found]
    parts = [
        "## Statistics",
        f"{figures.rows:,} pairs; by review: {_listed(chosen.counts('status').items())}.",
        _table(("", "rows with it", "mean", "least", "p5", "median", "p95", "greatest"), rows),
        _table(("topic", "rows", "share"), _shares(figures.topics, figures.rows)),
    ]
    for name in ("difficulty", "agreement"):
        if len(figures.numbers[name]):
            parts.append(_histogram(_TITLES[name], figures.numbers[name]))
    return "\n\n".join(parts)


def _generation(runs: Sequence[Run]) -> str:
    parts = ["## How it was made"]
    for run in runs:
        made = {"generate": "generated", "live": "generated one by one", "import": "imported"}.get(run.kind, run.kind)
        head = f"**{_plain(run.name or run.run_id)}** (`{run.run_id}`): {made}, seed {run.seed}."
        models = manifests.models(run.config)
        names = ("role", "model", "revision", "backend", "temperature", "top_p", "n")
        rows = [[_plain(one.get(name)) for name in names] for one in models]
        parts.append("\n\n".join([head, *([_table(names, rows)] if rows else [])]))
    return "\n\n".join(parts)


def _funnel(cursor: Cursor, runs: Sequence[Run]) -> str:
    found = run_queries.funnel(cursor, *(run.run_id for run in runs)) if runs else []
    rows = [(one.stage, *(f"{n:,}" for n in (one.entered, one.kept, one.dropped, one.pending))) for one in found]
    said = "All questions of these runs, stage by stage. What was dropped, as far as the filter lets it through, is in "
    said += "the configuration `rejected`."
    return f"## Funnel\n\n{said}\n\n{_table(('stage', 'entered', 'kept', 'dropped', 'pending'), rows)}"


def _contamination(cursor: Cursor, runs: Sequence[Run]) -> str:
    rows = []
    checked = card_statistics.checked(cursor, [run.run_id for run in runs])
    for run in runs:
        note = replace_verdicts.notes(cursor, run.run_id).get("contamination")
        names = [str(manifests.without_paths(one)) for one in run.config.get("benchmarks") or ()]
        against = _plain(manifests.without_paths(note["words"])) if note else ", ".join(map(_plain, names))
        for one in (one for one in checked if one.run_id == run.run_id):
            looked = "nobody has looked" if one.judge == "import" or not against else against
            rows.append((f"`{run.run_id}`", looked, f"{one.entered:,}", f"{one.dropped:,}"))
    said = (
        "A question is dropped that shares 13 words in a row with a benchmark's question, or is one. Paraphrases are "
    )
    said += "not found by that."
    return f"## Decontamination\n\n{said}\n\n{_table(('run', 'against', 'questions', 'dropped'), rows)}"


def _limits(plan: Plan, runs: Sequence[Run], chosen: Selected) -> str:
    reviewed = sum(n for status, n in chosen.counts("status").items() if status != "unreviewed")
    total = max(chosen.rows.num_rows, 1)
    said = [
        f"{reviewed:,} of {chosen.rows.num_rows:,} pairs ({reviewed / total:.1%}) have been seen by a person.",
        "Solutions are a model's; the response is the one that a reward model liked most, which is no proof.",
        "`difficulty` is a prediction, and `level-based` for questions that were imported.",
        "Near-duplicates that differ in their numbers are kept.",
    ]
    if any(run.kind == "import" for run in runs):
        said.append("Imported rows have only the verdicts that were asked for; what was not asked counts as kept.")
    if any("nano" in json.dumps(manifests.models(run.config)) for run in runs):
        said.append("The nano models write school problems, and their reward is the solver's own confidence.")
    if plan.license == LICENSE:
        said.append("No licence has been chosen: it depends on the models' and the sources' licences.")
    return "## Known limits\n\n" + "\n".join(f"- {one}" for one in said)


def _cuts(values: Array) -> list[float]:
    return [float(values.mean()), *(float(cut) for cut in np.quantile(values, (0, 0.05, 0.5, 0.95, 1)))]


def _histogram(title: str, values: Array) -> str:
    counts, edges = np.histogram(values, bins=10, range=(0, 1))
    shares = [f"{n / len(values):.1%}" for n in counts]
    bins = [f"{low:.1f} to {high:.1f}" for low, high in pairwise(edges)]
    rows = zip(bins, [f"{n:,}" for n in counts], shares, strict=True)
    return _table((title, "rows", "share"), rows)


def _shares(counts: Iterable[tuple[str | None, int]], total: int) -> list[tuple[str, str, str]]:
    return [(_plain(name) or "none", f"{n:,}", f"{n / max(total, 1):.1%}") for name, n in counts]


def _listed(counts: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{n:,} {name}" for name, n in counts) or "none"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _plain(value: object) -> str:
    """A cell of a table: one line, nothing that Markdown or HTML reads."""
    said = "" if value is None else " ".join(str(value).split())
    return "".join(f"\\{char}" if char in r"\`*_[]<>|#$" else char for char in said)
