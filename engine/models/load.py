"""Loads the model of a profile's role; the only place that knows what each backend consists of.

torch and transformers are imported inside the functions, so that commands that need no model start without them.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from engine.config.packaged import PREFIX
from engine.config.profiles import Role
from engine.models import adapters, reproducible
from engine.models.device import first_line
from engine.models.first_token import first_token_id
from engine.models.replicas import Pool, ScorePool
from engine.models.reward_token import check_reward_token, reward_token_id
from engine.models.tokenizers import check_round_trip, load_tokenizer
from store.errors import InputError

if TYPE_CHECKING:
    from engine.models.base import ScoreModel, TextModel
    from engine.models.vllm.engine import Memory

_SMALL_BYTES = 400_000_000
"""Smaller weights stay in float32 on a GPU too: fewer bits would gain nothing."""
_ONE_THREAD_PARAMETERS = 20_000_000
"""Smaller models are faster on one thread than on several."""
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt")
_USUAL_SLOTS, _SERVER_SLOTS = 64, 256
"""Sequences at once where nothing says how many: in this process, and of a server."""
_loaded: WeakValueDictionary[tuple[object, ...], Any] = WeakValueDictionary()


def open_text(role: Role, memory: Memory | None = None) -> TextModel:
    """The role's model as a ``TextModel``. InputError where it is missing or unreadable, or its backend is not
    installed. ``memory``: what it may take of the GPU (vLLM)."""
    check_folder(role)
    reproducible.check(role)
    role = _with_slots(adapters.merged(role))
    if "," in role.device:
        return Pool([open_text(one) for one in _per_device(role)])
    if role.backend in ("openai", "openai-chat"):
        from engine.models.openai import text as openai_text

        return openai_text.open_role(role)
    if role.backend == "vllm":
        from engine.models.vllm import text as vllm_text

        return vllm_text.open_role(role, memory)
    from engine.models.local.transformers_lm import TransformersLM

    model, tokenizer = _load(role, "AutoModelForCausalLM")
    return TransformersLM(role.name, model, tokenizer, role.slots, _threads(model))


def open_score(role: Role, memory: Memory | None = None) -> ScoreModel:
    """The role's model as a ``ScoreModel``; errors and ``memory`` as for ``open_text``."""
    if role.backend == "linear":
        from engine.models.local.linear import LinearScore
        from engine.text.linear_classifier import LevelModel

        return LinearScore(LevelModel.load(role.path) if role.path else LevelModel.load(), role.name)
    check_folder(role)
    reproducible.check(role)
    role = _with_slots(adapters.merged(role))
    if "," in role.device:
        return ScorePool([open_score(one) for one in _per_device(role)])
    if role.backend == "openai-pooling":
        from engine.models.openai import score as openai_score

        return openai_score.open_role(role)
    if role.backend == "vllm-pooling":
        from engine.models.vllm import score as vllm_score

        return vllm_score.open_role(role, memory)
    if role.backend == "vllm-first-token":
        from engine.models.vllm import first_token as vllm_first_token

        return vllm_first_token.open_role(role, memory)
    return _open_transformers_score(role)


def _with_slots(role: Role) -> Role:
    """The role with a number of slots, where its profile and the memory of a GPU give none."""
    return role if role.slots else replace(role, slots=_SERVER_SLOTS if role.urls else _USUAL_SLOTS)


def _per_device(role: Role) -> list[Role]:
    """The role once for each of its devices."""
    return [replace(role, device=device.strip()) for device in role.device.split(",")]


def _open_transformers_score(role: Role) -> ScoreModel:
    from engine.models.domain import WordDomain
    from engine.models.local.transformers_score import (
        FirstTokenScore,
        LogProbScore,
        Scorer,
        SequenceScore,
        TransformersScore,
    )

    causal = role.backend in ("logprob", "first-token")
    model, tokenizer = _load(role, "AutoModelForCausalLM" if causal else "AutoModelForSequenceClassification")
    if not causal and model.config.num_labels != 1:
        problem = f"scores {model.config.num_labels} classes, not one number"
        raise InputError(f"{role.role}.model", role.model, problem, "use a model with num_labels 1")
    scorer: Scorer
    if role.backend == "first-token":
        scorer = FirstTokenScore(model, first_token_id(role, tokenizer))
    else:
        scorer = LogProbScore(model, role.aggregate) if causal else SequenceScore(model)
    in_domain = WordDomain.load(role.path)
    end = None if causal else reward_token_id(role, model.config)
    if end is not None:
        check_reward_token(role, end, tokenizer.convert_ids_to_tokens(end))
    return TransformersScore(role.name, scorer, tokenizer, in_domain, role.slots, _threads(model), end)


def _load(role: Role, auto_class: str) -> tuple[Any, Any]:
    """The role's weights on its device, and its tokenizer; roles with equal weights share them."""
    import torch
    import transformers

    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    device = _device(role)
    source = str(role.path or role.model)
    options: dict[str, Any] = {"revision": role.revision, "trust_remote_code": role.trust_remote_code}
    options = {key: value for key, value in options.items() if value}
    dtype = getattr(torch, _dtype(role, device))
    key = (auto_class, source, role.revision, device, dtype)
    model = _loaded.get(key)
    try:
        tokenizer = load_tokenizer(source, **options)
        if auto_class == "AutoModelForCausalLM":  # a classifier may read text in lower case, say
            check_round_trip(role, tokenizer)
        if model is None:
            kind = getattr(transformers, auto_class)
            model, report = kind.from_pretrained(source, dtype=dtype, output_loading_info=True, **options)
            if report["missing_keys"]:
                raise ValueError(f"it has no weights for {sorted(report['missing_keys'])[0]}")
            model = model.to(device).eval()
    except InputError:
        raise
    except Exception as error:
        hub = "check the hub id and the network, or give a folder"
        remedy = "check the folder, or fetch it again" if role.path else hub
        raise InputError(f"{role.role}.model", role.model, f"cannot be loaded: {first_line(error)}", remedy) from error
    _loaded[key] = model
    return model, tokenizer


def check_folder(role: Role) -> None:
    """InputError where the role names a local folder that holds no model. Imports nothing heavy."""
    adapters.check(role)
    path = role.path
    if path is None or role.urls:
        return
    if not path.is_dir():
        problem = "is not a model folder"
    elif not (path / "config.json").is_file():
        problem = "is not a model folder: it has no config.json"
    elif not any((path / name).is_file() for name in _TOKENIZERS):
        problem = "has no tokenizer"  # transformers would silently make an empty one
    else:
        return
    remedy = "give a folder with config.json, weights and tokenizer"
    if role.model.startswith("assets/"):
        remedy = "build it with `scalequest train nano`"
    elif role.model.startswith(PREFIX):
        problem, remedy = "has not been fetched", "run `make smol`"
    raise InputError(f"{role.role}.model", role.model, problem, remedy)


def _device(role: Role) -> str:
    import torch

    if role.device == "auto":
        return "cuda:0" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(role.device)
    except RuntimeError as error:
        raise InputError(f"{role.role}.device", role.device, "is not a device", "use auto, cpu or cuda:0") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise InputError(f"{role.role}.device", role.device, "is not a GPU of this machine", "use auto or cpu")
    return "cuda:0" if role.device == "cuda" else str(device)


def _dtype(role: Role, device: str) -> str:
    """The role's dtype; ``auto`` is float32 on the processor and for small models, else bfloat16."""
    if role.dtype != "auto":
        return role.dtype
    return "float32" if device == "cpu" or (role.path and _weight_bytes(role.path) < _SMALL_BYTES) else "bfloat16"


def _weight_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))


def _threads(model: Any) -> int:
    return 1 if model.num_parameters() < _ONE_THREAD_PARAMETERS else cores()


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
