"""A live run as the plain data that the Sample tab's script draws: a card per question, every text set as text."""

import itertools
import time
from collections.abc import Sequence
from typing import Any

from engine.config.profiles import NONE
from engine.config.run_config import RunConfig
from engine.pipeline.live import Session, Snapshot
from engine.pipeline.live_questions import LiveQuestion, Sample
from store.records import STAGES, Verdict
from ui.web.escape import clock, plural, three, visible

EMPTY = {"status": "Nothing is sampled yet. Press Sample to see questions here as they are written."}
REASONS = {
    "empty": "the generator wrote no question",
    "truncated": "it was cut off at the token limit",
    "non_english": "it is not in English",
    "exact_duplicate": "the same question was generated before",
    "near_duplicate": "nearly the same question was generated before",
    "benchmark_overlap": "it overlaps with a benchmark question",
    "not_solvable": "the judge says that it is not a complete and consistent problem",
    "no_verdict": "the judge gave no verdict",
    "too_easy": "its predicted fail rate is below the kept range",
    "too_hard": "its predicted fail rate is above the kept range",
    "no_answer": "none of its solutions has a final answer",
    "cut_off": "its solutions were cut off at the token limit",
    "repetition": "its solutions repeat themselves",
    "low_reward": "its best reward is below the minimum",
}
"""Why a stage drops a question, by the stored reason."""
_NUMBERS = itertools.count(int(time.time() * 1e6))
"""Each value has a greater number than all earlier ones, also those of an earlier process."""
_SCORES = {"solvability": "P(solvable)", "difficulty": "fail rate", "solution": "with an answer", "pair": "reward"}
_MARKS = {"kept": "✓", "dropped": "✕", "running": "…", "waiting": "·", "failed": "!"}


def value(sessions: Sequence[Session], now: Snapshot, kept: set[str]) -> dict[str, Any]:
    """``sessions``: the newest first, whose state is ``now``. ``kept``: the questions that the user has kept."""
    busy = now.status in ("loading", "running")
    cards = [
        _card(card, sessions[0].config, now.run_id in card.question_id and busy, busy, kept) for card in now.questions
    ]
    for session in sessions[1:]:
        cards += [_card(card, session.config, False, busy, kept) for card in session.now().questions]
    return {
        "number": next(_NUMBERS),  # replies may come out of order: the page keeps the newest
        "status": _status(now, sessions[0].config),
        **_figures(now, sessions[0].config),
        "cards": cards,
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


def _card(card: LiveQuestion, config: RunConfig, running: bool, busy: bool, kept: set[str]) -> dict[str, Any]:
    decided = card.stage is None
    facts = [card.generator, card.topic, f"{card.tokens} tokens" if card.ended else "writing" if running else None]
    if config.regenerated_from:
        facts.append(f"regenerated from {config.regenerated_from}")
    return {
        "id": card.question_id,
        "title": f"Question {card.idx + 1}",
        "facts": " · ".join(fact for fact in facts if fact),
        "text": visible(card.text),
        "writing": running and not card.ended,
        "ended": decided or not running,
        "chips": [_chip(card, stage, running) for stage in STAGES],
        "note": _note(card, config, running),
        "samples": _samples(card, running),
        "groups": _groups(card),
        "why": why(card),
        "keep": "Kept" if card.question_id in kept else "Keep",
        "may_keep": decided and card.chosen is not None and card.question_id not in kept,
        "may_regenerate": not busy,
    }


def _chip(card: LiveQuestion, stage: str, running: bool) -> dict[str, str]:
    verdict = card.verdicts.get(stage)
    if verdict is not None:
        state = "kept" if verdict.kept else "dropped"
        return {"state": state, "text": f"{_MARKS[state]} {stage} {state}{_score(verdict)}"}
    if card.error is not None and card.error[0] == stage:
        state = "failed"
    else:
        state = "running" if running and card.stage == stage else "waiting"
    word = "not reached" if state == "waiting" and not (running and card.stage) else state
    return {"state": state, "text": f"{_MARKS[state]} {stage} {word}"}


def _score(verdict: Verdict) -> str:
    if verdict.stage == "solvability" and verdict.judge == NONE:
        return ", no judge"
    if verdict.score is None or verdict.stage not in _SCORES:
        return ""
    score = three(verdict.score) if verdict.stage == "pair" else f"{verdict.score:.2f}"
    return f", {_SCORES[verdict.stage]} {score}"


def _note(card: LiveQuestion, config: RunConfig, running: bool) -> str:
    notes = []
    for verdict in card.verdicts.values():
        if not verdict.kept:
            reason = REASONS.get(verdict.reason or "", verdict.reason or "no reason given")
            score = _score(verdict).lstrip(", ")
            judge = config.profile.judge
            if score and verdict.stage == "solvability" and judge is not None and not judge.writes:
                score += f", the threshold is {judge.threshold:.2f}"
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
    def shown(sample: Sample) -> dict[str, str]:
        reasoning, text = sample.apart
        return {"reasoning": visible(reasoning or ""), "text": visible(text)}

    return [
        {
            "title": _sample_title(card, sample, running),
            **shown(sample),
            "chosen": sample.number == card.chosen,
            "number": sample.number,
        }
        for sample in sorted(card.samples.values(), key=lambda sample: sample.number)
    ]


def _groups(card: LiveQuestion) -> list[dict[str, str]]:
    """Samples by final answer. Their numbers are one text: Gradio, which sends only differences, gets nested
    lists wrong that shrink.
    """
    count, groups = len(card.samples), []
    for group in card.groups:
        if "pair" not in card.verdicts:
            title = plural(count, "solution")
        elif group[0].group is None:
            title = f"No final answer: {len(group)} of {count}"
        else:
            title = f"Answer {visible(group[0].answer or '')}: {len(group)} of {count} agree"
        groups.append({"title": title, "numbers": " ".join(str(sample.number) for sample in group)})
    return groups


def _sample_title(card: LiveQuestion, sample: Sample, running: bool) -> str:
    parts = [f"sample {sample.number}"]
    if not sample.ended:
        parts.append("writing" if running else "stopped")
    elif "pair" not in card.verdicts:
        parts.append(f"answer {visible(sample.answer)}" if sample.answer is not None else "no final answer")
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
        agree += f", while {len(most)} answer {visible(most[0].answer)}"
    return f"Sample {card.chosen} is chosen: {reason}; {agree}."
