"""The odds of a first token (``engine.models.first_token``) from a text model in vLLM, one generated token a row."""

from typing import Any

from engine.config.profiles import Role
from engine.models.first_token import first_token_id, log_odds_of_others
from engine.models.score_call import RowEncoder
from engine.models.tokenizers import check_round_trip
from engine.models.vllm.engine import Engine, Memory, engine
from engine.models.vllm.score import RowScorer
from store.errors import InputError


class VllmFirstToken(RowScorer):
    """Log-odds that the model does not begin its answer with the token of this id."""

    def __init__(self, name: str, engine: Engine, window: int, token_id: int) -> None:
        super().__init__(name, engine, window)
        self._token_id = token_id
        self._encoder = RowEncoder(self.tokenizer, self._positions - 1)  # the generated token takes one

    def params(self) -> Any:
        from vllm import SamplingParams

        return SamplingParams(temperature=0.0, max_tokens=1, detokenize=False, logprob_token_ids=[self._token_id])

    def score(self, output: Any) -> float:
        return log_odds_of_others(float(output.outputs[0].logprobs[0][self._token_id].logprob))


def open_role(role: Role, memory: Memory | None = None) -> VllmFirstToken:
    """The role's model in vLLM; InputError where it cannot be loaded, loses text, or lacks the token, or where vllm is
    not installed."""
    loaded = engine(role, "generate", memory)
    try:
        tokenizer = loaded.llm.get_tokenizer()
        check_round_trip(role, tokenizer)
        token_id = first_token_id(role, tokenizer)
    except InputError:
        loaded.loop.call(loaded.release)
        raise
    return VllmFirstToken(role.name, loaded, role.slots, token_id)
