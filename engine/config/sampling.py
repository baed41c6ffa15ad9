"""Sampling parameters of a text model."""

from typing import Annotated

from pydantic import Field

from engine.config.validation import Texts, validated_dataclass

Temperature = Annotated[float, Field(ge=0.0)]
TopP = Annotated[float, Field(gt=0.0, le=1.0)]
TopK = Annotated[int, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]


@validated_dataclass
class Sampling:
    """How to continue a prefix. ``temperature`` 0 is greedy; ``top_p`` 1.0 is off; ``max_tokens`` counts new tokens;
    ``stop`` strings end the text and are not part of it. ``top_k`` 0 is off; else only that many of the most likely
    tokens (more where several are equally likely) are sampled, and ``top_p`` is a share of their probability."""

    temperature: Temperature = 1.0
    top_p: TopP = 1.0
    max_tokens: Count = 512
    stop: Texts = ()
    top_k: TopK = 0
