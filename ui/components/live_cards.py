"""A live run as plain data for the scripts of the page, and what has changed in it since the last look."""

from collections.abc import Sequence
from typing import Any

from engine.config.profiles import NONE
from engine.config.run_config import RunConfig
from engine.pipeline.live import Snapshot
from engine.pipeline.live_questions import LiveQuestion, Sample
from store.records import STAGES, Verdict
from ui.web.escape import clock, plural, three, visible

REASONS = {
    "empty": "the generator wrote no question",
    "truncated": "it was cut off at the token limit",
    "non_english": "it is not in English",
    "exact_duplicate": "the same question was generated before",
    "near_duplicate": "nearly the same question was generated before",
    "benchmark_overlap": "it overlaps with a benchmark question",
    "not_solvable": "the judge rates it incomplete or inconsistent",
    "no_verdict": "the judge gave no verdict",
    "too_easy": "its predicted fail rate is below the kept range",
    "too_hard": "its predicted fail rate is above the kept range",
    "no_answer": "none of its solutions has a final answer",
    "cut_off": "its solutions were cut off at the token limit",
    "repetition": "its solutions repeat themselves",
    "low_reward": "its best reward is below the minimum",
}
"""Why a stage drops a question, by the stored reason."""
_SCORES = {"solvability": "P(solvable)", "difficulty": "fail rate", "pair": "reward"}
_MARKS = {"passed": "✓", "dropped": "✕", "running": "…", "waiting": "·", "failed": "!"}
QUESTION = "question"
"""The name of a question's own text; solutions are named by their numbers, their reasoning with ``_REASONING``."""
_REASONING = "r"


class Changes:
    """What has changed in a live run since the last look at it, for one page."""

    def __init__(self, config: RunConfig) -> None:
        self._config = config
        self._head: dict[str, Any] = {}
        self._seen: dict[str, tuple[int, bool]] = {}
        self._fields: dict[str, dict[str, Any]] = {}
        self._texts: dict[str, dict[str, str]] = {}

    def since_last(self, now: Snapshot) -> dict[str, Any] | None:
        """The changed fields; texts as what follows them (``more``), or whole where they do not begin as before
        (``texts``). None where nothing has changed. The first answer has everything.
        """
        running = now.status in ("loading", "running")
        head = self._head | summary(now, self._config)
        changed = {name: value for name, value in head.items() if self._head.get(name) != value}
        self._head = head
        questions = [q for card in now.questions if (q := self._question(card, running)) is not None]
        return changed | {"questions": questions} if changed or questions else None

    def _question(self, card: LiveQuestion, running: bool) -> dict[str, Any] | None:
        key, state = card.question_id, (card.revision, running)
        if self._seen.get(key) == state:
            return None
        self._seen[key] = state
        before, fields = self._fields.get(key, {}), question(card, self._config, running)
        changed = {name: value for name, value in fields.items() if before.get(name) != value}
        old, new = self._texts.get(key, {}), texts(card)
        whole = {name: text for name, text in new.items() if not text.startswith(old.get(name, ""))}
        more = {
            name: text[len(old.get(name, "")) :]
            for name, text in new.items()
            if name not in whole and text != old.get(name, "")
        }
        self._fields[key], self._texts[key] = fields, new
        parts = {"fields": changed, "texts": whole, "more": more}
        given = {name: part for name, part in parts.items() if part}
        return {"id": key, **given} if given else None


def whole(now: Snapshot, config: RunConfig) -> dict[str, Any]:
    """Everything of a run at once."""
    return Changes(config).since_last(now) or {}


def summary(now: Snapshot, config: RunConfig) -> dict[str, Any]:
    """The run itself: its state, its figures, its origin."""
    return {
        "run": now.run_id,
        "state": now.status,
        "status": _status(now, config),
        "origin": config.regenerated_from,
        **_figures(now, config),
    }


def _status(now: Snapshot, config: RunConfig) -> str:
    name, questions = config.profile.name, plural(len(now.questions), "question")
    if now.status == "loading":
        return f"Loading the models of profile {name}."
    if now.status == "running":
        return f"Sampling {questions} with profile {name}."
    if now.message is not None:
        return visible(now.message)
    return f"Done: {now.pairs} of {questions} became {'a pair' if now.pairs == 1 else 'pairs'}."


def _figures(now: Snapshot, config: RunConfig) -> dict[str, str]:
    if now.status == "loading" or not now.seconds:
        return {"numbers": "", "stored": ""}
    counts = f"{now.decided} of {len(now.questions)} decided · {plural(now.pairs, 'pair')}"
    speed = f"{now.tokens:,} tokens, {now.tokens / now.seconds:,.0f} tokens/s · {clock(now.seconds)}"
    origin = f", regenerated from {config.regenerated_from}" if config.regenerated_from else ""
    stored = f"Stored as live run {now.run_id}, seed {config.seed}{origin}."
    return {"numbers": f"{counts} · {speed}", "stored": stored}


def texts(card: LiveQuestion) -> dict[str, str]:
    """The texts of a question and of its solutions by name."""
    found = {QUESTION: visible(card.text)}
    for sample in card.samples.values():
        reasoning, text = sample.apart
        found[str(sample.number)] = visible(text)
        if reasoning:
            found[f"{sample.number}{_REASONING}"] = visible(reasoning)
    return found


def question(card: LiveQuestion, config: RunConfig, running: bool) -> dict[str, Any]:
    """A question without its texts."""
    decided = card.stage is None
    facts = [card.generator, card.topic, f"{card.tokens} tokens" if card.ended else "writing" if running else None]
    if config.regenerated_from:
        facts.append(f"regenerated from {config.regenerated_from}")
    return {
        "number": card.idx + 1,
        "facts": " · ".join(fact for fact in facts if fact),
        "writing": running and not card.ended,
        "ended": decided or not running,
        "outcome": _outcome(card, running),
        "chips": [_chip(card, stage, running) for stage in STAGES],
        "note": _note(card, config, running),
        "samples": _samples(card, running),
        "groups": _groups(card, decided or not running),
        "why": why(card),
        "may_keep": decided and card.chosen is not None,
    }


def _outcome(card: LiveQuestion, running: bool) -> dict[str, str]:
    """How far the question has come, as a state and in words."""
    if card.error is not None:
        return {"state": "failed", "text": f"failed at {card.error[0]}"}
    dropped = next((verdict for verdict in card.verdicts.values() if not verdict.kept), None)
    if dropped is not None:
        return {"state": "dropped", "text": f"dropped at {dropped.stage}"}
    if card.kept:
        return {"state": "passed", "text": "pair"}
    if not running:
        return {"state": "stopped", "text": "stopped"}
    return {"state": "running", "text": "writing" if card.stage == "generated" else f"{card.stage}"}


def _chip(card: LiveQuestion, stage: str, running: bool) -> dict[str, str]:
    verdict = card.verdicts.get(stage)
    if verdict is not None:
        state = "passed" if verdict.kept else "dropped"
        return {"state": state, "text": f"{_MARKS[state]} {stage} {state}{_score(verdict, card)}"}
    if card.error is not None and card.error[0] == stage:
        state = "failed"
    else:
        state = "running" if running and card.stage == stage else "waiting"
    word = "not reached" if state == "waiting" and not (running and card.stage) else state
    return {"state": state, "text": f"{_MARKS[state]} {stage} {word}"}


def _score(verdict: Verdict, card: LiveQuestion) -> str:
    if verdict.stage == "solvability" and verdict.judge == NONE:
        return ", no judge"
    if verdict.stage == "solution" and card.samples:
        answers = sum(sample.answer is not None for sample in card.samples.values())
        return (
            f", {answers} of {plural(len(card.samples), 'solution')} {'states' if answers == 1 else 'state'} an answer"
        )
    if verdict.score is None or verdict.stage not in _SCORES:
        return ""
    score = three(verdict.score) if verdict.stage == "pair" else f"{verdict.score:.2f}"
    return f", {_SCORES[verdict.stage]} {score}"


def _note(card: LiveQuestion, config: RunConfig, running: bool) -> str:
    notes = []
    for verdict in card.verdicts.values():
        if not verdict.kept:
            reason = REASONS.get(verdict.reason or "", verdict.reason or "no reason given")
            score = _score(verdict, card).lstrip(", ")
            judge = config.profile.judge
            if verdict.reason == "not_solvable" and verdict.score is not None and judge is not None:
                score = f"{verdict.score:.2f}" + ("" if judge.writes else f" < {judge.threshold:.2f}")
            notes.append(f"Dropped at {verdict.stage}: {reason}" + (f" ({score})." if score else "."))
    if card.error is not None:
        notes.append(f"Failed at {card.error[0]}, without a verdict: {visible(card.error[1])}")
    if card.near:
        others = ", ".join(_named(other, card) for other in card.near)
        notes.append(f"Marked as a near-duplicate of {others}; live runs do not drop these.")
    if card.stage is not None and not running:
        notes.append("Stopped before it was decided.")
    return " ".join(notes)


def _named(other: str, card: LiveQuestion) -> str:
    run, _, number = other.rpartition("-")
    return f"question {int(number) + 1}" if card.question_id.startswith(f"{run}-") else other


def _samples(card: LiveQuestion, running: bool) -> list[dict[str, Any]]:
    """``bar``: where the reward is between the question's least (0) and greatest (1); None without rewards."""
    rewards = [sample.reward for sample in card.samples.values() if sample.reward is not None]
    low, high = (min(rewards), max(rewards)) if rewards else (0.0, 0.0)
    return [
        {
            "number": sample.number,
            "title": _sample_title(card, sample, running),
            "chosen": sample.number == card.chosen,
            "bar": None
            if sample.reward is None
            else round((sample.reward - low) / (high - low), 3)
            if high > low
            else 1,
        }
        for sample in sorted(card.samples.values(), key=lambda sample: sample.number)
    ]


def _groups(card: LiveQuestion, ended: bool) -> list[dict[str, Any]]:
    """Solutions by final answer: the numbers of those with the same text together, once no more of it comes."""
    count, groups = len(card.samples), []
    for group in card.groups:
        answer = group[0].answer if "pair" in card.verdicts and group[0].group is not None else None
        if "pair" not in card.verdicts:
            title = plural(count, "solution")
        elif answer is None:
            title = f"No final answer: {len(group)} of {count}"
        else:
            title = f"{len(group)} of {count} agree"
        shown = {"title": title, "answer": None if answer is None else visible(answer)}
        groups.append(shown | {"solutions": _folded(group, card.chosen) if ended else [[s.number] for s in group]})
    return groups


def _folded(group: Sequence[Sample], chosen: int | None) -> list[list[int]]:
    """The numbers of equal solutions together, the chosen one first."""
    equal: dict[str, list[int]] = {}
    for sample in sorted(group, key=lambda sample: (sample.number != chosen, sample.number)):
        equal.setdefault(" ".join(sample.text.split()), []).append(sample.number)
    return list(equal.values())


def _sample_title(card: LiveQuestion, sample: Sample, running: bool) -> str:
    parts = [f"sample {sample.number}"]
    if not sample.ended:
        parts.append("writing" if running else "stopped")
    elif "pair" not in card.verdicts:
        parts.append("states an answer" if sample.answer is not None else "no final answer")
    else:
        parts.append("no reward" if sample.reward is None else f"reward {three(sample.reward)}")
    if sample.cut_off:
        parts.append("cut off")
    if sample.number == card.chosen:
        parts.append("★ chosen")
    return " · ".join(parts)


def why(card: LiveQuestion) -> str:
    """Why the chosen sample was chosen; empty before that."""
    if card.chosen is None:
        return ""
    count, best = len(card.samples), card.samples[card.chosen]
    mine = next(group for group in card.groups if best in group)
    most = card.groups[0]
    if card.verdicts["pair"].judge == NONE:
        return f"Sample {card.chosen} is chosen: it is the only one, because the profile has no reward model."
    if best.reward is None:
        reason = "the first with an answer, because none has a reward"
    else:
        reason = f"highest reward of {count}, {three(best.reward)}"
        if card.equals > 1:
            reason += f" (the first of {card.equals} with it)"
    agree = f"{len(mine)} of {count} agree"
    if len(most) > len(mine) and most[0].answer is not None:
        agree += f", while {len(most)} agree on another answer"
    return f"Sample {card.chosen} is chosen: {reason}; {agree}."
