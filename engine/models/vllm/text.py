"""A vLLM engine behind the text contract: streams and batches at once, live requests first.

Stop strings, special tokens and seeds mean what they mean to the transformers backend. Knows nothing of templates,
stages or files.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.config.profiles import Role
from engine.config.sampling import Sampling
from engine.models.base import Completion, Failure, Request
from engine.models.device import sentence
from engine.models.local.causal import encode
from engine.models.vllm.engine import Engine, Memory, engine
from store.errors import BackendError, ItemError

OnDone = Callable[[Completion | Failure], None]
OnText = Callable[[str, str], None]
_BATCH_SHARE = 0.9
"""Of the engine's sequences for batches: the rest is free for live requests, which need not wait for one to end."""


@dataclass(slots=True)
class _Flight:
    """One request in the engine: what it has told so far."""

    request: Request
    prompt_tokens: int
    on_done: OnDone
    on_text: OnText | None
    started: float = field(default_factory=time.perf_counter)
    text: str = ""
    ids: list[int] = field(default_factory=list)


class VllmText:
    """A ``TextModel``. On CPU texts depend on prompt, sampling and seed alone; on a GPU they may differ with the batch.

    Callbacks come from the device's thread. After a failure of the engine itself everything in flight and everything
    asked later gets a fatal ``Failure``.
    """

    def __init__(self, name: str, engine: Engine, slots: int) -> None:
        self.name = name
        self.window = max(1, int(_BATCH_SHARE * slots))
        self.engine = engine
        self._tokenizer = engine.llm.get_tokenizer()
        self._added: dict[str, int] = dict(self._tokenizer.get_added_vocab())
        self._positions = int(engine.llm.model_config.max_model_len)
        self._flights: dict[str, _Flight] = {}
        self._closed = False

    def submit(self, requests: Sequence[Request], on_done: OnDone, on_text: OnText | None = None) -> None:
        batch = list(requests)
        if self._closed:  # the loop may be gone
            self._add(batch, on_done, on_text)
            return
        self.engine.loop.post(lambda: self._add(batch, on_done, on_text))

    def cancel(self, request_ids: Sequence[str]) -> None:
        wanted = list(request_ids)
        self.engine.loop.post(lambda: self._cancel(wanted))

    def close(self) -> None:
        """What is in flight ends as cancelled."""
        if not self._closed:
            self._closed = True
            self.engine.loop.call(self._end)

    def sleep(self) -> None:
        self.engine.loop.call(self.engine.sleep)

    def wake(self) -> None:
        self.engine.loop.call(self.engine.wake)

    # --- on the device's thread --------------------------------------------------------------------------------------

    def _add(self, requests: list[Request], on_done: OnDone, on_text: OnText | None) -> None:
        for request in requests:
            if self._closed:
                on_done(Completion(request.request_id, "", 0, 0, 0.0, "cancelled"))
                continue
            try:
                self._add_one(request, on_done, on_text)
            except Exception as error:  # noqa: BLE001 - what vLLM refuses, it refuses in many ways: this item alone
                self._flights.pop(request.request_id, None)
                said = error if isinstance(error, ItemError) else ItemError(sentence(self.name, error))
                on_done(Failure(request.request_id, said, fatal=False))

    def _add_one(self, request: Request, on_done: OnDone, on_text: OnText | None) -> None:
        ids = encode(self._tokenizer, request.prompt)
        if not ids:
            raise ItemError("The prompt is empty.")
        if len(ids) >= self._positions:
            raise ItemError(f"The prompt has {len(ids)} tokens; the model takes at most {self._positions - 1}.")
        flight = _Flight(request, len(ids), on_done, on_text)
        self._flights[request.request_id] = flight
        room = self._positions - len(ids)
        params = self.params(request.sampling, request.seed, room, streamed=on_text is not None)
        self.engine.add(
            request.request_id,
            ids,
            params,
            request.priority,
            lambda output: self._told(flight, output),
            lambda error: self._gone(flight, error),
        )

    def params(self, sampling: Sampling, seed: int, room: int, streamed: bool) -> Any:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        # A stop string that is one added token never shows in the text, where special tokens are left out.
        ids = [self._added[stop] for stop in sampling.stop if stop in self._added]
        strings = [stop for stop in sampling.stop if stop and stop not in self._added]
        return SamplingParams(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=min(sampling.max_tokens, room),
            seed=seed % 2**63,
            stop=strings,
            stop_token_ids=ids,
            output_kind=RequestOutputKind.DELTA if streamed else RequestOutputKind.FINAL_ONLY,
        )

    def _told(self, flight: _Flight, output: Any) -> None:
        part = output.outputs[0]
        flight.ids += part.token_ids
        self._show(flight, part.text)
        if not output.finished:
            return
        if part.finish_reason == "length":
            # vLLM holds back a character that is not whole; the other backends end with the sign for one
            whole = str(self._tokenizer.decode(flight.ids, skip_special_tokens=True))
            if whole.startswith(flight.text):
                self._show(flight, whole[len(flight.text) :])
        self._finish(flight, "length" if part.finish_reason == "length" else "stop")

    def _show(self, flight: _Flight, text: str) -> None:
        flight.text += text
        if text and flight.on_text is not None:
            flight.on_text(flight.request.request_id, text)

    def _finish(self, flight: _Flight, reason: Literal["stop", "length", "cancelled"]) -> None:
        self._flights.pop(flight.request.request_id, None)
        seconds = time.perf_counter() - flight.started
        flight.on_done(
            Completion(flight.request.request_id, flight.text, len(flight.ids), flight.prompt_tokens, seconds, reason)
        )

    def _gone(self, flight: _Flight, error: BackendError) -> None:
        self._flights.pop(flight.request.request_id, None)
        flight.on_done(Failure(flight.request.request_id, error, fatal=True))

    def _cancel(self, request_ids: list[str]) -> None:
        flights = [self._flights[key] for key in request_ids if key in self._flights]
        self.engine.abort([flight.request.request_id for flight in flights])
        for flight in flights:
            self._finish(flight, "cancelled")

    def _end(self) -> None:
        self._cancel(list(self._flights))
        self.engine.put_away()


def open_role(role: Role, memory: Memory | None = None) -> VllmText:
    """The role's model in vLLM; InputError where it cannot be loaded or vllm is not installed."""
    return VllmText(role.name, engine(role, "generate", memory), role.slots)
