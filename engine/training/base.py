"""The base model of a training and the trained one: loading, LoRA, saving."""

import gc
import shutil
from importlib.util import find_spec
from typing import Any

from engine.config import prompts
from engine.config.profiles import Role
from engine.config.prompts import Template
from engine.models import adapters, load, tokenizers
from engine.models.device import first_line
from engine.models.local.causal import encode
from engine.training import distributed, json_lines
from engine.training.record import Training
from engine.training.settings import Settings
from store.errors import BackendError, InputError, StoreError

_SMALL_BYTES = 400_000_000
"""Weights up to this size are saved in float32, since fewer bits would save little."""
_UNSAVED = ".model.tmp"
ADAPTER = "adapter"
"""In the folder of a training with LoRA: the adapters alone, for a profile's ``adapter``."""


def check_installed(settings: Settings) -> None:
    """InputError where the extra ``train`` is not installed."""
    wanted = ["trl", "datasets", "accelerate", *(["peft"] if settings.lora else [])]
    for package in wanted:
        if find_spec(package) is None:
            field, remedy = ("--lora", "peft") if package == "peft" else ("train", "the extra `train`")
            problem = "is not installed"
            raise InputError(field, package, problem, f"install {remedy}: pip install -e '.[train]'")


def load_tokenizer(base: str, revision: str | None, *, scorer: bool = False) -> Any:
    """The base's tokenizer. InputError where the base is not a model folder, or has none, or one that loses text, which
    a scorer's may: an uncased encoder's does."""
    import transformers

    _check(base)
    transformers.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        loaded = tokenizers.load_tokenizer(_source(base), revision)
    except Exception as error:
        raise _cannot_load(base, error) from error
    try:
        if not scorer:
            tokenizers.check_round_trip(_role(base), loaded)
    except InputError as error:
        raise InputError("--base", base, error.problem, error.remedy) from None
    return loaded


def load_model(training: Training, settings: Settings, *, scorer: bool = False, reference: bool = False) -> Any:
    """The base's weights on the training device, in shards where several processes train: a causal LM, or with
    ``scorer`` a classifier with one label on its body.

    Trained weights are float32, since the paper's steps are too small for bfloat16's nearest numbers; with
    ``settings.low_memory`` bfloat16 (``engine.training.bfloat16_adamw``). Frozen ones are bfloat16 on a GPU. InputError
    where it cannot be loaded.
    """
    import torch
    import transformers

    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    transformers.set_seed(settings.seed)  # for the random weights of a scorer's head and of adapters
    device = device_of(settings)
    half = settings.low_memory or ((settings.lora or reference) and device != "cpu")
    options: dict[str, Any] = {"revision": training.revision, "dtype": torch.bfloat16 if half else torch.float32}
    if scorer:
        options["num_labels"] = 1
    auto: Any = transformers.AutoModelForSequenceClassification if scorer else transformers.AutoModelForCausalLM
    try:
        model, report = auto.from_pretrained(_source(training.base), output_loading_info=True, **options)
    except Exception as error:
        raise _cannot_load(training.base, error) from error
    missing = [] if scorer else sorted(report["missing_keys"])
    if missing:
        raise InputError("--base", training.base, f"has no weights for {missing[0]}", "fetch it again")
    # Shards go to the device one layer at a time: a card need not hold the whole model.
    return model.to(device) if distributed.count() == 1 else distributed.shard(model, device)


def whole_model(model: Any, weights: dict[str, Any]) -> Any:
    """A plain model like a sharded one, with these weights, which it takes over."""
    import torch

    kind = next(one for one in type(model).__mro__ if not one.__name__.startswith("FSDP"))
    with torch.device("meta"):
        plain: Any = kind(model.config)
    plain.load_state_dict(weights, assign=True)
    plain.tie_weights()
    return plain


def device_of(settings: Settings) -> str:
    """``cpu``, or this process's GPU. InputError where GPUs are asked for that are not there."""
    import torch

    available = torch.cuda.is_available()
    if settings.device == "cuda" and not available:
        raise InputError(
            "--device", "cuda", "needs a GPU that torch can use, and this machine has none", "use auto or cpu"
        )
    if settings.device == "cpu":
        return "cpu"
    there = torch.cuda.device_count() if available else 1  # without a GPU, one process computes on the CPU
    if settings.gpus > there:
        has = f"of {there} GPUs" if available else "without a GPU"
        problem = f"is more than this machine {has}"
        raise InputError("--gpus", settings.gpus, problem, "lower it, or use --device cpu to try it without GPUs")
    return f"cuda:{distributed.rank()}" if available else "cpu"


def lora(settings: Settings, *, scorer: bool = False) -> Any:
    """peft's config: adapters on every linear layer of the body; None for full fine-tuning."""
    if not settings.lora:
        return None
    import peft

    return peft.LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules="all-linear",
        task_type=peft.TaskType.SEQ_CLS if scorer else peft.TaskType.CAUSAL_LM,
    )


def freeze(model: Any, settings: Settings) -> Any:
    """The model; with ``settings.norm_only``, all weights but the last norm's scale are frozen."""
    if settings.norm_only:
        norms = [module for module in model.modules() if "norm" in type(module).__name__.lower()]
        model.requires_grad_(False)
        norms[-1].requires_grad_(True)
    return model


def save(model: Any, tokenizer: Any, training: Training) -> None:
    """Write the trained model into the training's folder, ``config.json`` last, so that a folder with one has a whole
    model. Adapters are merged, and saved apart in ``adapter`` too. Small models are float32, others bfloat16.
    StoreError where the disk fails."""
    import torch

    made = training.folder / _UNSAVED
    shutil.rmtree(made, ignore_errors=True)
    try:
        if hasattr(model, "merge_and_unload"):
            shutil.rmtree(training.folder / ADAPTER, ignore_errors=True)
            adapters.save(model, training.base, made / ADAPTER)
            model = model.merge_and_unload()
        if 4 * model.num_parameters() > _SMALL_BYTES:
            model = model.to(torch.bfloat16)
        model.save_pretrained(made)
        tokenizer.save_pretrained(made)
        for path in sorted(made.iterdir(), key=lambda path: path.name == "config.json"):
            path.replace(training.folder / path.name)
        made.rmdir()
    except OSError as error:
        reason = json_lines.reason(error)
        raise StoreError(
            f"{training.folder} cannot be written ({reason}); free some space, then use --resume."
        ) from error


def guess_template(tokenizer: Any, base: str) -> Template:
    """The pre-query template whose end token the tokenizer has. InputError where none, or more than one, fits."""
    known = ("qwen-generate", "deepseek-generate", "llama3-generate")
    fitting = [name for name in known if _ends(tokenizer, name)]
    if len(fitting) != 1:
        found = f"{len(fitting)} of the known chat formats fit" if fitting else "no known chat format fits"
        problem = f"cannot be guessed: {found} '{base}'"
        raise InputError("--template", "", problem, f"name one of {', '.join(known)}, nano-generate")
    return prompts.template(fitting[0])


def check_template(tokenizer: Any, template: Template, base: str) -> None:
    """InputError where the template's end is not a token of the tokenizer: the model could not learn to stop."""
    if not _ends(tokenizer, template.id):
        end = prompts.closing(template.id).strip()
        problem = f"has an end token '{end}' that is not a single token of '{base}'"
        raise InputError("--template", template.id, problem, "name the template of the base's own chat format")


def _ends(tokenizer: Any, template_id: str) -> bool:
    return len(encode(tokenizer, prompts.closing(template_id).strip())) == 1


def _role(base: str) -> Role:
    return Role("base", "base", "transformers", base, prompts.template("plain"))


def _source(base: str) -> str:
    return str(_role(base).path or base)


def _check(base: str) -> None:
    try:
        load.check_folder(_role(base))
    except InputError as error:
        raise InputError("--base", base, error.problem, error.remedy) from None


def _cannot_load(base: str, error: Exception) -> InputError:
    problem = f"cannot be loaded: {first_line(error)}"
    return InputError("--base", base, problem, "check the folder, or the hub id and the network")


def failure(error: BaseException) -> BackendError:
    """A trainer's exception as one sentence with a remedy."""
    problem = first_line(error)
    if "out of memory" in problem.lower():
        remedy = "lower --micro-batch or --max-length, or use --gradient-checkpointing, --low-memory, --gpus or --lora"
        return BackendError(f"The device is out of memory: {problem}; {remedy}, then start the training again.")
    return BackendError(f"The training failed: {problem}.")


def free_memory() -> None:
    """Give the memory of models that are gone back to the device, for the one that comes."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
