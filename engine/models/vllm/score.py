"""A vLLM pooling engine behind the score contract: one raw number a row, no sigmoid.

Sequence classifiers answer once a text; reward models that judge every token (Qwen2ForRewardModel,
InternLM2ForRewardModel) are read at the last one. Knows nothing of templates, stages or files.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from engine.config.profiles import Role
from engine.models.base import Failure, Scored
from engine.models.domain import WordDomain
from engine.models.local.causal import encode
from engine.models.vllm.engine import Engine, Memory, engine
from store.errors import BackendError, InputError, ItemError

OnDone = Callable[[Scored | Failure], None]
TextRow = tuple[str, str | None]


@dataclass(slots=True, eq=False)
class _Call:
    """One ``submit``: its scores so far, and how many are still to come."""

    request_id: str
    on_done: OnDone
    scores: list[float | None]
    left: int
    tokens: int = 0
    started: float = field(default_factory=time.perf_counter)


class VllmScore:
    """A ``ScoreModel``. A call with a row that is too long for the model gets a ``Failure`` with ``ItemError``.

    ``in_domain`` is asked of each row's first text; where it says no, the score is None and the model is not asked.
    """

    def __init__(self, name: str, engine: Engine, window: int, in_domain: Callable[[str], bool] | None = None) -> None:
        self.name, self.window = name, window
        self.engine, self._in_domain = engine, in_domain
        self._task = "classify" if "classify" in engine.llm.llm_engine.get_supported_tasks() else "token_classify"
        self._tokenizer = engine.llm.get_tokenizer()
        self._positions = int(engine.llm.model_config.max_model_len)
        self._calls: dict[str, _Call] = {}
        self._closed = False

    def submit(self, request_id: str, rows: Sequence[TextRow], on_done: OnDone) -> None:
        taken = list(rows)
        if self._closed:  # the loop may be gone
            self._add(request_id, taken, on_done)
            return
        self.engine.loop.post(lambda: self._add(request_id, taken, on_done))

    def close(self) -> None:
        """What is in flight fails as not fatal: the model is not gone, it was put away."""
        if not self._closed:
            self._closed = True
            self.engine.loop.call(self._end)

    def sleep(self) -> None:
        self.engine.loop.call(self.engine.sleep)

    def wake(self) -> None:
        self.engine.loop.call(self.engine.wake)

    # --- on the device's thread --------------------------------------------------------------------------------------

    def _add(self, request_id: str, rows: list[TextRow], on_done: OnDone) -> None:
        if self._closed:
            on_done(Failure(request_id, BackendError(f"The scorer '{self.name}' is closed."), fatal=True))
            return
        try:
            read = {place: self._read(row) for place, row in enumerate(rows) if self._asked(row)}
        except ItemError as error:
            on_done(Failure(request_id, error, fatal=False))
            return
        call = _Call(request_id, on_done, [None] * len(rows), len(read), sum(map(len, read.values())))
        if not read:
            on_done(Scored(request_id, tuple(call.scores), 0, 0.0))
            return
        self._calls[request_id] = call
        for place, ids in read.items():
            self.engine.add(
                f"{request_id}#{place}",
                ids,
                self.params(),
                0,
                partial(self._told, call, place),
                lambda error: self._fail(call, error, fatal=True),
            )

    def _asked(self, row: TextRow) -> bool:
        return self._in_domain is None or self._in_domain(row[0])

    def _read(self, row: TextRow) -> list[int]:
        ids = encode(self._tokenizer, row[0]) + (encode(self._tokenizer, row[1]) if row[1] else [])
        if not ids:
            raise ItemError("The text to score is empty.")
        if len(ids) > self._positions:
            problem = f"has {len(ids)} tokens; the model takes at most {self._positions}"
            raise ItemError(f"The text to score {problem}.")
        return ids

    def params(self) -> Any:
        from vllm import PoolingParams

        return PoolingParams(task=self._task, use_activation=False)  # by default a sigmoid hides the raw score

    def _told(self, call: _Call, place: int, output: Any) -> None:
        call.scores[place] = float(output.outputs.data.flatten()[-1])
        call.left -= 1
        if not call.left:
            del self._calls[call.request_id]
            seconds = time.perf_counter() - call.started
            call.on_done(Scored(call.request_id, tuple(call.scores), call.tokens, seconds))

    def _fail(self, call: _Call, error: BackendError | ItemError, fatal: bool) -> None:
        if self._calls.pop(call.request_id, None) is not None:
            call.on_done(Failure(call.request_id, error, fatal))

    def _end(self) -> None:
        for call in list(self._calls.values()):
            self.engine.abort([f"{call.request_id}#{place}" for place in range(len(call.scores))])
            self._fail(call, ItemError(f"The scorer '{self.name}' was closed before it was done."), fatal=False)
        self.engine.put_away()


def open_role(role: Role, memory: Memory | None = None) -> VllmScore:
    """The role's model in vLLM; InputError where it cannot be loaded, scores several classes, or vllm is missing."""
    made = engine(role, "pooling", memory)
    config = made.llm.model_config.hf_config
    if "classify" in made.llm.llm_engine.get_supported_tasks() and config.num_labels != 1:
        problem = f"scores {config.num_labels} classes, not one number"
        raise InputError(f"{role.role}.model", role.model, problem, "use a model with num_labels 1")
    return VllmScore(role.name, made, role.slots, WordDomain.load(role.path))
