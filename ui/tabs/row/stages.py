"""What each stage found of a question, in words: passed or dropped by a real check, or not checked.

An import stores a verdict of the judge ``import`` for each stage that nobody ran, and a profile without a judge or a
reward model one without a score. Neither says anything of the question, so neither counts as passed.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from engine.config.profiles import NONE
from engine.stages.contamination import GRAM
from store.database.replace_verdicts import IMPORT_JUDGE
from store.records import STAGES
from ui.web.escape import plural, three

Story = Mapping[str, Any]  # all that is stored of a question, as store.database.question.read_question returns it
State = Literal["passed", "dropped", "not checked", "pending", "not reached", "failed"]

_REASONS = {
    "empty": "the question is empty",
    "truncated": "cut off at the token limit",
    "non_english": "not in English",
    "exact_duplicate": "repeats an earlier question",
    "near_duplicate": "nearly repeats an earlier question",
    "benchmark_overlap": "overlaps with a benchmark question",
    "no_verdict": "the judge gave no verdict",
    "cut_off": "every usable answer was cut off at the token limit",
    "repetition": "the solutions repeat themselves",
    "bad_label": "the file labels its solutions as unwanted",
}
_UNCHECKED = {
    "no_judge": "the profile has no judge",
    "no_reward": "the profile has no reward model",
    "outside_domain": "outside what the scorer can rate",
}
"""Reasons of verdicts that nothing was checked for."""
_SUFFIX = re.compile(r"\.(?:jsonl?|csv|tsv|parquet|arrow)(?:\.\w{2,4})?(?= row \d+$)")


class StageResult(NamedTuple):
    """``said``: a sentence's worth without a full stop; ``judge``: by whom; ``raw``: what a judge wrote; ``row``: a
    question that it names."""

    stage: str
    state: State
    said: str
    judge: str = ""
    raw: str = ""
    row: str = ""


def results(story: Story) -> list[StageResult]:
    """One for each stage, in order."""
    verdicts = {verdict["stage"]: verdict for verdict in story["verdicts"]}
    found: list[StageResult] = []
    ended = False
    for stage in STAGES:
        verdict = verdicts.get(stage)
        result = _missing(story, stage, ended) if verdict is None else _judged(story, verdict)
        found.append(result)
        ended = ended or result.state in ("dropped", "pending", "failed")
    return found


def fate(story: Story) -> tuple[str, str]:
    """How far the question came, as a state and a sentence."""
    found = results(story)
    dropped = next((one for one in found if one.state == "dropped"), None)
    if story["pair"] is not None:
        rescued = f", rescued by a reviewer after it was dropped at {dropped.stage}" if dropped else ""
        checked = sum(one.state == "passed" for one in found)
        part = f" {checked} of {len(STAGES)} stages were checked." if checked < len(STAGES) and not dropped else ""
        return "passed", f"A pair{rescued}, {story['pair']['status']}.{part}"
    if dropped is not None:
        return "dropped", f"Dropped at {dropped.stage}: {dropped.said}."
    waits = next((one for one in found if one.state in ("pending", "failed")), None)
    if waits is not None:
        return "pending", f"Pending at {waits.stage}: {waits.said}."
    return "pending", "Every stage kept it, but no solution is chosen."


def without_solutions(story: Story) -> str:
    """Why there are none."""
    found = {one.stage: one for one in results(story)}
    if found["solution"].state == "not reached":
        return "No solutions: dropped at an earlier stage."
    if found["solution"].state == "pending":
        return "No solutions yet."
    return "No solutions are stored."


def source_name(raw: str) -> str:
    """A benchmark's file and row as people name them: ``math500 row 336``."""
    return _SUFFIX.sub("", " ".join(raw.split()))


def percent(share: float) -> str:
    """``28 %``; never 0 or 100 for a share that is not."""
    whole = round(100 * share)
    if whole in (0, 100) and share not in (0, 1):
        return f"{100 * share:.1f} %" if 0.0005 <= share < 0.9995 else "< 0.1 %" if share < 0.5 else "> 99.9 %"
    return f"{whole} %"


def _missing(story: Story, stage: str, ended: bool) -> StageResult:
    if ended:
        return StageResult(stage, "not reached", "not reached")
    failures = [error for error in story["errors"] if error["stage"] == stage]
    if failures:
        return StageResult(stage, "failed", f"{plural(len(failures), 'failed attempt')}: {failures[-1]['message']}")
    if stage == "solution" and not story["solutions"]:
        return StageResult(stage, "pending", "no solutions yet")
    return StageResult(stage, "pending", "no verdict yet")


def _judged(story: Story, verdict: Story) -> StageResult:
    stage, judge, reason = verdict["stage"], verdict["judge"], verdict["reason"] or ""
    if judge == IMPORT_JUDGE and stage == "solution" and not story["solutions"]:
        return StageResult(stage, "pending", "no solutions yet")
    if not verdict["kept"]:
        state: State = "dropped"
    elif judge == IMPORT_JUDGE and stage == "solution" and verdict["score"] is not None:
        state = "passed"  # the import looked for final answers
    elif judge in (IMPORT_JUDGE, NONE) or reason in _UNCHECKED:
        state = "not checked"
    elif stage == "contamination" and verdict["score"] is None and judge == "13-gram":
        return StageResult(stage, "not checked", "not checked: no benchmark was given")
    else:
        state = "passed"
    said = _SENTENCES[stage](story, verdict, state)
    raw = "" if stage in ("duplicate", "contamination") else verdict["raw"] or ""
    row = verdict["raw"] if stage == "duplicate" and state == "dropped" else ""
    by = "" if state == "not checked" or judge in (IMPORT_JUDGE, NONE) else judge
    return StageResult(stage, state, said, by, raw, row or "")


def _plain(verdict: Story, state: State, passed: str = "passed") -> str:
    reason = verdict["reason"] or ""
    if state == "dropped":
        return _REASONS.get(reason, reason.replace("_", " ") or "no reason given")
    if state == "not checked":
        return f"not checked: {_UNCHECKED[reason]}" if reason in _UNCHECKED else "not checked"
    return passed


def _language(story: Story, verdict: Story, state: State) -> str:
    if state == "passed" and verdict["reason"] == "non_english":
        return "not in English, kept all the same"
    return _plain(verdict, state, "English")


def _duplicate(story: Story, verdict: Story, state: State) -> str:
    score = verdict["score"]
    if state == "dropped":
        other = f" {verdict['raw']}" if verdict["raw"] else " an earlier question"
        alike = f" (similarity {score:.2f})" if score is not None and verdict["reason"] == "near_duplicate" else ""
        return f"{'repeats' if verdict['reason'] == 'exact_duplicate' else 'nearly repeats'}{other}{alike}"
    near = sum(label["key"] == "near_duplicate" for label in story["labels"])
    if state == "passed" and near:
        return f"{plural(near, 'near-duplicate')}, with other numbers or kept all the same"
    if verdict["judge"] == "exact":
        return "no earlier row of the file has the same text"
    return _plain(verdict, state, "no earlier question is nearly the same")


def _contamination(story: Story, verdict: Story, state: State) -> str:
    score, source = verdict["score"], source_name(verdict["raw"] or "a benchmark question")
    if state == "dropped" and score is not None:
        if score >= 1:
            return f"the whole question also occurs in {source}"
        return f"{percent(score)} of its {GRAM}-word sequences also occur in {source}"
    if state == "passed" and score:
        return f"{percent(score)} of its {GRAM}-word sequences occur in a benchmark"
    return _plain(verdict, state, f"none of its {GRAM}-word sequences occurs in a benchmark")


def _solvability(story: Story, verdict: Story, state: State) -> str:
    score, reason = verdict["score"], verdict["reason"]
    if state == "not checked" or reason not in (None, "not_solvable"):
        return _plain(verdict, state)
    rated = "the judge rates it " + ("complete and consistent" if verdict["kept"] else "incomplete or inconsistent")
    if score is None or verdict["raw"]:
        return rated
    judge = _role(story, "judge")
    floor = judge.get("threshold") if judge.get("name") == verdict["judge"] else None
    return f"{rated} {_compared(score, floor, '≥' if verdict['kept'] else '<')}"


def _difficulty(story: Story, verdict: Story, state: State) -> str:
    score, reason = verdict["score"], verdict["reason"]
    if score is None:
        return _plain(verdict, state)
    if verdict["judge"] == IMPORT_JUDGE:
        return f"not checked: fail rate {score:.2f} in the imported file"
    said = f"predicted fail rate {score:.2f}"
    low, high = _band(story)
    if reason == "too_easy":
        return f"too easy: {said} {_compared(score, low, '<', own=False)}"
    if reason == "too_hard":
        return f"too hard: {said} {_compared(score, high, '>', own=False)}"
    limits = f", within {low:g} to {high:g}" if low is not None and (low, high) != (0.0, 1.0) else ""
    return said + limits


def _solution(story: Story, verdict: Story, state: State) -> str:
    score, n = verdict["score"], len(story["solutions"])
    if verdict["judge"] == IMPORT_JUDGE and score is None and state != "dropped":
        return f"not checked: {plural(n, 'solution')} in the imported file"
    if score is None and verdict["reason"] is None:
        return _plain(verdict, state)
    solver = _role(story, "solver")
    strict = not solver.get("keep_cut", True) or solver.get("max_repetition") is not None
    usable = round((score or 0.0) * n)
    said = "are complete and state an answer" if strict else "state an answer" if n != 1 else "states an answer"
    counted = f"{usable} of {plural(n, 'solution')} {said}"
    if state == "dropped" and verdict["reason"] != "no_answer":
        return _plain(verdict, state)
    return counted


def _pair(story: Story, verdict: Story, state: State) -> str:
    score = verdict["score"]
    if verdict["judge"] == IMPORT_JUDGE and state != "dropped":
        return "not checked: the imported data chose the solution"
    if score is None:
        return _plain(verdict, state)
    floor = story["run"]["config"].get("reward_floor")
    if verdict["reason"] == "low_reward":
        return f"best reward {three(score)}, below the minimum" + (f" {floor:g}" if floor is not None else "")
    return f"best reward {three(score)}" + (f" ≥ {floor:g}" if floor is not None else "")


_SENTENCES = {
    "language": _language,
    "duplicate": _duplicate,
    "contamination": _contamination,
    "solvability": _solvability,
    "difficulty": _difficulty,
    "solution": _solution,
    "pair": _pair,
}


def _compared(score: float, limit: float | None, sign: str, *, own: bool = True) -> str:
    """``(0.14 < 0.46)``, with as many digits as show the difference. ``own``: with the score itself."""
    if limit is None:
        return f"({score:.2f})" if own else ""
    digits = next((n for n in (2, 3, 4, 5) if round(score, n) != limit), 6)
    left = f"{score:.{digits}f}"
    return f"({left} {sign} {limit:g})" if own else f"({sign} {limit:g})"


def _role(story: Story, name: str) -> Mapping[str, Any]:
    profile = story["run"]["config"].get("profile")
    role = profile.get(name) if isinstance(profile, Mapping) else None
    return role if isinstance(role, Mapping) else {}


def _band(story: Story) -> tuple[float | None, float | None]:
    """The fail rates that the run keeps of this generator's questions."""
    config = story["run"]["config"]
    profile = config.get("profile")
    generators = profile.get("generators") if isinstance(profile, Mapping) else None
    mine = [one.get("band") for one in generators or () if one.get("name") == story["question"]["generator"]]
    band = next(iter(mine), None) or config.get("difficulty_band")
    return (float(band[0]), float(band[1])) if band else (None, None)
