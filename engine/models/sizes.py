"""The size of a model before it is loaded: from its folder, the download cache, ``assets/models.toml`` or its name."""

import json
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from engine.config.profiles import Role
from engine.paths import ASSETS

_WEIGHTS = ("*.safetensors", "*.npz", "*.bin")
_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2, "auto": 2}


@dataclass(frozen=True, slots=True)
class Stated:
    """A model's entry in ``assets/models.toml``: billions of parameters, its shape, its context.

    ``misread``: vLLM misreads its tokenizer unless it is given a folder (``engine.models.tokenizers``).
    ``reward_token_id``: the token at which its score is read.
    """

    kind: Literal["text", "reward"]
    family: str
    parameters: float
    layers: int
    heads: int
    kv_heads: int
    head_size: int
    hidden: int
    intermediate: int
    vocabulary: int
    context: int
    licence: str
    remote_code: bool = False
    misread: bool = False
    reward_token_id: int | None = None


@dataclass(frozen=True, slots=True)
class Size:
    """``weight_bytes`` in the dtype used, ``kv_bytes`` a token, ``context`` in tokens; ``heads`` of attention, of them
    ``kv_heads`` with keys and values of their own; widths of the hidden state and of the feed-forward layer
    (``intermediate``); size of the ``vocabulary``. None where unknown."""

    weight_bytes: int | None
    kv_bytes: int | None = None
    context: int | None = None
    heads: int | None = None
    kv_heads: int | None = None
    hidden: int | None = None
    intermediate: int | None = None
    vocabulary: int | None = None


@cache
def stated(model: str) -> Stated | None:
    """The entry of this hub id in ``assets/models.toml``."""
    table = tomllib.loads((ASSETS / "models.toml").read_text(encoding="utf-8"))
    return Stated(**table[model]) if model in table else None


def size(role: Role) -> Size:
    """The size of the role's model in the role's dtype."""
    width = _BYTES[role.dtype]
    if role.backend == "linear":
        return Size(_weight_bytes(role.path) if role.path else None)
    folder = role.path or cached(role.model, role.revision)
    if folder is not None and (folder / "config.json").is_file():
        return _of_folder(folder, width)
    if (known := stated(role.model)) is not None:
        kv = 2 * known.layers * known.kv_heads * known.head_size * width
        shape = (known.heads, known.kv_heads, known.hidden, known.intermediate, known.vocabulary)
        return Size(int(known.parameters * 1e9 * width), kv, known.context, *shape)
    found = re.search(r"(?<![\w.])(\d+(?:\.\d+)?)b(?![a-z])", role.model.lower())  # as in Qwen2-Math-7B
    return Size(int(float(found.group(1)) * 1e9 * width) if found else None)


def cached(model: str, revision: str | None) -> Path | None:
    """The folder of a hub model in the download cache."""
    from huggingface_hub import constants

    snapshots = Path(constants.HF_HUB_CACHE) / f"models--{model.replace('/', '--')}" / "snapshots"
    found = sorted(path for path in snapshots.glob(revision or "*") if any(path.glob("*.safetensors")))
    return found[-1] if found else None


def _of_folder(folder: Path, width: int) -> Size:
    on_disk = _weight_bytes(folder)
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        stored = _BYTES.get(str(config.get("dtype") or config.get("torch_dtype")), 2)
        heads = config["num_attention_heads"]
        kv_heads = config.get("num_key_value_heads", heads)
        head_size = config.get("head_dim") or config["hidden_size"] // heads
        kv = 2 * config["num_hidden_layers"] * kv_heads * head_size * width
        shape = (config.get(name) for name in ("hidden_size", "intermediate_size", "vocab_size"))
        return Size(on_disk * width // stored, kv, config.get("max_position_embeddings"), heads, kv_heads, *shape)
    except (OSError, ValueError, KeyError, TypeError):  # another kind of config: only the files' size is known
        return Size(on_disk)


def _weight_bytes(folder: Path) -> int:
    """Bytes of a model folder's weights on disk."""
    return sum(path.stat().st_size for pattern in _WEIGHTS for path in folder.rglob(pattern))
