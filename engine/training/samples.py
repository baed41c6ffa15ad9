"""Texts of a generator at fixed seeds before and after a training, and figures on texts: what the training has changed.

Knows the text contract and the training's folder; knows nothing of trainers.
"""

from __future__ import annotations

import queue
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from engine.config.profiles import Role
from engine.config.prompts import Template
from engine.config.sampling import Sampling
from engine.models.base import Completion, Failure, Request, TextModel
from engine.seeds import item_seed
from engine.training import record
from engine.training.session import Session

TEMPERATURE, TOP_P, MAX_TOKENS = 1.0, 0.99, 512
"""As the paper samples questions (section 2.2)."""
_WORD = re.compile(r"[A-Za-z]+(?:'[a-z]+)?")
Row = dict[str, Any]


def keep(
    session: Session, when: Literal["before", "after"], model: str, template: Template, data: Sequence[str]
) -> None:
    """Sample the model, as it stands on disk, into the training's ``samples.json``; once. ``data``: the texts that it
    is trained on, to compare with. Raises Interrupted, and what ``open_text`` raises."""
    kept, settings = record.samples(session.training.folder), session.settings
    if when in kept or not settings.samples:
        return
    revision = session.training.revision if when == "before" else None
    role = generator_role(model, template, revision, device="cpu" if settings.device == "cpu" else "auto")
    stage = f"samples {when}"
    with opened(role) as lm:
        results = sample(
            lm, template.text, role.sampling, settings.samples, settings.seed,
            lambda done: session.progress(stage, done, settings.samples),
        )  # fmt: skip
    rows = as_rows(results)
    whole = frozenset(data)
    figures = kept.get("statistics", {"data": statistics([{"text": text} for text in data])})
    sampling = {"temperature": role.temperature, "top_p": role.top_p, "max_tokens": role.max_tokens}
    common = {"template": template.id, "sampling": sampling, "n": settings.samples, "seed": settings.seed}
    figures = {**figures, when: statistics(rows, whole)}
    record.keep_samples(session.training, {**kept, **common, when: rows, "statistics": figures})


@contextmanager
def opened(role: Role) -> Iterator[TextModel]:
    """The role's model; torch has as many threads afterwards as before."""
    import torch

    from engine.models.load import open_text

    threads = torch.get_num_threads()
    model = open_text(role)
    try:
        yield model
    finally:
        model.close()
        torch.set_num_threads(threads)


def generator_role(model: str, template: Template, revision: str | None = None, **changes: Any) -> Role:
    """A generator as it is sampled here, on the transformers backend unless the changes name another."""
    sampling = {"temperature": TEMPERATURE, "top_p": TOP_P, "max_tokens": MAX_TOKENS}
    given = {"backend": "transformers", "model": model, "revision": revision, **sampling, **changes}
    return Role(role="generator", name=Path(model).name, template=template, **given)


def sample(
    model: TextModel, prompt: str, sampling: Sampling, n: int, seed: int, on_done: Callable[[int], None]
) -> list[Completion | Failure]:
    """``n`` continuations of one prompt, in order; the same seed gives the same texts on a CPU. ``on_done`` hears how
    many there are and may raise, which gives the rest up."""
    asked = [Request(f"sample{i}", prompt, sampling, item_seed(seed, i, "question")) for i in range(n)]
    return ask(model, asked, on_done)


def ask(
    model: TextModel, asked: Sequence[Request], on_done: Callable[[int], None], found: Callable[..., None] | None = None
) -> list[Completion | Failure]:
    """All results in the order of the requests, no more in flight than the model likes. ``found(result)`` gets each as
    it comes. Raises the error of a model that is gone."""
    done: queue.SimpleQueue[Completion | Failure] = queue.SimpleQueue()
    results: dict[str, Completion | Failure] = {}
    sent = 0
    try:
        while len(results) < len(asked):
            until = min(len(asked), len(results) + model.window)
            if until > sent:
                model.submit(asked[sent:until], done.put)
                sent = until
            result = done.get()
            if isinstance(result, Failure) and result.fatal:
                raise result.error
            results[result.request_id] = result
            if found is not None:
                found(result)
            on_done(len(results))
    finally:
        if len(results) < sent:
            model.cancel([request.request_id for request in asked[:sent] if request.request_id not in results])
    return [results[request.request_id] for request in asked]


def as_rows(results: Sequence[Completion | Failure]) -> list[Row]:
    """What is kept of each: text, tokens, why it ended."""
    return [
        {"text": r.text, "tokens": r.tokens, "finish_reason": r.finish_reason}
        if isinstance(r, Completion)
        else {"text": "", "tokens": 0, "finish_reason": "error", "error": str(r.error)}
        for r in results
    ]


def statistics(rows: Sequence[Row], data: frozenset[str] = frozenset()) -> Row:
    """Figures on texts: their number and mean lengths, how many words they use, how many ended by themselves, how many
    are different, and how many are word for word in ``data``. Empty texts count."""
    n = max(len(rows), 1)
    texts = [str(row["text"]) for row in rows]
    words = [_WORD.findall(text.lower()) for text in texts]
    figures = {
        "texts": len(rows),
        "mean_words": round(sum(len(text.split()) for text in texts) / n, 1),
        "mean_chars": round(sum(map(len, texts)) / n, 1),
        "distinct_words": len({word for found in words for word in found}),
        "distinct_texts": len(set(texts)),
        "empty_share": round(sum(not text.strip() for text in texts) / n, 4),
    }
    if any("finish_reason" in row for row in rows):
        figures["mean_tokens"] = round(sum(row["tokens"] for row in rows) / n, 1)
        figures["ended_share"] = round(sum(row["finish_reason"] == "stop" for row in rows) / n, 4)
    if data:
        figures["in_data_share"] = round(sum(text.strip() in data for text in texts) / n, 4)
    return figures
