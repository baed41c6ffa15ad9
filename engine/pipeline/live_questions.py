"""The state of a live run's questions, built from the rows that the pipeline writes and the texts that it streams.

Streamed text only comes earlier than the rows and is replaced by theirs, so equal runs end in equal states.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.config.run_config import RunConfig
from engine.pipeline.types import Grouper
from engine.stages.pair import DECIMALS
from engine.text.reasoning import split_reasoning
from store.records import STAGES, ErrorRow, Label, Question, Record, Reward, Solution, Verdict, question_id


@dataclass(slots=True)
class Sample:
    """One solution: ``text`` grows until ``ended``. ``group``: number of the first sample with an equivalent answer."""

    number: int
    text: str = ""
    ended: bool = False
    cut_off: bool = False
    tokens: int = 0
    answer: str | None = None
    group: int | None = None
    reward: float | None = None
    reasoning: str | None = None

    @property
    def apart(self) -> tuple[str | None, str]:
        """Reasoning and response, which are told apart once the sample has ended."""
        if self.reasoning is not None or not self.ended:
            return self.reasoning, self.text
        return split_reasoning(self.text)


@dataclass(slots=True)
class LiveQuestion:
    """One question: ``text`` grows until ``ended``, ``samples`` come as they begin. ``chosen``: number of the sample
    that makes the pair. ``error``: stage and message of a failure. ``revision`` rises with every change."""

    question_id: str
    idx: int
    generator: str
    text: str = ""
    ended: bool = False
    tokens: int = 0
    seed: int | None = None
    topic: str | None = None
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    samples: dict[int, Sample] = field(default_factory=dict)
    near: list[str] = field(default_factory=list)
    chosen: int | None = None
    agreement: float | None = None
    error: tuple[str, str] | None = None
    revision: int = 0

    @property
    def stage(self) -> str | None:
        """Its next stage: ``generated``, the first stage without a verdict, or None once its outcome is known."""
        if self.error is not None or not all(verdict.kept for verdict in self.verdicts.values()):
            return None
        if not self.ended:
            return "generated"
        return next((stage for stage in STAGES if stage not in self.verdicts), None)

    @property
    def kept(self) -> bool:
        """Whether it became a pair."""
        return "pair" in self.verdicts and self.verdicts["pair"].kept

    @property
    def groups(self) -> list[list[Sample]]:
        """Samples by equivalent answer, largest group first, those without an answer last. One group of all before the
        answers are compared."""
        samples = [self.samples[number] for number in sorted(self.samples)]
        if "pair" not in self.verdicts:
            return [samples] if samples else []
        groups: dict[int | None, list[Sample]] = {}
        for sample in samples:
            groups.setdefault(sample.group, []).append(sample)
        return sorted(groups.values(), key=lambda group: (group[0].group is None, -len(group), group[0].number))

    @property
    def equals(self) -> int:
        """How many samples have the chosen one's reward, rounded as the pair stage rounds."""
        rewards = [s.reward for s in self.samples.values() if s.answer is not None and s.reward is not None]
        best = None if self.chosen is None else self.samples[self.chosen].reward
        return 0 if best is None else sum(round(reward, DECIMALS) == round(best, DECIMALS) for reward in rewards)


class LiveQuestions:
    """The questions of one run, all from the start, in idx order. For one thread at a time."""

    def __init__(self, config: RunConfig, run_id: str, pool: Grouper) -> None:
        names = [generator.name for generator in config.profile.generators]
        self.all = [
            LiveQuestion(question_id(run_id, idx), idx, names[config.generator_of(idx)]) for idx in range(config.limit)
        ]
        self._by_id = {question.question_id: question for question in self.all}
        self._pool = pool
        self._retried: set[str] = set()

    @property
    def tokens(self) -> int:
        """Tokens of generators and solver so far; a streamed piece counts as one until its text is complete."""
        return sum(
            question.tokens + sum(sample.tokens for sample in question.samples.values()) for question in self.all
        )

    def on_text(self, request_id: str, new: str) -> None:
        """Add a piece of text. A retry of a text that was cut off starts from the beginning."""
        question_key, purpose, sample = request_id.split("/")
        question = self._by_id[question_key]
        question.revision += 1
        part: LiveQuestion | Sample
        if purpose == "question":
            part = question
        elif purpose == "solution":
            number = int(sample.rstrip("+"))
            part = question.samples.setdefault(number, Sample(number))
        else:
            return  # a judge that writes: its text comes with its verdict
        if part.ended:
            return
        if request_id.endswith("+") and request_id not in self._retried:
            self._retried.add(request_id)
            part.text = ""
        part.text += new
        part.tokens += 1

    def on_rows(self, rows: Sequence[Record]) -> None:
        """Add rows as the pipeline writes them."""
        for row in rows:
            if isinstance(row, ErrorRow):
                self.all[row.idx].error = (row.stage, row.message)
                self.all[row.idx].revision += 1
            elif isinstance(row, Reward):
                question_key, _, number = row.solution_id.rpartition("-")
                self._by_id[question_key].samples[int(number)].reward = row.reward
                self._by_id[question_key].revision += 1
            elif isinstance(row, Question | Verdict | Solution | Label):
                self._add(self._by_id[row.question_id], row)

    def _add(self, question: LiveQuestion, row: Question | Verdict | Solution | Label) -> None:
        question.revision += 1
        if isinstance(row, Question):
            question.text, question.ended, question.tokens, question.seed = row.text, True, row.tokens or 0, row.seed
        elif isinstance(row, Solution):
            cut_off = row.finish_reason == "length"
            question.samples[row.sample] = Sample(
                row.sample, row.text, True, cut_off, row.tokens or 0, row.answer, reasoning=row.reasoning
            )
        elif isinstance(row, Verdict):
            question.verdicts[row.stage] = row
            if row.stage == "pair":
                self._group(question)
        elif row.key == "topic":
            question.topic = row.value
        elif row.key == "near_duplicate":
            question.near.append(row.value)
        elif row.key == "chosen":
            question.chosen = int(row.value)
        elif row.key == "agreement":
            question.agreement = float(row.value)

    def _group(self, question: LiveQuestion) -> None:
        """Group the answers as the pair stage did; the pool has cached the comparisons."""
        samples = [question.samples[number] for number in sorted(question.samples)]
        for sample, first in zip(samples, self._pool.group([s.answer for s in samples]), strict=True):
            sample.group = None if first is None else samples[first].number
