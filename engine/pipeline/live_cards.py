"""A live run as it looks while it happens: its rows and its pieces of text, folded into one card a question.

What the pipeline puts is all there is to know of a run; pieces of text only come earlier, and give way to the stored
text as soon as that is there. So equal runs end in equal cards. Knows no thread and no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.config.run_config import RunConfig
from engine.pipeline.types import Grouper
from engine.stages.pair import DECIMALS
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


@dataclass(slots=True)
class Card:
    """One question: ``text`` grows until ``ended``, ``samples`` come as they begin. ``chosen``: number of the one that
    makes the pair. ``error``: stage and message of a failure, which is no verdict."""

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

    @property
    def stage(self) -> str | None:
        """Where it is: ``generated``, a stage that has not judged it yet, or None once its fate is decided."""
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
        """Samples by equivalent answer, most of them first, then by number; those without an answer last. Before the
        answers are compared, one group of all."""
        samples = [self.samples[number] for number in sorted(self.samples)]
        if "pair" not in self.verdicts:
            return [samples] if samples else []
        groups: dict[int | None, list[Sample]] = {}
        for sample in samples:
            groups.setdefault(sample.group, []).append(sample)
        return sorted(groups.values(), key=lambda group: (group[0].group is None, -len(group), group[0].number))

    @property
    def equals(self) -> int:
        """How many samples have the chosen one's reward, to the digits that count."""
        rewards = [s.reward for s in self.samples.values() if s.answer is not None and s.reward is not None]
        best = None if self.chosen is None else self.samples[self.chosen].reward
        return 0 if best is None else sum(round(reward, DECIMALS) == round(best, DECIMALS) for reward in rewards)


class Cards:
    """The cards of one run, one for each question from the start, in idx order. One thread at a time."""

    def __init__(self, config: RunConfig, run_id: str, pool: Grouper) -> None:
        names = [generator.name for generator in config.profile.generators]
        self.all = [Card(question_id(run_id, idx), idx, names[config.generator_of(idx)]) for idx in range(config.limit)]
        self._by_id = {card.question_id: card for card in self.all}
        self._pool = pool
        self._again: set[str] = set()

    @property
    def tokens(self) -> int:
        """Written so far, by generators and solver; pieces of text count as one each until the text is whole."""
        return sum(card.tokens + sum(sample.tokens for sample in card.samples.values()) for card in self.all)

    def hear(self, request_id: str, new: str) -> None:
        """A piece of text. A second try of a text that was cut off begins anew."""
        question, purpose, sample = request_id.split("/")
        card = self._by_id[question]
        part: Card | Sample
        if purpose == "question":
            part = card
        elif purpose == "solution":
            number = int(sample.rstrip("+"))
            part = card.samples.setdefault(number, Sample(number))
        else:
            return  # a judge that writes: its words come with its verdict
        if part.ended:
            return
        if request_id.endswith("+") and request_id not in self._again:
            self._again.add(request_id)
            part.text = ""
        part.text += new
        part.tokens += 1

    def take(self, rows: Sequence[Record]) -> None:
        """Rows as they were put: what belongs together comes together."""
        for row in rows:
            if isinstance(row, ErrorRow):
                self.all[row.idx].error = (row.stage, row.message)
            elif isinstance(row, Reward):
                question, _, number = row.solution_id.rpartition("-")
                self._by_id[question].samples[int(number)].reward = row.reward
            elif isinstance(row, Question | Verdict | Solution | Label):
                self._about(self._by_id[row.question_id], row)

    def _about(self, card: Card, row: Question | Verdict | Solution | Label) -> None:
        if isinstance(row, Question):
            card.text, card.ended, card.tokens, card.seed = row.text, True, row.tokens, row.seed
        elif isinstance(row, Solution):
            cut_off = row.finish_reason == "length"
            card.samples[row.sample] = Sample(row.sample, row.text, True, cut_off, row.tokens, row.answer)
        elif isinstance(row, Verdict):
            card.verdicts[row.stage] = row
            if row.stage == "pair":
                self._group(card)
        elif row.key == "topic":
            card.topic = row.value
        elif row.key == "near_duplicate":
            card.near.append(row.value)
        elif row.key == "chosen":
            card.chosen = int(row.value)
        elif row.key == "agreement":
            card.agreement = float(row.value)

    def _group(self, card: Card) -> None:
        """As the pair stage has done it; the pool remembers, so it costs nothing to ask again."""
        samples = [card.samples[number] for number in sorted(card.samples)]
        for sample, first in zip(samples, self._pool.group([s.answer for s in samples]), strict=True):
            sample.group = None if first is None else samples[first].number
