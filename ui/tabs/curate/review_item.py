"""One card of the Curate tab as plain data: what a reviewer reads before deciding, in words.

Texts go twice: as they were written, for the browser to set as text at once, and, where they have formulas, as Markdown
that it renders when there is time. A blind card comes without what could sway its reviewer until that one has decided.
Knows the shape of ``store.review.review_item``, nothing of the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.text import answers
from store.database.sources import Source
from store.errors import InputError
from store.frame.frame import Frame
from store.review import review_item
from ui.tabs.explore.labels import CHARTS
from ui.web.escape import three, visible
from ui.web.latex import LATEX, written

Told = Mapping[str, Any]

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
"""What a rejection's single key says: 1 is the first."""
MOST_FORMULAS = 60
"""In one text of a card: KaTeX holds the page up while it renders."""
_VERBS = {"accept": "accepted", "reject": "rejected", "skip": "skipped"}


def shown(source: Source, frame: Frame, key: str, reviewer: str, blind: bool) -> dict[str, Any]:
    """The card of a question for this reviewer; a sentence under ``gone`` where the question is no longer there."""
    try:
        told = review_item.review_item(source, frame, key, group=answers.group)
    except InputError:
        return {"id": key, "gone": f"Question {visible(key)} is no longer in this workspace: its run was deleted."}
    hidden = blind and not _decided(told, reviewer)
    if hidden:
        told = review_item.blind(told, reviewer)
    return _card(told, hidden)


def _decided(told: Told, reviewer: str) -> bool:
    return any(d["reviewer"] == reviewer and d["action"] in _VERBS and d["in_force"] for d in told["decisions"])


def _card(told: Told, hidden: bool) -> dict[str, Any]:
    samples = [_sample(told, solution, hidden) for solution in told["solutions"]]
    response = told["response"]
    return {
        "id": told["question_id"],
        "hidden": hidden,
        "facts": [visible(fact) for fact in (told["topic"], told["run"]["name"] or told["run"]["run_id"]) if fact],
        "query": _text(told["query"]),
        "response": None if response is None else _text(response),
        "answer": None if told["answer"] is None else _text(told["answer"], 1),
        "raw": {name: told[name] for name in ("query", "response", "answer")},  # what an edit begins with
        "original": {name: visible(text or "") for name, text in told.get("original", {}).items()},
        "reference": visible(told["reference_answer"] or ""),
        "chosen": told["chosen"],
        "samples": samples,
        "groups": [_group(group, len(samples)) for group in told.get("groups", ())],
        "scores": [_score(score) for score in told.get("scores", ())],
        "verdicts": [_verdict(verdict) for verdict in told.get("verdicts", ())],
        "dropped": _dropped(told),
        "near": [{"id": near["question_id"], "text": visible(near["text"])} for near in told["near_duplicates"]],
        "near_of": told.get("near_duplicates_of", len(told["near_duplicates"])),
        "status": told.get("status") or "",
        "tags": list(told.get("tags", ())),
        "notes": [
            {"who": visible(note["reviewer"]), "text": visible(note["text"]), "when": _when(note)}
            for note in told.get("notes", ())
        ],
        "decisions": [_decision(entry) for entry in told.get("decisions", ())],
    }


def _text(text: str, formulas: int = MOST_FORMULAS) -> dict[str, str | None]:
    """Markdown only where it would show anything else than the text."""
    markdown = written(text, formulas)
    return {"text": visible(text), "markdown": markdown if str(LATEX[0]["left"]) in markdown else None}


def _sample(told: Told, solution: Told, hidden: bool) -> dict[str, Any]:
    facts = [f"sample {solution['sample']}"]
    if solution["sample"] == told["chosen"]:
        facts.append("chosen")
    facts.append("no final answer" if solution["answer"] is None else f"answer {visible(solution['answer'])}")
    if not hidden and solution.get("reward") is not None:
        facts.append(f"reward {three(solution['reward'])}")
    if solution["finish_reason"] == "length":
        facts.append("cut off at the token limit")
    return {
        "sample": solution["sample"],
        "title": " · ".join(facts),
        "answer": solution["answer"],
        "raw": solution["text"],
        **_text(solution["text"]),
    }


def _group(group: Told, of: int) -> dict[str, Any]:
    title = "No final answer" if group["answer"] is None else f"Answer {visible(group['answer'])}"
    facts = [f"{group['count']} of {of}"]
    if group.get("best_reward") is not None:
        facts.append(f"best reward {three(group['best_reward'])}")
    if group.get("majority"):
        facts.append("the majority")
    return {"title": title, "facts": ", ".join(facts), "samples": list(group["samples"])}


def _score(score: Told) -> dict[str, Any]:
    name, value = score["name"], score["value"]
    whole = name in ("query_chars", "response_tokens")
    return {
        "name": CHARTS[name].title if name in CHARTS else visible(name),
        "value": f"{value:,.0f}" if whole else three(value),
        "percentile": score["percentile"],
    }


def _verdict(verdict: Told) -> dict[str, str]:
    said = "kept" if verdict["kept"] else f"dropped: {visible(verdict['reason'] or 'no reason given')}"
    score = "" if verdict["score"] is None else f", score {three(verdict['score'])}"
    raw = visible(verdict["raw"])[:2_000] if verdict["raw"] else ""
    return {"stage": verdict["stage"], "said": f"{said}{score}, by {visible(verdict['judge'])}", "raw": raw}


def _dropped(told: Told) -> str:
    if not told.get("drop_stage"):
        return ""
    return f"Dropped at {visible(told['drop_stage'])}: {visible(told.get('drop_reason') or 'no reason given')}."


def _decision(entry: Told) -> dict[str, Any]:
    payload = entry["payload"]
    parts = [f"{name}: {visible(str(value))[:200]}" for name, value in payload.items() if name != "event_id"]
    return {
        "who": visible(entry["reviewer"]),
        "what": visible(entry["action"]) + (" (in bulk)" if entry["batch_id"] else ""),
        "with": ", ".join(parts),
        "when": _when(entry),
        "undone": not entry["in_force"],
    }


def _when(row: Told) -> str:
    return f"{row['created_at']:%Y-%m-%d %H:%M}"
