"""A vLLM engine as a ``TextModel``. Stop strings, special tokens and seeds work as in the transformers backend."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.config.profiles import Role
from engine.config.sampling import Sampling
from engine.models.base import Completion, Failure, Logprobs, OnCompletion, OnText, Request
from engine.models.device import failure_message
from engine.models.local.causal import encode_prompt
from engine.models.tokenizers import check_round_trip
from engine.models.vllm.engine import Engine, EngineModel, Memory, engine, on_gpu
from store.errors import BackendError, InputError, ItemError

_BATCH_SHARE = 0.9
"""Share of the engine's sequences for batches; the rest is kept free, so that live requests start immediately."""


@dataclass(slots=True)
class _InFlight:
    """One request in the engine, and its text so far."""

    request: Request
    prompt_tokens: int
    on_done: OnCompletion
    on_text: OnText | None
    started: float = field(default_factory=time.perf_counter)
    text: str = ""
    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)


class VllmText(EngineModel):
    """A ``TextModel``. Texts depend on prompt, sampling and seed alone on a CPU; on a GPU, they do so only where
    ``seeded`` (otherwise vLLM gets no seeds: ``engine.models.reproducible``).

    Callbacks come from the device's thread. After a failure of the engine, all requests get a fatal ``Failure``. At
    ``close``, requests in flight end as cancelled.
    """

    def __init__(self, name: str, engine: Engine, slots: int, seeded: bool = True) -> None:
        super().__init__(name, engine, window=max(1, int(_BATCH_SHARE * slots)))
        self._seeded = seeded
        self._added: dict[str, int] = dict(self.tokenizer.get_added_vocab())
        self._in_flight: dict[str, _InFlight] = {}

    def submit(self, requests: Sequence[Request], on_done: OnCompletion, on_text: OnText | None = None) -> None:
        batch = list(requests)
        self._post(lambda: self._add(batch, on_done, on_text))

    def cancel(self, request_ids: Sequence[str]) -> None:
        wanted = list(request_ids)
        self.engine.loop.post(lambda: self._cancel(wanted))

    # --- on the device's thread --------------------------------------------------------------------------------------

    def _add(self, requests: list[Request], on_done: OnCompletion, on_text: OnText | None) -> None:
        for request in requests:
            if self._closed:
                on_done(Completion(request.request_id, "", 0, 0, 0.0, "cancelled"))
                continue
            try:
                self._add_one(request, on_done, on_text)
            except Exception as error:  # noqa: BLE001 - vLLM rejects a request by many kinds of error
                self._in_flight.pop(request.request_id, None)
                known = error if isinstance(error, ItemError) else ItemError(failure_message(self.name, error))
                on_done(Failure(request.request_id, known, fatal=False))

    def _add_one(self, request: Request, on_done: OnCompletion, on_text: OnText | None) -> None:
        ids = encode_prompt(self.tokenizer, request.prompt, self._positions)
        call = _InFlight(request, len(ids), on_done, on_text)
        self._in_flight[request.request_id] = call
        params = self.params(
            request.sampling, request.seed, self._positions - len(ids), on_text is not None, request.logprobs
        )
        self.engine.add(
            request.request_id,
            ids,
            params,
            request.priority,
            lambda output: self._receive(call, output),
            lambda error: self._gone(call, error),
        )

    def params(self, sampling: Sampling, seed: int, limit: int, streamed: bool, logprobs: bool = False) -> Any:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        # A stop string that is one added token never shows in the text, which leaves special tokens out.
        ids = [self._added[stop] for stop in sampling.stop if stop in self._added]
        strings = [stop for stop in sampling.stop if stop and stop not in self._added]
        return SamplingParams(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=sampling.top_k,
            max_tokens=min(sampling.max_tokens, limit),
            seed=seed % 2**63 if self._seeded else None,
            stop=strings,
            stop_token_ids=ids,
            logprobs=0 if logprobs else None,  # of the sampled token alone, before temperature and top-p
            output_kind=RequestOutputKind.DELTA if streamed else RequestOutputKind.FINAL_ONLY,
        )

    def _receive(self, call: _InFlight, output: Any) -> None:
        part = output.outputs[0]
        call.ids += part.token_ids
        if part.logprobs is not None:
            each = zip(part.token_ids, part.logprobs, strict=True)
            call.logprobs += [found[token].logprob for token, found in each]
        self._show(call, part.text)
        if not output.finished:
            return
        if not isinstance(part.stop_reason, str):  # not at a stop string, which has cut the text
            # vLLM holds back bytes that are no whole character; the other backends show a replacement sign
            ids = call.ids if part.finish_reason == "length" else call.ids[:-1]
            whole = str(self.tokenizer.decode(ids, skip_special_tokens=True))
            if whole.startswith(call.text):
                self._show(call, whole[len(call.text) :])
        self._finish(call, "length" if part.finish_reason == "length" else "stop")

    def _show(self, call: _InFlight, text: str) -> None:
        call.text += text
        if text and call.on_text is not None:
            call.on_text(call.request.request_id, text)

    def _finish(self, call: _InFlight, reason: Literal["stop", "length", "cancelled"]) -> None:
        self._in_flight.pop(call.request.request_id, None)
        seconds = time.perf_counter() - call.started
        call.on_done(
            Completion(
                call.request.request_id, call.text, len(call.ids), call.prompt_tokens, seconds, reason,
                logprobs=Logprobs.of(call.logprobs),
            )
        )  # fmt: skip

    def _gone(self, call: _InFlight, error: BackendError) -> None:
        self._in_flight.pop(call.request.request_id, None)
        call.on_done(Failure(call.request.request_id, error, fatal=True))

    def _cancel(self, request_ids: list[str]) -> None:
        calls = [self._in_flight[key] for key in request_ids if key in self._in_flight]
        self.engine.abort([call.request.request_id for call in calls])
        for call in calls:
            self._finish(call, "cancelled")

    def _end(self) -> None:
        self._cancel(list(self._in_flight))
        self.engine.release()


def open_role(role: Role, memory: Memory | None = None) -> VllmText:
    """The role's model in vLLM; InputError where it cannot be loaded, loses text, or vllm is not installed."""
    model = VllmText(role.name, engine(role, "generate", memory), role.slots, role.reproducible or not on_gpu())
    try:
        check_round_trip(role, model.tokenizer)
    except InputError:
        model.close()
        raise
    return model
