"""One question of the Curate tab as plain data: what a reviewer reads before deciding, in words.

The browser draws the formulas of texts. Other reviewers' decisions, tags and notes are left out until the reviewer has
decided, or asks for them; so are scores and verdicts in a blind queue.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.text import answers
from store.database.sources import Source
from store.errors import InputError
from store.frame.frame import LENGTHS, Frame
from store.review import review_item
from ui.components.charts import CHARTS
from ui.web.escape import three, visible

Row = Mapping[str, Any]  # a row of store.review.review_item

REASONS = (
    "unclear or incomplete question",
    "no answer, or several",
    "wrong final answer",
    "wrong or missing steps",
    "not a mathematics problem",
    "duplicate",
    "too trivial",
    "bad formatting or language",
    "unsafe or offensive",
)
"""The reasons of the keys 1 to 9 after a rejection."""
_CORRECT = {
    "same": "right",
    "different": "wrong against the gold answer",
    "undecided": "undecided against the gold answer",
}
_VERBS = {"accept": "accepted", "reject": "rejected", "skip": "skipped"}


def view(source: Source, frame: Frame, key: str, reviewer: str, blind: bool, others: bool) -> dict[str, Any]:
    """The question for this reviewer; a sentence under ``gone`` where it is no longer in the workspace.

    ``blind``: without scores until the reviewer has decided; ``others``: with what other reviewers did even before.
    Under ``others`` the answer says whether that is ``hidden`` or ``shown``; it is empty where there is nothing.
    """
    try:
        item = review_item.review_item(source, frame, key, group=answers.group)
    except InputError:
        return {"id": key, "gone": f"Question {visible(key)} is no longer in this workspace: its run was deleted."}
    mine = [d for d in item["decisions"] if d["reviewer"] == reviewer and d["action"] in _VERBS and d["in_force"]]
    hidden = blind and not mine
    if hidden:
        item = review_item.without_scores(item)
    if all(d["reviewer"] == reviewer for d in item["decisions"]):
        return _view(item, hidden, "")
    if mine or others:
        return _view(item, hidden, "shown")
    return _view(review_item.without_others(item, reviewer), hidden, "hidden")


def _view(item: Row, hidden: bool, others: str) -> dict[str, Any]:
    samples = [_sample(item, solution, hidden) for solution in item["solutions"]]
    response = item["response"]
    return {
        "id": item["question_id"],
        "hidden": hidden,
        "others": others,
        "facts": [visible(fact) for fact in (item["topic"], item["run"]["name"] or item["run"]["run_id"]) if fact],
        "query": visible(item["query"]),
        "response": None if response is None else visible(response),
        "answer": None if item["answer"] is None else visible(item["answer"]),
        "raw": {name: item[name] for name in ("query", "response", "answer")},  # what an edit begins with
        "original": {name: visible(text or "") for name, text in item.get("original", {}).items()},
        "reference": visible(item["reference_answer"] or ""),
        "chosen": item["chosen"],
        "samples": samples,
        "groups": [_group(group, len(samples)) for group in item.get("groups", ())],
        "scores": [_score(score) for score in item.get("scores", ())],
        "verdicts": [_verdict(verdict) for verdict in item.get("verdicts", ())],
        "dropped": _dropped(item),
        "near": [{"id": near["question_id"], "text": visible(near["text"])} for near in item["near_duplicates"]],
        "near_of": item.get("near_duplicates_of", len(item["near_duplicates"])),
        "reviews": _reviews(item.get("decisions", ())),
        "status": item.get("status") or "",
        "tags": list(item.get("tags", ())),
        "notes": [
            {"who": visible(note["reviewer"]), "text": visible(note["text"]), "when": _when(note)}
            for note in item.get("notes", ())
        ],
        "decisions": [_decision(entry) for entry in item.get("decisions", ())],
    }


def _sample(item: Row, solution: Row, hidden: bool) -> dict[str, Any]:
    facts = [f"sample {solution['sample']}"]
    if solution["sample"] == item["chosen"]:
        facts.append("chosen")
    facts.append("no final answer" if solution["answer"] is None else f"answer {visible(solution['answer'])}")
    if not hidden and solution["correct"] is not None:
        facts.append(_CORRECT[solution["correct"]])
    if not hidden and solution.get("reward") is not None:
        facts.append(f"reward {three(solution['reward'])}")
    if solution["finish_reason"] == "length":
        facts.append("cut off at the token limit")
    return {
        "sample": solution["sample"],
        "title": " · ".join(facts),
        "answer": solution["answer"],
        "raw": solution["text"],
        "text": visible(solution["text"]),
        "reasoning": visible(solution["reasoning"] or ""),
    }


def _group(group: Row, of: int) -> dict[str, Any]:
    title = "No final answer" if group["answer"] is None else f"Answer {visible(group['answer'])}"
    facts = [f"{group['count']} of {of}"]
    if group.get("best_reward") is not None:
        facts.append(f"best reward {three(group['best_reward'])}")
    if group.get("majority"):
        facts.append("the majority")
    return {"title": title, "facts": ", ".join(facts), "samples": list(group["samples"])}


def _score(score: Row) -> dict[str, Any]:
    name, value = score["name"], score["value"]
    count = name in LENGTHS
    return {
        "name": CHARTS[name].title if name in CHARTS else visible(name),
        "value": f"{value:,.0f}" if count else three(value),
        "percentile": score["percentile"],
    }


def _verdict(verdict: Row) -> dict[str, str]:
    outcome = "kept" if verdict["kept"] else f"dropped: {visible(verdict['reason'] or 'no reason given')}"
    score = "" if verdict["score"] is None else f", score {three(verdict['score'])}"
    raw = visible(verdict["raw"])[:2_000] if verdict["raw"] else ""
    return {"stage": verdict["stage"], "said": f"{outcome}{score}, by {visible(verdict['judge'])}", "raw": raw}


def _dropped(item: Row) -> str:
    if not item.get("drop_stage"):
        return ""
    return f"Dropped at {visible(item['drop_stage'])}: {visible(item.get('drop_reason') or 'no reason given')}."


def _decision(entry: Row) -> dict[str, Any]:
    return {
        "who": visible(entry["reviewer"]),
        "what": visible(entry["action"]) + (" (in bulk)" if entry["batch_id"] else ""),
        "with": details(entry["payload"], 200),
        "when": _when(entry),
        "undone": not entry["in_force"],
    }


def _reviews(events: Sequence[Row]) -> list[str]:
    """What each reviewer has last decided, from all events, newest first."""
    newest: dict[str, Row] = {}
    for event in events:
        if event["in_force"] and event["action"] in _VERBS:
            newest.setdefault(event["reviewer"], event)
    told = []
    for who, event in newest.items():
        reason = event["payload"].get("reason")
        told.append(f"{visible(who)} {_VERBS[event['action']]} it" + (f": {visible(str(reason))}" if reason else ""))
    return told


def details(payload: Row, most: int) -> str:
    """A payload in words, each text cut to ``most`` characters."""
    marks = {"blind": ("not blind", "blind"), "settles": ("", "settles a disagreement")}
    parts = [
        marks[name][bool(value)] if name in marks else f"{name}: {visible(str(value))[:most]}"
        for name, value in payload.items()
        if name not in ("event_id", "batch_id")
    ]
    return ", ".join(filter(None, parts))


def _when(row: Row) -> str:
    return f"{row['created_at']:%Y-%m-%d %H:%M}"
