from __future__ import annotations

import torch

from engine.models.local.sampling import uniforms
from engine.seeds import item_seed


def test_an_items_seed_is_fixed_for_ever() -> None:
    assert item_seed(11, 0, "question") == 3697893047209705201
    assert item_seed(11, 0, "question") == item_seed(11, 0, "question", 0)


def test_seeds_differ_by_run_item_purpose_and_sample_and_fit_63_bits() -> None:
    seeds = {
        item_seed(run, idx, purpose, sample)
        for run in range(5)
        for idx in range(200)
        for purpose in ("question", "solution")
        for sample in range(5)
    }
    assert len(seeds) == 5 * 200 * 2 * 5
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_random_numbers_are_even_and_unrelated_between_steps_and_seeds() -> None:
    seeds = torch.tensor([item_seed(1, i, "question") for i in range(2000)])
    table = torch.stack([uniforms(seeds, torch.full_like(seeds, step)) for step in range(50)])
    assert float(table.min()) >= 0.0
    assert float(table.max()) < 1.0
    assert abs(float(table.mean()) - 0.5) < 0.01
    counts = torch.histc(table.float(), bins=20, min=0.0, max=1.0)
    assert float(counts.min()) > 0.9 * table.numel() / 20
    assert abs(float(torch.corrcoef(table[:2])[0, 1])) < 0.1
    assert len(set(table.flatten().tolist())) == table.numel()


def test_neighbouring_seeds_share_no_sequence() -> None:
    seeds = torch.arange(1000)
    table = torch.stack([uniforms(seeds, torch.full_like(seeds, step)) for step in range(100)])
    assert len(set(table.flatten().tolist())) == table.numel()
