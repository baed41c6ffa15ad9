"""A transformers causal LM as a ``TextModel``: requests from any thread, decoded on the device's thread."""

from collections.abc import Sequence
from typing import Any

from engine.models.base import Completion, Failure, OnCompletion, OnText, Request
from engine.models.device import DeviceLoop
from engine.models.local.decode import SlotDecoder
from store.errors import BackendError


class TransformersLM:
    """``slots`` sequences are decoded together; ``threads``: processor threads of a step.

    On the CPU, texts depend only on prompt, sampling and seed. Callbacks come from the device's thread. After a failure
    of the model, all requests get a fatal ``Failure``.
    """

    def __init__(self, name: str, model: Any, tokenizer: Any, slots: int = 64, threads: int = 1) -> None:
        self.name, self.threads = name, threads
        # A few more than fit, so that an empty slot is refilled before the pipeline sends more.
        self.window = slots + max(4, slots // 4)
        self._decoder: SlotDecoder | None = SlotDecoder(model.eval(), tokenizer, slots)
        self._error: BackendError | None = None
        self._loop = DeviceLoop.join(str(model.device), self)

    def submit(self, requests: Sequence[Request], on_done: OnCompletion, on_text: OnText | None = None) -> None:
        batch = list(requests)
        if self._decoder is None:  # closed: the loop may be gone
            self._add(batch, on_done, on_text)
            return
        self._loop.post(lambda: self._add(batch, on_done, on_text))

    def cancel(self, request_ids: Sequence[str]) -> None:
        wanted = list(request_ids)
        self._loop.post(lambda: self._decoder.cancel(wanted) if self._decoder else None)

    def close(self) -> None:
        if self._decoder is not None:
            self._loop.leave(self, self._end)

    @property
    def busy(self) -> bool:
        return self._decoder is not None and self._decoder.busy

    def step(self) -> None:
        if self._decoder is not None:
            self._decoder.step()

    def fail(self, error: BackendError) -> None:
        self._error = error
        if self._decoder is not None:
            self._decoder.abort(error)

    def _add(self, requests: list[Request], on_done: OnCompletion, on_text: OnText | None) -> None:
        for request in requests:
            if self._error is not None:
                on_done(Failure(request.request_id, self._error, fatal=True))
            elif self._decoder is None:
                on_done(Completion(request.request_id, "", 0, 0, 0.0, "cancelled"))
            else:
                self._decoder.add(request, on_done, on_text)

    def _end(self) -> None:
        if self._decoder is not None:
            self._decoder.cancel_all()
            self._decoder = None
