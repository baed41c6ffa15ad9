"""A check by a judge that writes: it is asked about every question, and its conclusions become the verdicts.

Questions, seeds and second tries are those of a run (``engine.pipeline``), so that the same judge gives a run of the
same seed the same verdicts again.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue

from engine.checks.judges import Judge, error_row
from engine.checks.scores import give_up
from engine.config.profiles import Role
from engine.models.base import Completion, Failure, Request, TextModel
from engine.seeds import item_seed
from engine.stages import solvability
from store.database.replace_verdicts import Findings, StageInput
from store.errors import BackendError
from store.records import Run, Spend, Verdict

_POLL = 0.25
"""Seconds between two looks at whether the check was stopped."""


class Replies(Judge):
    """Solvability by a model that writes its verdict."""

    def __init__(self, run: Run, role: Role, model: TextModel, stopped: Callable[[], bool]) -> None:
        self._run, self._role, self._model, self._stopped = run, role, model, stopped
        self.stretch = max(256, 4 * model.window)  # long stretches: at the end of each, the model's slots run empty

    def judge(self, some: Sequence[StageInput]) -> tuple[Findings, int]:
        asking = _Asking(self._run.seed, self._role, self._model, some, self._stopped)
        results = asking.results()
        found = Findings()
        if self._role.priced:
            billed, cost = asking.billed, self._role.cost(*asking.billed)
            spend = Spend(self._run.run_id, solvability.STAGE, self._role.name, asking.requests, *billed, cost)
            found.spend.append(spend)
        for one, result in zip(some, results, strict=False):
            if isinstance(result, Verdict):
                found.verdicts.append(result)
            else:
                found.errors.append(error_row(self._run, solvability.STAGE, one, str(result.error)))
        return found, len(results)


@dataclass(slots=True)
class _Call:
    """One request about the question at ``place``. ``cut_off`` and ``undecided``: earlier replies that it replaces."""

    place: int
    sample: int = 0
    cut_off: Completion | None = None
    undecided: Completion | None = None


class _Asking:
    """One block of questions at the judge, within its window."""

    def __init__(
        self, seed: int, role: Role, model: TextModel, some: Sequence[StageInput], stopped: Callable[[], bool]
    ) -> None:
        self._seed, self._role, self._model, self._some, self._stopped = seed, role, model, some, stopped
        self._waiting = deque(_Call(place) for place in range(len(some)))
        self._in_flight: dict[str, _Call] = {}
        self._inbox: SimpleQueue[Completion | Failure] = SimpleQueue()
        self._results: dict[int, Verdict | Failure] = {}
        self._cancelled = False
        self.requests, self.billed = 0, (0, 0)
        """The requests that have ended, and the tokens that were billed for them."""

    def results(self) -> list[Verdict | Failure]:
        """One result per question, in order; when ``stopped`` becomes true, only of the first questions.

        Raises the model's fatal error, and BackendError after too many failures in a row.
        """
        while self._waiting or self._in_flight:
            if self._stopped() and not self._cancelled:
                self._cancelled = True
                self._waiting.clear()
                self._model.cancel(list(self._in_flight))
            self._submit()
            try:
                self._receive(self._inbox.get(timeout=_POLL))
            except Empty:
                continue
        judged = next((i for i in range(len(self._some)) if i not in self._results), len(self._some))
        ordered = [self._results[place] for place in range(judged)]
        give_up(ordered)
        return ordered

    def _submit(self) -> None:
        requests = []
        while self._waiting and len(self._in_flight) < max(1, self._model.window):
            call = self._waiting.popleft()
            request = self._request(call)
            self._in_flight[request.request_id] = call
            requests.append(request)
        if requests:
            self._model.submit(requests, self._inbox.put)

    def _request(self, call: _Call) -> Request:
        question, sampling = self._some[call.place].question, self._role.sampling
        request_id = f"{question.question_id}/check/{call.sample}"
        if call.sample:
            sampling = replace(sampling, temperature=solvability.SECOND_TEMPERATURE)
        if call.cut_off is not None:
            request_id, sampling = request_id + "+", replace(sampling, max_tokens=self._role.retry_tokens)
        seed = item_seed(self._seed, question.idx, "judge", call.sample)
        return Request(request_id, self._role.template.render(question.text), sampling, seed)

    def _receive(self, result: Completion | Failure) -> None:
        call = self._in_flight.pop(result.request_id)
        self.requests += 1
        self.billed = self.billed[0] + result.billed[0], self.billed[1] + result.billed[1]
        if isinstance(result, Failure):
            if result.fatal:
                raise result.error
            self._results[call.place] = result
        elif result.finish_reason == "cancelled":
            if not self._cancelled:
                raise BackendError("The judge's model was closed while the check needed it.")
        elif result.finish_reason == "length" and self._role.retry_tokens and not call.cut_off:
            if not self._cancelled:
                self._waiting.appendleft(replace(call, cut_off=result))  # results count up to the first gap only
        else:
            self._conclude(call, _sum(result, call.cut_off))

    def _conclude(self, call: _Call, reply: Completion) -> None:
        if call.sample == 0 and solvability.concluded(reply) is None:
            if not self._cancelled:
                self._waiting.appendleft(_Call(call.place, 1, undecided=reply))
            return
        question = self._some[call.place].question
        self._results[call.place] = solvability.from_text(question.question_id, self._role.name, reply, call.undecided)


def _sum(reply: Completion, cut_off: Completion | None) -> Completion:
    """The reply with the cost of the try that was cut off before it."""
    if cut_off is None:
        return reply
    return replace(reply, tokens=reply.tokens + cut_off.tokens, seconds=reply.seconds + cut_off.seconds)
