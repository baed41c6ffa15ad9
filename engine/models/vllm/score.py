"""A vLLM pooling engine as a ``ScoreModel``: one raw number a row, without a sigmoid.

Sequence classifiers give one output a text. Of reward models that score every token (Qwen2ForRewardModel,
InternLM2ForRewardModel) the last token's score is taken.
"""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Any

from engine.config.profiles import Role
from engine.models.base import Failure, OnScored, Row
from engine.models.domain import WordDomain
from engine.models.reward_token import check_reward_token, reward_token_id
from engine.models.score_call import RowEncoder, ScoreCall
from engine.models.tokenizers import check_round_trip
from engine.models.vllm.engine import Engine, EngineModel, Memory, engine
from store.errors import BackendError, InputError, ItemError


class RowScorer(EngineModel):
    """A ``ScoreModel`` that scores each row by one request. Rows outside the domain (``in_domain`` of their first text)
    or too long for the model (``positions``) score None. Calls in flight at ``close`` fail as not fatal. ``end``: the
    id at which the model is read."""

    def __init__(
        self,
        name: str,
        engine: Engine,
        window: int,
        in_domain: Callable[[str], bool] | None = None,
        end: int | None = None,
    ) -> None:
        super().__init__(name, engine, window)
        self._encoder = RowEncoder(self.tokenizer, self._positions, in_domain, end)
        self._calls: dict[str, tuple[ScoreCall, list[str]]] = {}
        """By request id, with the ids of its rows in the engine."""

    @abstractmethod
    def params(self) -> Any:
        """vLLM's parameters of a row's request."""

    @abstractmethod
    def score(self, output: Any) -> float:
        """The raw score in vLLM's output of a row's request."""

    def submit(self, request_id: str, rows: Sequence[Row], on_done: OnScored) -> None:
        copied = list(rows)
        self._post(lambda: self._add(request_id, copied, on_done))

    # --- on the device's thread --------------------------------------------------------------------------------------

    def _add(self, request_id: str, rows: list[Row], on_done: OnScored) -> None:
        if self._closed:
            on_done(Failure(request_id, BackendError(f"The scorer '{self.name}' is closed."), fatal=True))
            return
        try:
            encoded = self._encoder.encode(rows)
        except ItemError as error:
            on_done(Failure(request_id, error, fatal=False))
            return
        call = ScoreCall(request_id, len(rows), len(encoded), sum(len(ids) for _, ids in encoded.values()), on_done)
        keys = {place: f"{request_id}#{place}" for place in encoded}
        if keys:
            self._calls[request_id] = (call, list(keys.values()))
        for place, key in keys.items():
            receive, fail = partial(self._receive, call, place), partial(self._fail, call, fatal=True)
            self.engine.add(key, encoded[place][1], self.params(), 0, receive, fail)

    def _receive(self, call: ScoreCall, place: int, output: Any) -> None:
        call.add(place, self.score(output))
        if call.ended:
            self._calls.pop(call.request_id, None)

    def _fail(self, call: ScoreCall, error: BackendError | ItemError, fatal: bool) -> None:
        self._calls.pop(call.request_id, None)
        call.fail(error, fatal)

    def _end(self) -> None:
        for call, keys in list(self._calls.values()):
            self.engine.abort(keys)
            self._fail(call, ItemError(f"The scorer '{self.name}' was closed before it was done."), fatal=False)
        self.engine.release()


class VllmScore(RowScorer):
    """A classifier or a reward model in a pooling engine."""

    @cached_property
    def is_classifier(self) -> bool:
        return "classify" in self.engine.llm.llm_engine.get_supported_tasks()

    def params(self) -> Any:
        from vllm import PoolingParams

        task = "classify" if self.is_classifier else "token_classify"
        return PoolingParams(task=task, use_activation=False)  # by default a sigmoid hides the raw score

    def score(self, output: Any) -> float:
        return float(output.outputs.data.flatten()[-1])


def open_role(role: Role, memory: Memory | None = None) -> VllmScore:
    """The role's model in vLLM; InputError where it cannot be loaded or read right, scores several classes, or vllm is
    missing."""
    in_domain = WordDomain.load(role.path)
    loaded = engine(role, "pooling", memory)
    config = loaded.llm.model_config.hf_config
    end = reward_token_id(role, config)
    model = VllmScore(role.name, loaded, role.slots, in_domain, end)
    try:
        if model.is_classifier and config.num_labels != 1:
            problem = f"scores {config.num_labels} classes, not one number"
            raise InputError(f"{role.role}.model", role.model, problem, "use a model with num_labels 1")
        if not model.is_classifier:  # a classifier may read text in lower case, say
            check_round_trip(role, model.tokenizer)
        if end is not None:
            check_reward_token(role, end, model.tokenizer.convert_ids_to_tokens(end))
    except InputError:
        model.close()
        raise
    return model
