"""The solutions of a question by their final answers, identical ones together."""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.text import answers
from store.database.replace_verdicts import IMPORT_JUDGE
from ui.tabs.row.stages import Story, without_solutions
from ui.web.escape import plural, three, visible

CORRECT = {
    "same": "right: states the gold answer",
    "different": "wrong: another answer than the gold one",
    "undecided": "undecided against the gold answer",
}
_GROUP_CORRECT = {"same": "right", "different": "wrong", "undecided": "undecided against the gold answer"}


def view(story: Story) -> dict[str, Any]:
    """``said``: a sentence on all of them; ``groups``: the most frequent answer first, that of no answer last."""
    solutions: Sequence[Story] = story["solutions"]
    if not solutions:
        return {"said": without_solutions(story), "groups": []}
    chosen, why = _chosen(story)
    groups: dict[int | None, list[Story]] = {}
    for solution, group in zip(solutions, answers.group([s["answer"] for s in solutions]), strict=True):
        groups.setdefault(group, []).append(solution)
    ordered = sorted(groups.items(), key=lambda item: (item[0] is None, -len(item[1]), item[0] or 0))
    different = plural(len([group for group in groups if group is not None]), "different final answer")
    pair = story["pair"]
    edited = visible(pair["response"]) if pair is not None and pair["edited"] and chosen is not None else None
    return {
        "said": f"{plural(len(solutions), 'solution')}, {different}. {why}",
        "groups": [_group(members, len(solutions), chosen, group is not None) for group, members in ordered],
        "edited": edited,
    }


def _group(members: Sequence[Story], of: int, chosen: str | None, answered: bool) -> dict[str, Any]:
    counted = f"{len(members)} of {of}"
    outcomes = {solution["correct"] for solution in members}
    if answered and len(outcomes) == 1 and (outcome := next(iter(outcomes))) is not None:
        counted += f", {_GROUP_CORRECT[outcome]}"
    identical: dict[tuple[str, str | None], list[Story]] = {}
    for solution in members:
        identical.setdefault((solution["text"], solution["reasoning"]), []).append(solution)
    several = [_solution(same, chosen) for same in identical.values()]
    several.sort(key=lambda one: not one["chosen"])
    return {"answer": visible(members[0]["answer"]) if answered else None, "counted": counted, "solutions": several}


def _solution(same: Sequence[Story], chosen: str | None) -> dict[str, Any]:
    """One text, of all samples that wrote it."""
    is_chosen = any(str(solution["sample"]) == chosen for solution in same)
    first = next((s for s in same if str(s["sample"]) == chosen), same[0])
    return {
        "chosen": is_chosen,
        "samples": [solution["sample"] for solution in same],
        "title": ("✓ chosen, " if is_chosen else "") + _samples([solution["sample"] for solution in same]),
        "facts": " · ".join(visible(fact) for fact in _facts(first)),
        "text": visible(first["text"]),
        "reasoning": visible(first["reasoning"] or ""),
    }


def _samples(numbers: Sequence[int]) -> str:
    """``sample 2``, ``samples 0, 2, 3 (×3)``."""
    if len(numbers) == 1:
        return f"sample {numbers[0]}"
    return f"samples {', '.join(map(str, numbers))} (×{len(numbers)})"


def _facts(solution: Story) -> list[str]:
    """What is known of one sample: nothing is said of tokens, rewards and seeds that no model made."""
    facts = []
    if solution["correct"] is not None:
        facts.append(CORRECT[solution["correct"]])
    facts += [f"{name} {three(value) if value is not None else 'none'}" for name, value in solution["rewards"].items()]
    thought = solution["reasoning_tokens"]
    if solution["tokens"]:
        facts.append(plural(solution["tokens"], "token") + (f", {thought:,} of them reasoning" if thought else ""))
    else:
        facts.append(plural(len(solution["text"]) + len(solution["reasoning"] or ""), "character"))
    if solution["finish_reason"] == "length":
        facts.append("cut off at the token limit")
    facts.append("imported" if solution["solver"] == IMPORT_JUDGE else f"by {solution['solver']}")
    return facts


def _chosen(story: Story) -> tuple[str | None, str]:
    accepted = (d for d in reversed(story["decisions"]) if d["action"] == "accept" and d["in_force"])
    by_hand: Mapping[str, Any] | None = next((d for d in accepted if d["payload"].get("sample") is not None), None)
    if by_hand is not None:
        sample = str(by_hand["payload"]["sample"])
        return sample, visible(f"Sample {sample} is chosen: {by_hand['reviewer']} accepted it.")
    label = next((label for label in story["labels"] if label["key"] == "chosen"), None)
    if label is None:
        return None, "No sample is chosen."
    sample, model = str(label["value"]), label["model"]
    if model == IMPORT_JUDGE:
        why = "it is the only one" if len(story["solutions"]) == 1 else "the imported data chose it"
    elif model == "none":
        why = "it is the first with an answer"
    else:
        why = f"it has the best reward of those with an answer, or is the first of them, by {model}"
    return sample, visible(f"Sample {sample} is chosen: {why}.")
