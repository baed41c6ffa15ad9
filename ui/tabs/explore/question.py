"""The story of one question as Markdown, from the prompt that was sent to the reviewers' decisions.

Every text in it is inert; the page draws the formulas in questions and solutions.
"""

import json
from collections.abc import Iterable, Mapping, Sequence

from engine.stages.contamination import ITEM
from engine.text import answers
from store.database.replace_verdicts import IMPORT_JUDGE
from store.records import STAGES
from store.statistics import wilson
from ui.tabs.explore import overlaps
from ui.tabs.explore.overlaps import Story
from ui.web.escape import inert, plural
from ui.web.latex import answer as drawn_answer
from ui.web.latex import folded, quoted, verbatim, written, written_inline


def markdown(story: Story, near: Mapping[str, str] | None = None) -> str:
    """What happened to the question, in order. ``near``: texts of its near-duplicates, by id."""
    labels = [(label["key"], label["value"], label["model"]) for label in story["labels"] if label["key"] != ITEM]
    parts = [
        *_question(story),
        *_prompt(story),
        *_verdicts(story),
        *overlaps.near_duplicates(story, near or {}),
        *overlaps.benchmark(story),
        *_solutions(story),
        *_rates(story),
        *_table("Labels", ("label", "value", "by"), labels),
        *_errors(story["errors"]),
        *_decisions(story["decisions"]),
    ]
    return "\n\n".join(parts)


def _question(story: Story) -> list[str]:
    question, run, pair = story["question"], story["run"], story["pair"]
    facts = [
        f"run {run['name'] or run['run_id']} ({run['kind']}, {run['status']})",
        f"{'from' if run['kind'] == 'import' else 'written by'} {question['generator']}",
        *([] if question["tokens"] is None else [f"{question['tokens']} tokens"]),
        *(["cut off at the token limit"] if question["finish_reason"] == "length" else []),
        *([] if run["kind"] == "import" else [f"seed {question['seed']}"]),
        *(f"{name} {value}" for name, value in question["params"].items()),
        f"{question['created_at']:%Y-%m-%d %H:%M:%S} UTC",
    ]
    parts = [f"## {_cell(question['question_id'])}", _fate(story), quoted(written(question["text"]))]
    if pair is not None and pair["edited"]:
        parts += ["**Edited by a reviewer**", quoted(written(pair["query"]))]
    if question["reference_answer"] is not None:
        parts.append(f"Reference answer: {written_inline(question['reference_answer'])}")
    parts.append(" · ".join(map(_cell, facts)))
    if question["extra"]:
        parts.append(_also_stored(question["extra"]))
    return parts


def _also_stored(extra: object) -> str:
    """The other fields of the imported row, folded."""
    title = f"Also stored: {plural(len(extra), 'field')}" if isinstance(extra, Mapping) else "Also stored"
    return folded(title, json.dumps(extra, ensure_ascii=False, indent=2))


def _fate(story: Story) -> str:
    dropped = next((v for v in story["verdicts"] if not v["kept"]), None)
    if story["pair"] is not None:
        rescued = f", rescued by a reviewer after it was dropped at {dropped['stage']}" if dropped else ""
        return f"**A pair**{_cell(rescued)}, {_cell(story['pair']['status'])}."
    if dropped is not None:
        return f"**Dropped at {_cell(dropped['stage'])}**: {_cell(dropped['reason'] or 'no reason given')}."
    seen = {v["stage"] for v in story["verdicts"]}
    waits = next((stage for stage in STAGES if stage not in seen), None)
    if waits:
        return f"**Pending at {waits}**: no verdict there yet."
    return "**Passed every stage**, but no solution is chosen."


def _prompt(story: Story) -> list[str]:
    question, profile = story["question"], story["run"]["config"].get("profile")
    generators = profile.get("generators", ()) if isinstance(profile, Mapping) else ()
    template = next((g["template"] for g in generators if g.get("name") == question["generator"]), None)
    if template is None:
        return ["### Prompt sent", f"No prompt is stored for template {_cell(question['template_id'] or 'none')}."]
    raw = template["text"].replace("\n", "⏎\n").removesuffix("\n")
    about = f"The exact text that {question['generator']} continued (template {question['template_id']})."
    return ["### Prompt sent", f"{_cell(about)} ⏎ is a line break.", quoted(verbatim(raw))]


def _verdicts(story: Story) -> list[str]:
    rows = []
    for v in story["verdicts"]:
        outcome, seconds = "kept" if v["kept"] else "dropped", f"{v['seconds']:.3f}" if v["seconds"] else ""
        cost = (v["tokens"] or "", seconds)
        rows.append((v["stage"], outcome, _number(v["score"]), v["reason"] or "", v["judge"], *cost))
    head = ("stage", "verdict", "score", "reason", "judge", "tokens", "seconds")
    parts = _table("Verdicts", head, rows) or ["### Verdicts", "None yet."]
    for verdict in story["verdicts"]:
        if verdict["raw"]:
            author = f"**{_cell(verdict['judge'])} wrote at {_cell(verdict['stage'])}**"
            parts += [author, quoted(written(verdict["raw"]))]
    return parts


def _solutions(story: Story) -> list[str]:
    solutions: Sequence[Story] = story["solutions"]
    if not solutions:
        return ["### Solutions", "None: the question did not reach the solution stage."]
    chosen, why = _chosen(story)
    groups: dict[int | None, list[Story]] = {}
    for solution, group in zip(solutions, answers.group([s["answer"] for s in solutions]), strict=True):
        groups.setdefault(group, []).append(solution)
    ordered = sorted(groups.items(), key=lambda item: (item[0] is None, -len(item[1])))
    parts = [
        "### Solutions",
        f"Samples: {len(solutions)}. Different final answers: {len([g for g in groups if g is not None])}. {why}",
    ]
    for group, members in ordered:
        answer = f"Answer {drawn_answer(solutions[group]['answer'])}" if group is not None else "No final answer"
        parts.append(f"#### {answer}: {len(members)} of {len(solutions)}")
        for solution in members:
            parts.append(_sample(solution, chosen))
            if solution["reasoning"]:
                parts.append(folded(f"Reasoning, {len(solution['reasoning']):,} characters", solution["reasoning"]))
            parts.append(
                quoted(written(solution["text"])) if solution["text"] else "> *No response after the reasoning.*"
            )
    pair = story["pair"]
    if pair is not None and pair["edited"]:
        parts += ["**Solution edited by a reviewer**", quoted(written(pair["response"]))]
    return parts


CORRECT = {
    "same": "right: states the gold answer",
    "different": "wrong: another answer than the gold one",
    "undecided": "undecided against the gold answer",
}


def _rates(story: Story) -> list[str]:
    head = ("model", "pass rate", "95 % interval", "rollouts", "right", "undecided", "mean tokens", "sampling")
    return _table("Measured pass rates", head, map(_rate, story["rates"]))


def _rate(rate: Story) -> tuple[object, ...]:
    counts = [rate[name] if rate[name] is not None else "" for name in ("correct", "undecided", "mean_tokens")]
    sampling = json.loads(rate["sampling"]) if isinstance(rate["sampling"], str) else rate["sampling"]
    how = ", ".join(f"{name} {value}" for name, value in (sampling or {}).items() if value not in (None, ""))
    return rate["model"], _number(rate["pass_rate"]), _interval(rate), rate["n"] or "unknown", *counts, how


def _interval(rate: Story) -> str:
    """Wilson's, where the counts are known."""
    decided = (rate["n"] or 0) - (rate["undecided"] or 0)
    if rate["correct"] is None or not decided:
        return ""
    low, high = wilson(rate["correct"], decided)
    return f"{low:.2f} to {high:.2f}"


def _sample(solution: Story, chosen: str | None) -> str:
    mark = "✓ chosen, " if str(solution["sample"]) == chosen else ""
    thought = solution["reasoning_tokens"]
    rewards = ", ".join(f"{name} {_number(reward) or 'none'}" for name, reward in solution["rewards"].items())
    facts = [
        rewards or "no reward",
        _length(solution) + (f", {thought} of them reasoning" if thought else ""),
        *([] if solution["solver"] == IMPORT_JUDGE else [f"by {solution['solver']}"]),
        *([] if solution["tokens"] is None else [f"seed {solution['seed']}"]),
    ]
    if solution["correct"] is not None:
        facts.insert(0, CORRECT[solution["correct"]])
    if solution["finish_reason"] == "length":
        facts.append("cut off at the token limit")
    return f"**{mark}sample {solution['sample']}**: {_cell(' · '.join(facts))}"


def _length(solution: Story) -> str:
    """In characters where nobody counted the tokens, as of imported solutions."""
    if solution["tokens"] is not None:
        return f"{solution['tokens']:,} tokens"
    return f"{len(solution['text']) + len(solution['reasoning'] or ''):,} characters"


def _chosen(story: Story) -> tuple[str | None, str]:
    accepted = (d for d in reversed(story["decisions"]) if d["action"] == "accept" and d["in_force"])
    by_hand = next((d for d in accepted if d["payload"].get("sample") is not None), None)
    if by_hand is not None:
        sample = str(by_hand["payload"]["sample"])
        return sample, f"Sample {_cell(sample)} is chosen: {_cell(by_hand['reviewer'])} accepted it."
    label = next((label for label in story["labels"] if label["key"] == "chosen"), None)
    if label is None:
        return None, "No sample is chosen."
    if label["model"] == IMPORT_JUDGE:
        return label["value"], f"Sample {_cell(label['value'])} is chosen: the imported data chose it."
    reason = f"it has the best reward of those with an answer, or is the first of them, by {_cell(label['model'])}"
    return label["value"], f"Sample {_cell(label['value'])} is chosen: {reason}."


def _errors(errors: Sequence[Story]) -> list[str]:
    rows = ((e["stage"], e["attempt"], f"{e['created_at']:%Y-%m-%d %H:%M:%S}", e["message"]) for e in errors)
    parts = _table("Failed attempts", ("stage", "attempt", "when (UTC)", "error"), rows)
    return parts + [quoted(verbatim(e["raw"])) for e in errors if e["raw"]]


def _decisions(decisions: Sequence[Story]) -> list[str]:
    rows = []
    for d in decisions:
        action = d["action"] if d["in_force"] or d["action"] == "undo" else f"{d['action']}, undone"
        details = ", ".join(f"{name}: {value}" for name, value in d["payload"].items())
        rows.append((f"{d['created_at']:%Y-%m-%d %H:%M:%S}", d["reviewer"], action, details))
    return _table("Decisions", ("when (UTC)", "reviewer", "decision", "details"), rows)


def _table(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """A heading and a table; empty where there are no rows."""
    lines = ["| " + " | ".join(map(_cell, row)) + " |" for row in rows]
    if not lines:
        return []
    rule = "|" + " --- |" * len(head)
    return [f"### {title}", "\n".join(["| " + " | ".join(head) + " |", rule, *lines])]


def _cell(value: object) -> str:
    """Inert, on one line."""
    return inert(" ⏎ ".join(str(value).splitlines()))


def _number(value: float | None) -> str:
    return "" if value is None else f"{round(value, 4) + 0.0:.4f}"  # no -0.0000
