"""What a training changes: texts of a generator at fixed seeds before and after it, and statistics of texts."""

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
from engine.training import record, session
from engine.training.record import Training
from engine.training.session import Session

TEMPERATURE, TOP_P, MAX_TOKENS = 1.0, 0.99, 512
"""As the paper samples questions (section 2.2)."""
_WORD = re.compile(r"[A-Za-z]+(?:'[a-z]+)?")
Row = dict[str, Any]


def around(at: Session, template: Template, data: Sequence[str], fit: Callable[[], None]) -> Training:
    """A generator's training: sample before, ``fit`` unless the model is there, sample after. Returns the finished
    training."""
    training = at.training
    keep(at, "before", training.base, template, data)
    if not (training.folder / "config.json").is_file():
        fit()
    keep(at, "after", str(training.folder), template, data)
    return record.finish(record.read(training.folder), "done", **session.result(training))


def keep(at: Session, when: Literal["before", "after"], model: str, template: Template, data: Sequence[str]) -> None:
    """Sample the model on disk into the training's ``samples.json``, once. ``data``: its training texts, for
    comparison. Raises Interrupted, and as ``open_text`` does."""
    kept, settings = record.samples(at.training.folder), at.settings
    if when in kept or not settings.samples:
        return
    revision = at.training.revision if when == "before" else None
    role = generator_role(model, template, revision, device="cpu" if settings.device == "cpu" else "auto")
    stage = f"samples {when}"
    with opened(role) as lm:
        results = sample(
            lm, template.text, role.sampling, settings.samples, settings.seed,
            lambda done: at.progress(stage, done, settings.samples),
        )  # fmt: skip
    rows = as_rows(results)
    whole = frozenset(data)
    figures = kept.get("statistics", {"data": statistics([{"text": text} for text in data])})
    sampling = {"temperature": role.temperature, "top_p": role.top_p, "max_tokens": role.max_tokens}
    common = {"template": template.id, "sampling": sampling, "n": settings.samples, "seed": settings.seed}
    figures = {**figures, when: statistics(rows, whole)}
    record.keep_samples(at.training, {**kept, **common, when: rows, "statistics": figures})


@contextmanager
def opened(role: Role) -> Iterator[TextModel]:
    """The role's model for the block; restores torch's number of threads."""
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
    """A generator with the sampling of this module, on the transformers backend unless ``changes`` name another."""
    sampling = {"temperature": TEMPERATURE, "top_p": TOP_P, "max_tokens": MAX_TOKENS}
    given = {"backend": "transformers", "model": model, "revision": revision, **sampling, **changes}
    return Role(role="generator", name=Path(model).name, template=template, **given)


def sample(
    model: TextModel, prompt: str, sampling: Sampling, n: int, seed: int, on_done: Callable[[int], None]
) -> list[Completion | Failure]:
    """``n`` continuations of one prompt, in order; the same seed gives the same texts on a CPU. ``on_done`` gets the
    number done; if it raises, the rest is cancelled."""
    requests = [Request(f"sample{i}", prompt, sampling, item_seed(seed, i, "question")) for i in range(n)]
    return complete(model, requests, on_done)


def complete(
    model: TextModel,
    requests: Sequence[Request],
    on_done: Callable[[int], None],
    on_result: Callable[..., None] | None = None,
    affordable: Callable[[], int] | None = None,
) -> list[Completion | Failure]:
    """All results in the order of the requests, with at most the model's window in flight. ``on_result`` gets each as
    it comes. ``affordable``: how many may be in flight; where it is 0, the results so far are all. Raises the error of
    a model that is gone."""
    done: queue.SimpleQueue[Completion | Failure] = queue.SimpleQueue()
    results: dict[str, Completion | Failure] = {}
    sent = 0
    try:
        while len(results) < len(requests):
            most = model.window if affordable is None else min(model.window, affordable())
            until = min(len(requests), len(results) + most)
            if until > sent:
                model.submit(requests[sent:until], done.put)
                sent = until
            if sent == len(results):
                break
            result = done.get()
            if isinstance(result, Failure) and result.fatal:
                raise result.error
            results[result.request_id] = result
            if on_result is not None:
                on_result(result)
            on_done(len(results))
    finally:
        if len(results) < sent:
            model.cancel([request.request_id for request in requests[:sent] if request.request_id not in results])
    return [results[request.request_id] for request in requests if request.request_id in results]


def as_rows(results: Sequence[Completion | Failure]) -> list[Row]:
    """What is stored of each result: text, tokens, finish reason."""
    return [
        {"text": r.text, "tokens": r.tokens, "finish_reason": r.finish_reason}
        if isinstance(r, Completion)
        else {"text": "", "tokens": 0, "finish_reason": "error", "error": str(r.error)}
        for r in results
    ]


def statistics(rows: Sequence[Row], data: frozenset[str] = frozenset()) -> Row:
    """Statistics of texts: number, mean lengths, distinct words and texts, and the shares of texts that are empty, that
    ended by themselves, and that occur in ``data``."""
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
