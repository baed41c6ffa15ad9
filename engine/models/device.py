"""One thread per device, shared by all models on it: in each round, every model that has work does one step of it.

The models of a pipeline then never compete for the same cores, a long queue of one does not hold up the others, and no
model needs a lock.
"""

from __future__ import annotations

import atexit
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import ClassVar, Protocol, TypeVar

from store.errors import BackendError

_T = TypeVar("_T")
_TOO_SMALL = (
    "out of memory",
    "no available memory",
    "free memory on device",
    "larger than the maximum number of tokens",
)


class Worker(Protocol):
    """What the loop needs of a model. All methods are called on the loop's thread only."""

    name: str
    threads: int
    """Processor threads that a step can use well."""

    @property
    def busy(self) -> bool: ...

    def step(self) -> None:
        """Do one short piece of work: one decode step, one batch of scores."""

    def fail(self, error: BackendError) -> None:
        """The model is gone: fail everything queued, and everything submitted later."""


class DeviceLoop:
    """The thread of one device, shared by the process (``DeviceLoop.join``). It ends when its last model leaves."""

    _loops: ClassVar[dict[str, DeviceLoop]] = {}
    _lock = threading.Lock()

    def __init__(self, device: str) -> None:
        self._device = device
        self._workers: list[Worker] = []
        self._posted: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._joined = 0
        self._threads = 0
        self._thread = threading.Thread(target=self._run, name=f"models on {device}", daemon=True)

    @classmethod
    def join(cls, device: str, worker: Worker) -> DeviceLoop:
        """Add the model to the loop of this device, which is started if need be."""
        with cls._lock:
            loop = cls._loops.get(device)
            new = loop is None
            if loop is None:
                loop = cls._loops[device] = cls(device)
            loop._joined += 1  # before the thread looks at it: a loop without models ends
            if new:
                loop._thread.start()
        loop.post(lambda: loop._workers.append(worker))
        return loop

    def leave(self, worker: Worker, last: Callable[[], None]) -> None:
        """Run ``last`` on the thread and remove the model. Returns when that is done; the thread itself may call it."""
        gone = threading.Event()

        def go() -> None:
            try:
                last()
            finally:
                if worker in self._workers:
                    self._workers.remove(worker)
                with DeviceLoop._lock:
                    self._joined -= 1
                    if not self._joined:
                        DeviceLoop._loops.pop(self._device, None)
                gone.set()

        if threading.current_thread() is self._thread:
            go()
            return
        self.post(go)
        while not gone.wait(0.5) and self._thread.is_alive():
            pass

    def call(self, make: Callable[[], _T]) -> _T:
        """Run this on the thread between two steps; returns or raises as it does. The thread itself may call it."""
        if threading.current_thread() is self._thread:
            return make()
        result: Future[_T] = Future()

        def go() -> None:
            try:
                result.set_result(make())
            except BaseException as error:  # noqa: BLE001 - the caller raises it
                result.set_exception(error)

        self.post(go)
        return result.result()

    def post(self, call: Callable[[], None]) -> None:
        """Have the thread run this between two steps."""
        self._posted.put(call)

    def _run(self) -> None:
        while self._joined or not self._posted.empty():
            self._run_posted()
            for worker in list(self._workers):
                if worker.busy:
                    self._step(worker)

    def _run_posted(self) -> None:
        idle = not any(worker.busy for worker in self._workers)
        while True:
            try:
                # Blocks only while no model has work, and then for one call at a time.
                call = self._posted.get(block=idle and bool(self._joined))
            except queue.Empty:
                return
            idle = False
            try:
                call()
            except Exception as error:  # noqa: BLE001 - a raising callback must leave nobody waiting
                for worker in self._workers:
                    worker.fail(BackendError(failure_message(worker.name, error)))

    def _step(self, worker: Worker) -> None:
        try:
            self._set_threads(worker.threads)
            worker.step()
        except Exception as error:  # noqa: BLE001 - out of memory, say: it ends this model alone
            worker.fail(BackendError(failure_message(worker.name, error)))

    def _set_threads(self, threads: int) -> None:
        if threads != self._threads:
            import torch

            torch.set_num_threads(threads)
            self._threads = threads


def first_line(error: BaseException) -> str:
    """The first line of an error's message, 300 characters at most, without its full stop; else the error's class."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")[:300]


def failure_message(name: str, error: BaseException) -> str:
    """A sentence for the user: which model failed, why, and what to do where memory ran out."""
    remedy = ""
    if any(words in str(error).lower() for words in _TOO_SMALL):
        remedy = "; lower the role's slots, context or max_tokens, or use a smaller model or dtype"
    return f"The model '{name}' failed: {first_line(error)}{remedy}."


@atexit.register
def _stop_all() -> None:
    """A thread that is inside torch while the interpreter exits would abort the process."""
    for loop in list(DeviceLoop._loops.values()):
        loop._joined = 0
        loop._workers.clear()
        loop.post(lambda: None)
        if loop._thread is not threading.current_thread():
            loop._thread.join(timeout=5)
