"""Fail rates of training questions, for the difficulty scorer (paper, section 2.3): fail rate = incorrect / n.

A solver answers each question n times, and each answer is compared with the gold one. Departure from the paper: an
answer that cannot be compared is undecided and counts as neither, so that fail rate = incorrect / (n - undecided).

    OUT                 one row a question, written anew at every end: question, n, correct, undecided, fail_rate
    OUT.samples.jsonl   one row a sample as it comes, after one that names the solver; with log-probabilities where they
                        are wanted; a later call repeats none of them
"""

import hashlib
import json
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from engine.config.profiles import Role
from engine.jobs.control import Control
from engine.models.base import Completion, Failure, Request
from engine.seeds import item_seed
from engine.stages.solution import compared, solution
from engine.text.answers import AnswerPool
from engine.training import json_lines, samples
from engine.training.held_out import Held
from engine.training.session import Interrupted, OnEvent, Progress
from store.errors import InputError

_STAGE = "rates"


@dataclass(frozen=True, slots=True)
class Rates:
    """``questions``: those with a rate; ``failed``: samples that the solver did not give and a later call asks again.
    ``mean``: of the fail rates, None without any."""

    status: Literal["done", "interrupted"]
    questions: int
    samples: int
    undecided: int
    failed: int
    mean: float | None


def measure(
    role: Role, questions: Sequence[Held], n: int, seed: int, out: Path, on_event: OnEvent, control: Control,
    logprobs: bool = False,
) -> Rates:  # fmt: skip
    """Sample and compare what an earlier call has not, and write ``out``. InputError where that call had another solver
    or seed; raises the error of a model that is gone."""
    answers = {_key(one.question): one for one in reversed(questions)}  # of a question that occurs twice, the first
    log = _opened(out, role, seed)
    known = {(str(row["key"]), int(row["sample"])): row for row in json_lines.read(log)[1:]}
    wanted = [(key, sample) for key in dict.fromkeys(_key(one.question) for one in questions) for sample in range(n)]
    missing = [one for one in wanted if one not in known]
    status: Literal["done", "interrupted"] = "done"
    try:
        if missing:
            timed = _Timed(Progress(on_event, control), len(wanted), len(missing))
            _sample(role, answers, missing, seed, log, timed, logprobs)
    except Interrupted:
        status = "interrupted"
    known = {(str(row["key"]), int(row["sample"])): row for row in json_lines.read(log)[1:]}
    rows = _by_question(answers, [known[one] for one in wanted if one in known])
    _write(out, rows)
    rates = [row["fail_rate"] for row in rows if row["fail_rate"] is not None]
    counted, undecided = (sum(row[name] for row in rows) for name in ("n", "undecided"))
    failed = len(wanted) - counted if status == "done" else 0
    return Rates(status, len(rates), counted, undecided, failed, round(sum(rates) / len(rates), 4) if rates else None)


class _Timed:
    """Progress with the seconds left, by the pace of this call."""

    def __init__(self, progress: Progress, total: int, missing: int) -> None:
        self._progress, self._total, self._missing = progress, total, missing
        self._start = time.monotonic()

    def __call__(self, done: int) -> None:
        left = (time.monotonic() - self._start) / max(done, 1) * (self._missing - done)
        self._progress(_STAGE, self._total - self._missing + done, self._total, eta_s=round(left, 1))


def _sample(
    role: Role, answers: dict[str, Held], missing: Sequence[tuple[str, int]], seed: int, log: Path, progress: _Timed,
    logprobs: bool,
) -> None:  # fmt: skip
    requests = [
        Request(
            f"{key}-{sample}",
            role.template.render(answers[key].question),
            role.sampling,
            item_seed(seed, int(key, 16), "solution", sample),
            logprobs=logprobs,
        )
        for key, sample in missing
    ]

    def receive(result: Completion | Failure) -> None:
        if isinstance(result, Failure):  # the next call tries again
            return
        key, _, sample = result.request_id.partition("-")
        made = compared(solution(key, int(sample), result, role.name, 0), answers[key].answer, pool)
        row = {"key": key, "sample": int(sample), "verdict": made.correct, "answer": made.answer}
        sure = {"logprobs": result.logprobs, "cut_off": made.finish_reason == "length"} if logprobs else {}
        json_lines.append(log, [row | {"tokens": result.tokens} | sure])

    with AnswerPool() as pool, samples.opened(role) as model:
        samples.complete(model, requests, progress, receive)


def sampled(out: Path) -> list[dict[str, Any]]:
    """The samples behind ``out``."""
    return json_lines.read(_log(out))[1:]


def _log(out: Path) -> Path:
    return out.with_name(f"{out.name}.samples.jsonl")


def _opened(out: Path, role: Role, seed: int) -> Path:
    """The file of samples; InputError where another solver, or another seed, has begun it."""
    log = _log(out)
    made_by = {
        "solver": role.model, "revision": role.revision, "template": role.template.id, "temperature": role.temperature,
        "top_p": role.top_p, "max_tokens": role.max_tokens, "seed": seed,
    }  # fmt: skip
    rows = json_lines.read(log)
    if not rows:
        json_lines.append(log, [made_by])
    elif rows[0] != made_by:
        name = next(name for name in made_by if rows[0].get(name) != made_by[name])
        problem = f"has samples of {name} {rows[0].get(name)}, not {made_by[name]}"
        raise InputError("--out", str(out), problem, "choose another file, or delete it and its samples")
    return log


def _by_question(answers: dict[str, Held], known: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row for each question that has a sample."""
    verdicts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in known:
        verdicts[str(row["key"])][str(row["verdict"])] += 1
    rows = []
    for key, counts in verdicts.items():
        decided = counts["same"] + counts["different"]
        rate = round(counts["different"] / decided, 6) if decided else None
        counted = {"n": counts.total(), "correct": counts["same"], "undecided": counts["undecided"], "fail_rate": rate}
        level = {"level": answers[key].level} if answers[key].level else {}
        rows.append({"question": answers[key].question, "answer": answers[key].answer, **level, **counted})
    return rows


def _write(out: Path, rows: Sequence[dict[str, Any]]) -> None:
    """By a rename, so that a kill leaves the old file or the new one."""
    made = out.with_name(f".{out.name}.tmp")
    try:
        made.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
        made.replace(out)
    except OSError as error:
        raise json_lines.cannot_write(out, error) from error


def _key(question: str) -> str:
    """Sixteen digits of a question's text: its seeds do not depend on its place in the files."""
    return hashlib.blake2b(question.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
