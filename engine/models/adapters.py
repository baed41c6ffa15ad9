"""LoRA adapters in PEFT's format: how a training saves one, and how a role's model gets one.

An adapter is merged into a copy of its base, once for each pair of the two: every backend then loads that copy as it
loads any other folder, and an answer costs what it costs without an adapter. The copies are in the folder of fetched
models (``engine.config.packaged``) and may be deleted; the next use makes them again.
"""

import hashlib
import json
import shutil
import tempfile
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from engine.config.packaged import models_folder
from engine.config.profiles import Role
from engine.models.device import first_line
from engine.models.sizes import cached
from engine.models.tokenizers import load_tokenizer
from store.errors import InputError

_CONFIG, _WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_SCORER, _LM = "SEQ_CLS", "CAUSAL_LM"
_SCORERS = ("classifier", "vllm-pooling")
"""Backends whose models have a head that gives one number."""
_BASE_FILES = (".safetensors", ".bin", ".json")
_EXACT_BYTES = 4_000_000_000
"""Bases of up to this size are merged in float32, larger ones in the dtype that they are stored in."""


def save(model: Any, base: str, folder: Path) -> None:
    """Write the adapters of a PEFT model of ``base`` in float16, half of what they are trained in. OSError where the
    disk fails."""
    import torch
    from safetensors.torch import load_file, save_file

    model.save_pretrained(folder, save_embedding_layers=False)  # else PEFT asks the hub about the base
    (folder / "README.md").unlink(missing_ok=True)  # PEFT's empty model card
    weights = load_file(folder / _WEIGHTS)
    save_file({name: value.to(torch.float16) for name, value in weights.items()}, folder / _WEIGHTS, {"format": "pt"})
    (folder / _WEIGHTS).chmod(0o644)  # safetensors writes for the owner only
    config = json.loads((folder / _CONFIG).read_text("utf-8"))
    config = {**config, "base_model_name_or_path": base, "target_modules": sorted(config["target_modules"])}
    (folder / _CONFIG).write_text(json.dumps(config, indent=1, sort_keys=True) + "\n", "utf-8")


def check(role: Role) -> None:
    """InputError where the role names an adapter that is not there, not whole, or of another kind of model. Imports
    nothing heavy."""
    if (folder := role.adapter_path) is None:
        return
    if not folder.is_dir():
        problem = "is not a folder"
    elif missing := [name for name in (_CONFIG, _WEIGHTS) if not (folder / name).is_file()]:
        problem = f"is not a folder of an adapter: it has no {missing[0]}"
    elif (made := _task(folder)) != (wanted := _SCORER if role.backend in _SCORERS else _LM):
        problem = f"was trained for the task {made or 'of another kind of model'}, while {role.backend} needs {wanted}"
    elif find_spec("peft") is None:
        raise InputError(f"{role.role}.adapter", role.adapter, "needs peft", "run `make smol`, or pip install peft")
    else:
        return
    raise InputError(f"{role.role}.adapter", role.adapter, problem, "give one that `scalequest train --lora` has saved")


def merged(role: Role) -> Role:
    """The role with its model and adapter as one folder; a role without an adapter as it is. ``check`` comes first.
    InputError where the two do not fit together, or the disk is full."""
    if (folder := role.adapter_path) is None:
        return role
    out = models_folder() / "merged" / f"{folder.parent.name}-{folder.name}-{_fingerprint(role, folder)}"
    if not (out / "config.json").is_file():
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=out.parent, prefix=".merge-") as made:
                _merge(role, folder, Path(made) / "model")
                shutil.rmtree(out, ignore_errors=True)
                (Path(made) / "model").rename(out)
        except OSError as error:
            if not (out / "config.json").is_file():  # else another process has made it in the meantime
                problem = f"cannot be written ({(error.strerror or str(error)).lower()})"
                remedy = "make room, or set SCALEQUEST_MODELS to another folder"
                raise InputError("SCALEQUEST_MODELS", str(out.parent), problem, remedy) from error
    return role.replaced(model=str(out), adapter="", revision=None)


def _merge(role: Role, folder: Path, out: Path) -> None:
    """Write the merged model, its tokenizer and config, in the dtype of the base."""
    import peft
    import torch
    import transformers
    from safetensors import safe_open

    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    transformers.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # about a head that is to come
    options: dict[str, Any] = {"revision": role.revision, "trust_remote_code": role.trust_remote_code}
    options = {key: value for key, value in options.items() if value}
    source = str(role.path or role.model)
    scorer = _task(folder) == _SCORER
    try:
        tokenizer = load_tokenizer(source, **options)
        auto: Any = transformers.AutoModelForSequenceClassification if scorer else transformers.AutoModelForCausalLM
        more = {"num_labels": 1} if scorer else {}
        read: Any = auto.from_pretrained(source, dtype="auto", **options, **more)
        stored = read.dtype
        if read.num_parameters() * read.dtype.itemsize <= _EXACT_BYTES:
            read = read.to(torch.float32)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about missing weights: the next lines say it
            model: Any = peft.PeftModel.from_pretrained(read, folder)
        with safe_open(folder / _WEIGHTS, "pt") as file:
            others = {*file.keys()} ^ {*peft.get_peft_model_state_dict(model, save_embedding_layers=False)}
        if others:
            raise ValueError(f"only one of them has {sorted(others)[0]}")
        model = model.merge_and_unload(safe_merge=True).to(stored)
        if scorer:
            model.config.pad_token_id = tokenizer.pad_token_id if tokenizer.pad_token else tokenizer.eos_token_id
    except Exception as error:
        problem = f"cannot be merged with {role.model}: {first_line(error)}"
        remedy = "give the model that the adapter was trained from"
        raise InputError(f"{role.role}.adapter", role.adapter, problem, remedy) from error
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)


def _task(folder: Path) -> str | None:
    try:
        return str(json.loads((folder / _CONFIG).read_text("utf-8"))["task_type"])
    except (ValueError, KeyError, TypeError):
        return None


def _fingerprint(role: Role, folder: Path) -> str:
    """Of the adapter's bytes and of which base it is: files by size and time, a model of the hub by id and commit."""
    base = role.path or cached(role.model, role.revision)
    files = sorted(path for path in base.iterdir() if path.suffix in _BASE_FILES) if base is not None else []
    stats = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    digest = hashlib.sha256(repr((str(base or role.model), role.revision, stats)).encode())
    for name in (_CONFIG, _WEIGHTS):
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()[:16]
