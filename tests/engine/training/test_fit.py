"""The training loops, on a model small enough to train in a second."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.training.fit import (
    Budget,
    Example,
    PreferenceExample,
    batches,
    collate,
    fit_dpo,
    fit_lm,
    fit_logit,
    lm_loss,
    sequence_logprobs,
)
from engine.training.muon import orthogonal
from engine.training.nano import family


class Ids:
    """Enough of a tokeniser for a config."""

    def convert_tokens_to_ids(self, token: str) -> int:
        return 2 if token == "<|im_end|>" else 0


def small(seed: int = 0) -> Any:
    return family.new_solver(Ids(), seed, "cpu", hidden=32, layers=2, inner=32)


def counting(n: int = 4000) -> Iterator[Example]:
    """A prompt of noise, then a response that repeats its first token: learnable, and only where the loss is."""
    rng = random.Random(0)
    for _ in range(n):
        prompt = [rng.randint(10, 30) for _ in range(4)]
        yield Example([*prompt, 5, prompt[0], 6], 4)


def test_the_loss_falls_on_the_response_and_leaves_the_prompt_unlearned() -> None:
    model = small()
    held = list(counting(64))
    ids, response = collate(held, torch.device("cpu"))
    prompt = torch.where(response == -100, ids, -100)
    before = lm_loss(model, ids, response).item()
    fit_lm(model, counting(9000), Budget(50_000, 256, 1e-2, 1e-2))
    assert lm_loss(model, ids, response).item() < before / 3
    assert lm_loss(model, ids, prompt).item() > 3.0  # 21 equally likely tokens: ln 21 = 3.04


def test_training_goes_on_from_its_checkpoint_as_if_never_stopped(tmp_path: Path) -> None:
    budget = Budget(6_000, 512, 3e-3, 3e-3)
    whole = small()
    fit_lm(whole, counting(), budget)

    class Stop(Exception):
        pass

    def stop(event: dict[str, Any]) -> None:
        if event["done"] > 2_500:
            raise Stop

    parts = small()
    with pytest.raises(Stop):
        fit_lm(parts, counting(), budget, stop, checkpoint=tmp_path / "c.pt", every_s=0, report_s=0)
    resumed = small(seed=9)
    fit_lm(resumed, counting(), budget, checkpoint=tmp_path / "c.pt")
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-5)


def test_preference_training_ranks_the_chosen_side_higher() -> None:
    reference, model = small(), small()
    pairs = [PreferenceExample([1, 3, 7, 8, 9, 2], [1, 3, 9, 8, 7, 2], 2)] * 64
    share = fit_dpo(model, reference, pairs, Budget(0, 256, 3e-3, 3e-3), epochs=4)
    assert share > 0.6
    ids, labels = collate([Example(pairs[0].chosen, 2), Example(pairs[0].rejected, 2)], torch.device("cpu"))
    chosen, rejected = sequence_logprobs(model, ids, labels)[0]
    assert chosen > rejected


def test_a_scorer_learns_a_rate_from_text_of_any_length() -> None:
    scorer = family.new_scorer(small(), 0, "cpu")
    rng = random.Random(0)
    texts = [[rng.choice([5, 6]), *(rng.randint(10, 30) for _ in range(rng.randint(1, 6)))] for _ in range(400)]
    fit_logit(scorer, texts, [0.9 if ids[0] == 5 else 0.2 for ids in texts], Budget(0, 256, 3e-3, 3e-3), epochs=8)
    with torch.inference_mode():
        logits = [scorer(input_ids=torch.tensor([[first, 20, 21]])).logits.sigmoid().item() for first in (5, 6)]
    assert logits == pytest.approx([0.9, 0.2], abs=0.1)


def test_batches_hold_every_example_once_and_keep_to_their_size() -> None:
    examples = [Example([1] * random.Random(i).randint(1, 50)) for i in range(500)]
    cut = list(batches(examples, 256, pool=200))
    assert sorted(id(e) for batch in cut for e in batch) == sorted(id(e) for e in examples)
    assert max(max(len(e.ids) for e in batch) * len(batch) for batch in cut) <= 256


def test_muon_makes_updates_orthogonal() -> None:
    torch.manual_seed(0)
    update = orthogonal(torch.randn(3, 24, 64))
    values = torch.linalg.svdvals(update)
    assert values.min().item() > 0.6
    assert values.max().item() < 1.3
