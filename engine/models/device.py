"""One thread per device, shared by all models on it: each turn, every model that has work does one piece of it.

So the models of a pipeline never fight over the same cores, a model with a long queue does not hold up the others,
and no model needs a lock. Knows nothing of what the pieces are.
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
    """A model's side of the loop. All methods are called on the loop's thread only."""

    name: str
    threads: int
    """Processor threads that its pieces profit from."""

    @property
    def busy(self) -> bool: ...

    def turn(self) -> None:
        """Do one short piece of work: one decode step, one batch of scores."""

    def fail(self, error: BackendError) -> None:
        """Nothing more will come: fail all that waits and all that is asked later."""


class DeviceLoop:
    """The thread of one device. ``DeviceLoop.join`` gives the process's one; it ends when its last model leaves."""

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
        """The loop of this device with this model on it, started where it did not run."""
        with cls._lock:
            loop = cls._loops.get(device)
            new = loop is None
            if loop is None:
                loop = cls._loops[device] = cls(device)
            loop._joined += 1  # before the thread looks: one without models ends
            if new:
                loop._thread.start()
        loop.post(lambda: loop._workers.append(worker))
        return loop

    def leave(self, worker: Worker, last: Callable[[], None]) -> None:
        """Run ``last`` on the thread, then serve this model no more. Returns when that is done; the thread may be the
        caller."""
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
        """Run this on the thread between two turns, and return what it returns or raise what it raises. The thread may
        be the caller."""
        if threading.current_thread() is self._thread:
            return make()
        made: Future[_T] = Future()

        def go() -> None:
            try:
                made.set_result(make())
            except BaseException as error:  # noqa: BLE001 - it is the caller's
                made.set_exception(error)

        self.post(go)
        return made.result()

    def post(self, call: Callable[[], None]) -> None:
        """Have the thread run this between two turns."""
        self._posted.put(call)

    def _run(self) -> None:
        while self._joined or not self._posted.empty():
            self._take_posted()
            for worker in list(self._workers):
                if worker.busy:
                    self._turn(worker)

    def _take_posted(self) -> None:
        idle = not any(worker.busy for worker in self._workers)
        while True:
            try:
                # Waits only where there is nothing else to do, and then for one call at a time.
                call = self._posted.get(block=idle and bool(self._joined))
            except queue.Empty:
                return
            idle = False
            try:
                call()
            except Exception as error:  # noqa: BLE001 - a raising callback must leave nobody waiting
                for worker in self._workers:
                    worker.fail(BackendError(sentence(worker.name, error)))

    def _turn(self, worker: Worker) -> None:
        try:
            self._set_threads(worker.threads)
            worker.turn()
        except Exception as error:  # noqa: BLE001 - out of memory, say: it ends this model alone
            worker.fail(BackendError(sentence(worker.name, error)))

    def _set_threads(self, threads: int) -> None:
        if threads != self._threads:
            import torch

            torch.set_num_threads(threads)
            self._threads = threads


def sentence(name: str, error: BaseException) -> str:
    """One line for a person: which model, the first line of what its library said, and what to do if it was memory."""
    said = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
    remedy = ""
    if any(words in str(error).lower() for words in _TOO_SMALL):
        remedy = "; lower the role's slots, context or max_tokens, or use a smaller model or dtype"
    return f"The model '{name}' failed: {said[:300]}{remedy}."


@atexit.register
def _stop_all() -> None:
    """A thread inside torch while the interpreter goes down would abort the process."""
    for loop in list(DeviceLoop._loops.values()):
        loop._joined = 0
        loop._workers.clear()
        loop.post(lambda: None)
        if loop._thread is not threading.current_thread():
            loop._thread.join(timeout=5)
