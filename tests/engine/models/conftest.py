from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from engine.models.base import TextModel
from engine.models.load import open_text
from engine.models.local.transformers_lm import TransformersLM
from tests.engine.models import tiny


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    return tiny.tokenizer()


@pytest.fixture(scope="session", params=["qwen2", "llama"])
def causal(request: pytest.FixtureRequest, tokenizer: Any) -> Any:
    """A random model of each family: full attention heads, and heads that share keys."""
    return tiny.causal(request.param, len(tokenizer))


@pytest.fixture(scope="module")
def lm(causal: Any, tokenizer: Any) -> Iterator[TransformersLM]:
    model = TransformersLM("tiny", causal, tokenizer, slots=64)
    yield model
    model.close()


@pytest.fixture
def opened(request: pytest.FixtureRequest) -> Iterator[Callable[..., TextModel]]:
    """Opens what ``role`` of the test's file makes of these urls and changes; closed at the test's end."""
    models: list[TextModel] = []

    def make(*urls: str, **changes: Any) -> TextModel:
        models.append(open_text(request.module.role(*urls, **changes)))
        return models[-1]

    yield make
    for model in models:
        model.close()
