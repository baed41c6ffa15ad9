"""A question's difficulty by one token: would a model that thinks only where it must begin to think?

An adaptive-thinking model (AdaptThink) answers an easy question without thinking: its first token closes the thinking.
ScaleDiff (arXiv 2509.21070) calls a question difficult where the likeliest first token is another one, after a single
forward pass. Here the score is the log-odds of all other tokens, whose sigmoid is 1 - P(that token): a difficulty in
[0, 1] that any band can cut. Departure: from 0.5 on a question counts as difficult here where no other token may be
likelier than that one, which has less than half of the probability.
"""

import math
from typing import Any

from engine.config.profiles import Role
from engine.models.local.causal import encode
from store.errors import InputError

_LEAST = 1e-12
"""Smallest probability of all other tokens: keeps the log-odds finite."""


def first_token_id(role: Role, tokenizer: Any) -> int:
    """The id of the role's ``token``. InputError where the model's tokenizer has several for it."""
    ids = encode(tokenizer, role.token)
    if len(ids) != 1:
        problem = f"is {len(ids)} tokens to the model '{role.model}'"
        raise InputError(f"{role.role}.token", role.token, problem, "name one that is a single token, such as </think>")
    return ids[0]


def log_odds_of_others(logprob: float) -> float:
    """log((1 - p) / p) of a token with this log-probability."""
    return math.log(max(-math.expm1(logprob), _LEAST)) - logprob
