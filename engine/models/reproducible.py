"""Equal texts for equal seeds on a GPU, where asked for: what it needs, and what it sets.

On a CPU equal seeds always give equal texts. On a GPU a text depends on the other sequences of its batch by rounding,
and a seed for each request only switches vLLM's fast sampler off: none is sent there. With ``Role.reproducible`` they
are, and vLLM computes each sequence in the same way whatever its batch (``VLLM_BATCH_INVARIANT``), which is slower.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from engine.config.profiles import Role
from store.errors import InputError

VARIABLE = "VLLM_BATCH_INVARIANT"
_LEAST = (8, 0)
"""The compute capability from which vLLM can do this; it doesn't check that itself."""


def check(role: Role) -> None:
    """InputError where the role is to be reproducible in this process and cannot be."""
    if (
        role.reproducible
        and role.backend in ("vllm", "vllm-pooling", "vllm-first-token", "transformers")
        and role.device != "cpu"
    ):
        check_on(role, capability())


def check_on(role: Role, found: tuple[int, int] | None) -> None:
    """InputError where the role cannot be reproducible on a GPU of this compute capability (None: on a CPU)."""
    if found is None:
        return
    field, remedy = f"{role.role}.reproducible", "leave it (or --reproducible) out, or run on a CPU"
    if role.backend == "transformers":
        raise InputError(
            field, True, "is not possible with transformers on a GPU", f"use the backend vllm, or {remedy}"
        )
    if found < _LEAST:
        has = ".".join(map(str, found))
        raise InputError(field, True, f"needs a GPU of compute capability 8.0 or later, not {has}", remedy)


def capability() -> tuple[int, int] | None:
    """The compute capability of the first GPU; None where there is none."""
    import torch

    return torch.cuda.get_device_capability(0) if torch.cuda.is_available() else None


@contextmanager
def switched_on(role: Role) -> Iterator[None]:
    """A process that vLLM starts in the block computes reproducibly on a GPU, if the role asks for it."""
    before = os.environ.get(VARIABLE)
    if not role.reproducible or capability() is None:
        yield
        return
    os.environ[VARIABLE] = "1"
    try:
        yield
    finally:
        os.environ.pop(VARIABLE)
        if before is not None:
            os.environ[VARIABLE] = before
