"""How much memory each GPU needs for a training, by arithmetic: before anything is loaded.

With P parameters, in bytes:

    all weights, float32    16 P / n on each of n GPUs: weight 4, gradient 4, AdamW's two moments 8
                            + 2 P on one GPU: the bfloat16 copies that autocast keeps for a step
                            + on several (FSDP2): two layers gathered in bfloat16, 2 each parameter, and the embeddings,
                            2 gathered and 6 for their gradient on its way
    --low-memory            8 P, in bfloat16: weight 2, gradient 2, moments 4
    --lora                  2 P, frozen, + 16 for each parameter of the adapters
    activations             34 h a token and layer of hidden size h (Korthikanti et al. 2022, arXiv 2205.05198, section
                            4.1, without the attention matrix, which no kernel in use stores); with gradient
                            checkpointing 4 h, and 34 h for the layer in work; logits are computed in tiles
    QPO's reference         2 P, alone on the first GPU before the training, not with it

Not measured on a GPU: expect 10-20 % of difference.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from engine.config import prompts
from engine.config.profiles import Role
from engine.models import sizes
from engine.training.record import Kind
from engine.training.settings import Settings
from store.errors import InputError

CARDS = (24, 40, 80, 141)
"""GiB of the GPUs in use: RTX 4090 or A10, A100 40, A100 or H100 80, H200."""
_USABLE = 0.97
"""Of a card's nominal memory; the driver keeps the rest."""
_CONTEXT = 2 << 30
"""Bytes of CUDA's context, of communication buffers and of what the allocator cannot use."""
_LINEAR = 20
"""The inputs and outputs of a layer's linear maps, together, in hidden sizes; for adapters."""


@dataclass(frozen=True, slots=True)
class Shape:
    parameters: int
    layers: int
    hidden: int
    vocabulary: int = 152_064
    """Tokens; Qwen's where unknown, the most of the models in use."""

    @property
    def embeddings(self) -> int:
        """Parameters of the input and output embeddings, at most half of all."""
        return min(2 * self.vocabulary * self.hidden, self.parameters // 2)


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes on each GPU of one way to train; ``reference``: of the first GPU, before the training."""

    way: str
    gpus: int
    weights: int
    gradients: int
    moments: int
    copies: int
    activations: int
    reference: int

    @property
    def total(self) -> int:
        parts = (self.weights, self.gradients, self.moments, self.copies, self.activations, _CONTEXT)
        return max(sum(parts), self.reference + _CONTEXT)

    @property
    def fits(self) -> list[int]:
        """Those of ``CARDS`` that hold it, in GiB."""
        return [card for card in CARDS if self.total <= card * _USABLE * 2**30]

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "context": _CONTEXT, "total": self.total, "fits": self.fits}


def shape(base: str, revision: str | None) -> Shape:
    """The model's size, from its folder, the download cache, ``assets/models.toml`` or its name. InputError where none
    of them tells."""
    role = Role("base", base, "transformers", base, prompts.template("plain"), revision=revision, dtype="float32")
    weights = sizes.size(role).weight_bytes
    if not weights:
        problem = "has an unknown number of parameters"
        raise InputError("--base", base, problem, "name a folder, or a model whose name tells it, as in Name-7B")
    parameters = weights // 4
    folder = role.path or sizes.cached(base, revision)
    try:
        config = json.loads((folder / "config.json").read_text("utf-8")) if folder else {}
        return Shape(parameters, config["num_hidden_layers"], config["hidden_size"], config["vocab_size"])
    except (OSError, ValueError, KeyError, TypeError):
        if known := sizes.stated(base):
            return Shape(parameters, known.layers, known.hidden, known.vocabulary)
        # By the proportions of 7B models: 12 h^2 parameters a layer, h = 128 layers.
        layers = max(1, round((parameters / (12 * 128**2)) ** (1 / 3)))
        return Shape(parameters, layers, 128 * layers)


def needs(kind: Kind, model: Shape, settings: Settings, gpus: Sequence[int]) -> list[Need]:
    """All weights on each of these numbers of GPUs that divide the batch, then the two ways on one."""
    options = [replace(settings, gpus=n, lora=False, low_memory=False) for n in gpus if settings.batch % n == 0]
    plain = replace(settings, gpus=1, lora=False, low_memory=False)
    return [_whole(kind, model, one) for one in options] + [
        _low_memory(kind, model, replace(plain, low_memory=True)),
        _lora(kind, model, replace(plain, lora=True, norm_only=False)),
    ]


def _whole(kind: Kind, model: Shape, settings: Settings) -> Need:
    p, n = model.parameters, settings.gpus
    layer = (p - model.embeddings) // model.layers
    copies = 2 * p if n == 1 else 4 * layer + 8 * model.embeddings
    parts = (4 * p // n, 4 * p // n, 8 * p // n, copies)
    return Need(f"--gpus {n}", n, *parts, _activations(kind, model, settings), _reference(kind, model))


def _low_memory(kind: Kind, model: Shape, settings: Settings) -> Need:
    p = model.parameters
    return Need("--low-memory", 1, 2 * p, 2 * p, 4 * p, 0, _activations(kind, model, settings), _reference(kind, model))


def _lora(kind: Kind, model: Shape, settings: Settings) -> Need:
    adapters = settings.lora_rank * _LINEAR * model.hidden * model.layers
    parts = (2 * model.parameters + 4 * adapters, 4 * adapters, 8 * adapters, 2 * adapters)
    return Need("--lora", 1, *parts, _activations(kind, model, settings), 0)


def _activations(kind: Kind, model: Shape, settings: Settings) -> int:
    rows = settings.parts[0] * (2 if kind == "qpo" else 1)  # a pair has two sides
    tokens = rows * settings.max_length
    if settings.gradient_checkpointing or settings.low_memory:
        return tokens * model.hidden * (4 * model.layers + 34)
    return tokens * model.hidden * 34 * model.layers


def _reference(kind: Kind, model: Shape) -> int:
    return 2 * model.parameters if kind == "qpo" else 0
