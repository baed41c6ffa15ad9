"""The dataset card of a dataset folder: the YAML header for ``datasets``, columns, statistics, provenance and limits.

``assets/cards/dataset.md`` is filled from the rows and the runs' records alone: it contains neither times nor paths.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from string import Template
from typing import Any

import numpy as np

from engine.exports.manifest import models, without_paths
from engine.exports.plan import LICENSE, Plan
from engine.paths import ASSETS
from engine.text.verdict import undecided_warning
from store.database import check_notes, run_queries
from store.export import card_statistics, formats
from store.export.card_statistics import Figures, MeasuredRates
from store.export.rows import Array, Cursor, Selected
from store.records import Run

_SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
_NAMES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "n>100M")
_TITLES = {
    "difficulty": "difficulty (predicted fail rate)",
    "reward": "reward",
    "agreement": "agreement",
    "n_solutions": "solutions per question",
    "query_chars": "characters per question",
    "response_chars": "characters per solution",
    "response_tokens": "tokens per solution (the solver's)",
    "reasoning_tokens": "tokens of reasoning per solution (the solver's)",
}
_CORRECT = {"same": "the same", "different": "different", "undecided": "undecided", None: "no gold answer"}
_MEANING = {
    "question_id": "the id in the workspace",
    "run_id": "the run that generated it",
    "generator": "the model that wrote the question, or its source",
    "query": "the question",
    "response": "the solution with the highest reward, the only one, or the one that a reviewer chose",
    "answer": "the final answer that the response states",
    "topic": "one of MATH's subjects, or Arithmetic",
    "difficulty": "predicted fail rate, 0 to 1",
    "reward": "the reward model's score of the response",
    "agreement": "share of the samples with the response's final answer, 0 to 1",
    "majority_answer": "the final answer of most samples",
    "reference_answer": "the given answer, where the question has one",
    "n_solutions": "sampled solutions",
    "status": "unreviewed, accepted, rejected or skipped by a reviewer",
    "tags": "a reviewer's tags",
    "edited": "whether a reviewer changed a text",
    "level": "the level as the imported set calls it",
    "correct": "the response's answer against the given one: same, different or undecided",
    "pass_rate": "the pass rate of the model that the filter names, else of the one measured first, 0 to 1",
    "rates": "JSON text: model -> pass rate",
    "reasoning": "what the model wrote before the response",
    "reasoning_tokens": "tokens of the reasoning",
    "novelty": "how far the question is from others, where it was measured",
    "checkability": "whether a rule can check an answer: open, choice, yes_no, proof ...",
    "finish_reason": "why the solver stopped: stop, or length where it was cut off",
    "extra": "JSON text: the imported columns that no other column holds",
    "sample": "the number of the sample",
    "chosen": "whether the sample is the pair's response",
}
_VALIDATION = " Validation rows are whole clusters of duplicates: none has a near-duplicate in train."
_LOAD_REJECTED = 'rejected = load_dataset("THIS_DATASET", "rejected", split="train")  # dropped questions and reasons\n'
_REJECTED = """
- config_name: rejected
  data_files:
  - split: train
    path: """


def text(
    cursor: Cursor,
    plan: Plan,
    chosen: Selected,
    runs: Sequence[Run],
    files: Mapping[str, Mapping[str, Any]],
) -> str:
    """The text of README.md; ``files``: by path what was or will be written (then without ``bytes``)."""
    template = Template((ASSETS / "cards" / "dataset.md").read_text(encoding="utf-8"))
    rejected = next((path for path in files if "rejected" in path), None)
    rows = sum(one["rows"] for path, one in files.items() if path != rejected)
    written = [(path, f"{one['rows']:,}", f"{one['bytes']:,}" if "bytes" in one else "") for path, one in files.items()]
    types = {field.name: str(field.type) for field in formats.schema((*formats.PAIR, *formats.SAMPLE))}
    columns = [(f"`{name}`", types[name].replace("<", "(").replace(">", ")"), _MEANING[name]) for name in plan.columns]
    figures = card_statistics.figures(cursor, chosen)
    return template.substitute(
        columns=_table(("column", "type", "meaning"), columns),
        license=plan.license,
        size=_NAMES[sum(rows >= limit for limit in _SIZES)],
        splits="\n".join(f"  - split: {split}\n    path: {path}" for split, path in plan.files.items()),
        rejected=f"{_REJECTED}{rejected}" if rejected else "",
        load_rejected=_LOAD_REJECTED if rejected else "",
        files=_table(("file", "rows", "bytes"), written),
        filter=json.dumps(plan.filter.to_dict()),
        validation=_VALIDATION if plan.validation else "",
        statistics=_statistics(figures, chosen, card_statistics.measured_rates(cursor, chosen)),
        generation=_generation(runs),
        funnel="\n\n".join([_funnel(cursor, runs), *_cost(cursor, runs)]),
        contamination=_contamination(cursor, runs),
        limits=_limits(cursor, plan, runs, chosen),
    )


def _statistics(figures: Figures, chosen: Selected, rates: Sequence[MeasuredRates]) -> str:
    rows = []
    for name, title in _TITLES.items():
        if len(values := figures.numbers[name]):
            cuts = [float(cut) for cut in (values.mean(), *np.quantile(values, (0, 0.05, 0.5, 0.95, 1)))]
            rows.append((title, f"{len(values):,}", *map(_number, cuts)))
    reviewed = ", ".join(f"{n:,} {name}" for name, n in chosen.counts("status").items())
    parts = [
        f"{figures.rows:,} pairs; by review: {reviewed or 'none'}.",
        _table(("", "rows with it", "mean", "min", "p5", "median", "p95", "max"), rows),
        _table(("topic", "rows", "share"), _shares(figures.topics, figures.rows)),
    ]
    if any(name for name, _ in figures.correct):
        against = [(_CORRECT[name], n) for name, n in figures.correct]
        parts.append(_table(("answer against the gold answer", "rows", "share"), _shares(against, figures.rows)))
    if rates:
        measured = [(_plain(one.model), f"{one.questions:,}", f"{one.mean:.3f}", f"{one.never:,}", f"{one.always:,}")
                    for one in rates]  # fmt: skip
        parts.append(_table(("model", "questions with a pass rate", "mean", "never solved", "always solved"), measured))
    for name in ("difficulty", "agreement"):
        if len(figures.numbers[name]):
            parts.append(_histogram(_TITLES[name], figures.numbers[name]))
    return "\n\n".join(parts)


def _generation(runs: Sequence[Run]) -> str:
    parts = [""]
    for run in runs:
        made = {"generate": "generated", "live": "generated one by one", "import": "imported"}.get(run.kind, run.kind)
        seeded = "" if run.kind == "import" else f", seed {run.seed}"
        head = f"**{_plain(run.name or run.run_id)}** (`{run.run_id}`): {made}{seeded}."
        roles = models(run.config)
        names = ["role", "model", "revision", "backend", "temperature", "top_p", "top_k", "n"]
        if any("adapter" in one for one in roles):
            names.insert(2, "adapter")
        rows = [[_plain(one.get(name)) for name in names] for one in roles]
        parts.append("\n\n".join([head, *([_table(names, rows)] if rows else [])]))
    return "\n\n".join(parts)


def _funnel(cursor: Cursor, runs: Sequence[Run]) -> str:
    found = run_queries.funnel(cursor, *(run.run_id for run in runs)) if runs else []
    absent = run_queries.stages_not_run(cursor, *(run.run_id for run in runs)) if runs else set()
    rows = [
        (one.stage, "not run", "", "", "")
        if one.stage in absent
        else (one.stage, *(f"{n:,}" for n in (one.entered, one.kept, one.dropped, one.pending)))
        for one in found
    ]
    return _table(("stage", "entered", "passed", "dropped", "pending"), rows)


def _cost(cursor: Cursor, runs: Sequence[Run]) -> list[str]:
    """What paid models cost; empty where none had a price."""
    spend = run_queries.spend(cursor, *(run.run_id for run in runs)) if runs else []
    if not spend:
        return []
    rows = [
        (one.stage, *(f"{n:,}" for n in (one.requests, one.tokens_in, one.tokens_out)), f"{one.cost_usd:.4f}")
        for one in spend
    ]
    total = sum(one.cost_usd for one in spend)
    return [f"Paid models cost ${total:.4f}:", _table(("stage", "requests", "tokens read", "written", "USD"), rows)]


def _contamination(cursor: Cursor, runs: Sequence[Run]) -> str:
    rows = []
    counts = card_statistics.contamination_counts(cursor, [run.run_id for run in runs])
    for run in runs:
        note = check_notes.notes(cursor, run.run_id).get("contamination")
        names = [str(without_paths(one)) for one in run.config.get("benchmarks") or ()]
        against = _plain(without_paths(note["words"])) if note else ", ".join(map(_plain, names))
        for one in (one for one in counts if one.run_id == run.run_id):
            benchmarks = "not checked" if one.judge == "import" or not against else against
            rows.append((f"`{run.run_id}`", benchmarks, f"{one.entered:,}", f"{one.dropped:,}"))
    return _table(("run", "against", "questions", "dropped"), rows)


def _limits(cursor: Cursor, plan: Plan, runs: Sequence[Run], chosen: Selected) -> str:
    reviewed = sum(n for status, n in chosen.counts("status").items() if status != "unreviewed")
    total = max(chosen.rows.num_rows, 1)
    roles = [{one.get("role") for one in models(run.config)} for run in runs]
    unrewarded = bool(roles) and all(found and "reward" not in found for found in roles)
    by_reward = "the response has the highest reward, which does not prove that it is correct"
    by_nothing = "no reward model chose among them, and nothing proves that a response is correct"
    limits = [
        f"{reviewed:,} of {chosen.rows.num_rows:,} pairs ({reviewed / total:.1%}) were reviewed by a person.",
        f"Solutions are generated; {by_nothing if unrewarded else by_reward}.",
        "`difficulty` is a prediction; for imported questions it is based on their level.",
        "Near-duplicates that differ only in numbers are kept.",
    ]
    for run in runs:
        for one in run_queries.judge_replies(cursor, run.run_id):
            if warning := undecided_warning(one.judge, one.without, one.judged):
                limits.append(f"Run `{run.run_id}`: {_plain(warning.partition('; ')[0])}.")
    if any(run.kind == "import" for run in runs):
        limits.append("Imported rows have only the requested verdicts; stages that nobody ran pass them.")
    if any("nano" in json.dumps(models(run.config)) for run in runs):
        limits.append("The nano models write school problems; their reward is the solver's own confidence.")
    if plan.license == LICENSE:
        limits.append("No licence was chosen: it depends on the licences of models and sources.")
    return "\n".join(f"- {limit}" for limit in limits)


def _histogram(title: str, values: Array) -> str:
    counts, edges = np.histogram(values, bins=10, range=(0, 1))
    shares = [f"{n / len(values):.1%}" for n in counts]
    bins = [f"{low:.1f} to {high:.1f}" for low, high in pairwise(edges)]
    rows = zip(bins, [f"{n:,}" for n in counts], shares, strict=True)
    return _table((title, "rows", "share"), rows)


def _shares(counts: Iterable[tuple[str | None, int]], total: int) -> list[tuple[str, str, str]]:
    return [(_plain(name) or "none", f"{n:,}", f"{n / max(total, 1):.1%}") for name, n in counts]


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _plain(value: object) -> str:
    """A table cell: one line with Markdown and HTML escaped."""
    text = "" if value is None else " ".join(str(value).split())
    return "".join(f"\\{char}" if char in r"\`*_[]<>|#$" else char for char in text)
