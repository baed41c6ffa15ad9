"""What the reference model of DPO thinks of each pair, computed once before the training.

The reference is the base, whatever checkpoint a resumed training continues from. Its log-probabilities do not change:
they are kept in the training's folder, and no second model is in memory while the first is trained.
"""

from collections.abc import Sequence
from typing import Any

from engine.training import base, json_lines
from engine.training.session import Session

FILE = "reference.jsonl"
CHOSEN, REJECTED = "ref_chosen_logps", "ref_rejected_logps"
"""Columns, by the names that TRL's DPOTrainer reads."""
_STAGE, _TOGETHER = "reference", 256
Columns = dict[str, list[Any]]


def log_probs(at: Session, columns: Columns) -> Columns:
    """Columns with the sum of the log-probabilities of each pair's sides (natural logarithm), given its prompt. What an
    earlier call has computed is read. Raises Interrupted."""
    path = at.training.folder / FILE
    n = len(columns["prompt_ids"])
    known = {int(row["row"]): row for row in json_lines.read(path)}
    both = zip(columns["chosen_ids"], columns["rejected_ids"], strict=True)
    lengths = [len(chosen) + len(rejected) for chosen, rejected in both]
    missing = sorted(set(range(n)) - known.keys(), key=lengths.__getitem__)  # alike together: less padding
    if missing:
        model = base.load_model(at.training, at.settings, reference=True).eval()
        at.progress(_STAGE, len(known), n)
        for start in range(0, len(missing), _TOGETHER):
            rows = missing[start : start + _TOGETHER]
            found = _computed(at, model, columns, rows)
            json_lines.append(path, found)
            known |= {row["row"]: row for row in found}
            at.progress(_STAGE, len(known), n)
        del model
        base.free_memory()
    return {CHOSEN: [known[row]["chosen"] for row in range(n)], REJECTED: [known[row]["rejected"] for row in range(n)]}


def _computed(at: Session, model: Any, columns: Columns, rows: Sequence[int]) -> list[dict[str, Any]]:
    size = at.settings.micro_batch
    found: list[dict[str, Any]] = [{"row": row} for row in rows]
    for start in range(0, len(rows), size):
        part = found[start : start + size]
        for side in ("chosen", "rejected"):
            texts = [(columns["prompt_ids"][one["row"]], columns[f"{side}_ids"][one["row"]]) for one in part]
            for one, value in zip(part, _sums(model, texts, at.settings.max_length), strict=True):
                one[side] = value
        at.progress.check()
    return found


def _sums(model: Any, texts: Sequence[tuple[list[int], list[int]]], length: int) -> list[float]:
    """For each (prompt, text): the log-probability of the text's tokens within the first ``length`` of both."""
    import torch

    ids = [torch.tensor([*prompt, *text][:length]) for prompt, text in texts]
    padded = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True)
    mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(row) for row in ids], batch_first=True)
    with torch.inference_mode():
        logits = model(input_ids=padded.to(model.device), attention_mask=mask.to(model.device), use_cache=False).logits
        sums = []
        for number, ((prompt, _), row) in enumerate(zip(texts, ids, strict=True)):
            targets = row[len(prompt) :].to(logits.device)
            stated = logits[number, len(prompt) - 1 : len(row) - 1].float()  # a row at a time: float32 logits are large
            sums.append(-float(torch.nn.functional.cross_entropy(stated, targets, reduction="sum")))
    return sums
