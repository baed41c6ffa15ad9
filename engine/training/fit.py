"""Training loops for any causal LM or scorer of transformers: next-token loss, DPO, and regression of one logit.

They replace TRL's trainers for nano models, whose step takes milliseconds: a general trainer's overhead takes longer.

Departure from the paper (2.1): Muon for the weight matrices (AdamW for the rest) where next tokens are learned.
"""

import math
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.training.muon import Muon

Event = Callable[[dict[str, Any]], None]
IGNORED = -100
"""The label of a position without loss."""


@dataclass(frozen=True, slots=True)
class Example:
    """Token ids of one document; the loss covers ``ids[start:]`` (0: everything that has a token before it)."""

    ids: list[int]
    start: int = 0


@dataclass(frozen=True, slots=True)
class Budget:
    """How long and how fast: ``tokens`` seen in all (with padding left out), ``batch_tokens`` a step, peak ``lr``
    for the matrices, ``adam_lr`` for embeddings, norms and heads; linear warm-up over ``warmup`` of the steps,
    then cosine to a tenth.
    """

    tokens: int
    batch_tokens: int = 4096
    lr: float = 2e-3
    adam_lr: float = 2e-3
    warmup: float = 0.03
    weight_decay: float = 0.01


def quiet(_: dict[str, Any]) -> None:
    """Ignore progress."""


def batches(examples: Iterable[Example], batch_tokens: int, pool: int = 4096) -> Iterator[list[Example]]:
    """Batches of similar length: a pool is sorted, cut into batches of ``batch_tokens``, and shuffled with a fixed
    seed."""
    source = iter(examples)
    deal = random.Random(0)
    while chunk := list(islice(source, pool)):
        chunk.sort(key=lambda e: len(e.ids))
        cut: list[list[Example]] = [[]]
        width = 0
        for example in chunk:
            width = max(width, len(example.ids)) if cut[-1] else len(example.ids)
            if cut[-1] and width * (len(cut[-1]) + 1) > batch_tokens:
                cut.append([])
                width = len(example.ids)
            cut[-1].append(example)
        deal.shuffle(cut)
        yield from cut


def collate(batch: Sequence[Example], device: torch.device) -> tuple[Tensor, Tensor]:
    """(ids (B, T), labels (B, T)), right-padded with 0, which a causal mask hides from the tokens before."""
    width = max(len(e.ids) for e in batch)
    ids = torch.zeros((len(batch), width), dtype=torch.long)
    labels = torch.full((len(batch), width), IGNORED, dtype=torch.long)
    for row, example in enumerate(batch):
        length = len(example.ids)
        ids[row, :length] = torch.tensor(example.ids)
        labels[row, example.start : length] = ids[row, example.start : length]
    return ids.to(device, non_blocking=True), labels.to(device, non_blocking=True)


def lm_loss(model: Any, ids: Tensor, labels: Tensor) -> Tensor:
    """Mean next-token loss over the labelled positions; the output head is applied to those alone."""
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1]  # (B, T-1, H)
    targets = labels[:, 1:]
    wanted = targets != IGNORED
    return F.cross_entropy(model.lm_head(hidden[wanted]).float(), targets[wanted])


def sequence_logprobs(model: Any, ids: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """(summed log-probability (B,), number of labelled tokens (B,)) of each row's labelled part."""
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1]
    targets = labels[:, 1:]
    wanted = targets != IGNORED
    picked = -F.cross_entropy(model.lm_head(hidden[wanted]).float(), targets[wanted], reduction="none")
    sums = torch.zeros(ids.shape[0], device=ids.device).index_add_(0, wanted.nonzero()[:, 0], picked)
    return sums, wanted.sum(1)


class Optimiser:
    """Muon for the hidden layers' matrices, AdamW for everything else (without ``muon`` for all), one schedule."""

    def __init__(self, model: torch.nn.Module, budget: Budget, muon: bool = True) -> None:
        named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
        matrices = [p for n, p in named if muon and p.ndim == 2 and ".layers." in f".{n}"]
        taken = {id(p) for p in matrices}
        adam = torch.optim.AdamW(
            [p for _, p in named if id(p) not in taken], lr=budget.adam_lr, betas=(0.9, 0.95), weight_decay=0.0
        )
        self.parts: list[tuple[torch.optim.Optimizer, float]] = [(adam, budget.adam_lr)]
        if matrices:
            self.parts.append((Muon(matrices, lr=budget.lr, weight_decay=budget.weight_decay), budget.lr))
        self.parameters, self.warmup = [p for _, p in named], budget.warmup

    def step(self, done: float) -> None:
        """Clip, set the rate for the share ``done`` of the budget, step, clear."""
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        cosine = 0.1 + 0.45 * (1 + math.cos(math.pi * min(done, 1.0)))
        scale = min(1.0, (done + 1e-3) / self.warmup) * cosine if self.warmup else cosine
        for optimiser, lr in self.parts:
            for group in optimiser.param_groups:
                group["lr"] = lr * scale
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)

    def state(self) -> list[Any]:
        return [optimiser.state_dict() for optimiser, _ in self.parts]

    def restore(self, states: list[Any]) -> None:
        for (optimiser, _), state in zip(self.parts, states, strict=True):
            optimiser.load_state_dict(state)


def fit_lm(model: Any, examples: Iterable[Example], budget: Budget, on_event: Event = quiet, stage: str = "lm",
           checkpoint: Path | None = None, every_s: float = 60.0, report_s: float = 1.0) -> float:  # fmt: skip
    """Train on next tokens until the budget is spent; returns the smoothed loss.

    With ``checkpoint``, weights and optimiser are saved there every ``every_s`` seconds, and a second call continues
    from there, given the same examples in the same order.
    """
    device = next(model.parameters()).device
    optimiser = Optimiser(model, budget)
    model.train()
    seen, skip, smooth, reported_at = 0, 0, 0.0, 0.0
    if checkpoint is not None and checkpoint.exists():
        saved = torch.load(checkpoint, map_location=device, weights_only=True)
        model.load_state_dict(saved["model"])
        optimiser.restore(saved["optimiser"])
        seen, skip, smooth = saved["seen"], saved["steps"], saved["loss"]
    saved_at, steps = time.monotonic(), skip
    for batch in islice(batches(examples, budget.batch_tokens), skip, None):
        if seen >= budget.tokens:
            break
        ids, labels = collate(batch, device)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            loss = lm_loss(model, ids, labels)
        loss.backward()  # type: ignore[no-untyped-call]
        seen += sum(len(e.ids) for e in batch)
        steps += 1
        optimiser.step(seen / budget.tokens)
        if steps % 20 == 0 or steps == 1 or not report_s:
            smooth = loss.item() if not smooth else 0.8 * smooth + 0.2 * loss.item()
            if time.monotonic() - reported_at > report_s:
                reported_at = time.monotonic()
                event = {"event": "progress", "stage": stage, "done": seen, "total": budget.tokens}
                on_event({**event, "loss": round(smooth, 4)})
            if checkpoint is not None and time.monotonic() - saved_at > every_s:
                saved_at = time.monotonic()
                state = {"model": model.state_dict(), "optimiser": optimiser.state()}
                torch.save({**state, "seen": seen, "steps": steps, "loss": smooth}, checkpoint.with_suffix(".tmp"))
                checkpoint.with_suffix(".tmp").replace(checkpoint)
    model.eval()
    return smooth


@dataclass(frozen=True, slots=True)
class PreferenceExample:
    """Token ids of prompt + text + end token on both sides; the loss covers what follows the first ``start`` tokens."""

    chosen: list[int]
    rejected: list[int]
    start: int


def fit_dpo(model: Any, reference: Any, pairs: Sequence[PreferenceExample], budget: Budget, *, beta: float = 0.1,
            epochs: int = 1, on_event: Event = quiet, stage: str = "qpo", seed: int = 0) -> float:  # fmt: skip
    """Direct preference optimisation (paper 2.2: sigmoid loss, beta 0.1, prompt masked) of the parameters that require
    a gradient. Returns the share of pairs ranked right.

    ``budget.tokens`` is ignored: ``epochs`` counts.
    """
    device = next(model.parameters()).device
    # Muon spreads a sparse signal over every direction of a matrix: with it QPO lost valid questions (80 to 75 %).
    optimiser = Optimiser(model, budget, muon=False)
    model.train()
    reference.eval()
    size = max(1, budget.batch_tokens // (2 * max((len(p.chosen) for p in pairs), default=1)))
    total, done, right = epochs * len(pairs), 0, 0.5
    for epoch in range(epochs):
        order = list(pairs)
        random.Random(seed + epoch).shuffle(order)
        for at in range(0, len(order), size):
            batch = order[at : at + size]
            both = [Example(p.chosen, p.start) for p in batch] + [Example(p.rejected, p.start) for p in batch]
            ids, labels = collate(both, device)
            with torch.no_grad():
                expected, _ = sequence_logprobs(reference, ids, labels)
            sums, _ = sequence_logprobs(model, ids, labels)
            margin = (sums - expected)[: len(batch)] - (sums - expected)[len(batch) :]
            loss = -F.logsigmoid(beta * margin).mean()
            loss.backward()  # type: ignore[no-untyped-call]
            done += len(batch)
            optimiser.step(done / total)
            right = 0.95 * right + 0.05 * (margin > 0).float().mean().item()
            event = {"event": "progress", "stage": stage, "done": done, "total": total}
            on_event({**event, "ranked_right": round(right, 3)})
    model.eval()
    return right


def fit_logit(model: Any, texts: Sequence[list[int]], targets: Sequence[float], budget: Budget, *, epochs: int = 3,
              on_event: Event = quiet, stage: str = "score", seed: int = 0) -> float:  # fmt: skip
    """Regress sigmoid(logit) of a one-label sequence classifier on targets in [0, 1] (cross-entropy to the soft
    target).

    Departure from the paper (section 2.3, squared error on a bare head): the sigmoid keeps a rate within [0, 1].
    Returns the last loss.
    """
    device = next(model.parameters()).device
    optimiser = Optimiser(model, budget)
    model.train()
    rows = list(zip(texts, targets, strict=True))
    total, done, smooth = epochs * len(rows), 0, 0.7
    for epoch in range(epochs):
        random.Random(seed + epoch).shuffle(rows)
        wanted = {id(ids): target for ids, target in rows}
        for batch in batches([Example(ids) for ids, _ in rows], budget.batch_tokens):
            ids, labels = collate(batch, device)
            goal = torch.tensor([wanted[id(e.ids)] for e in batch], device=device)
            mask = (labels != IGNORED).long()
            logits = model(input_ids=ids, attention_mask=mask).logits[:, 0].float()
            loss = F.binary_cross_entropy_with_logits(logits, goal)
            loss.backward()  # type: ignore[no-untyped-call]
            done += len(batch)
            optimiser.step(done / total)
            smooth = 0.95 * smooth + 0.05 * loss.item()
            on_event({"event": "progress", "stage": stage, "done": done, "total": total, "loss": round(smooth, 4)})
    model.eval()
    return smooth
