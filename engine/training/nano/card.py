"""The model card of a nano family: what was chosen, what was measured, what it was trained on.

``card.json`` is for programs (the judge's threshold, the reward's aggregate, the control's figure); ``README.md`` says
the same to people.
"""

import json
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

from engine.models.domain import FILE as DOMAIN
from engine.models.domain import WORD
from engine.paths import ASSETS
from engine.training.curriculum import AREAS, KINDS
from engine.training.nano import text
from engine.training.nano.evaluate import CARD

_ROLES = {
    "solver": "writes worked solutions; next-token loss on the response alone",
    "base": "the solver's training stopped after a third: what a student starts from",
    "qgen-a": "writes questions, after QPO (all kinds alike)",
    "qgen-b": "writes questions, after QPO (harder mix)",
    "qgen-a-qft": "the same before QPO",
    "qgen-b-qft": "the same before QPO",
    "control": "QFT from random weights: what the solver's training is worth to `qgen-a-qft`",
    "judge": "one logit: is this a problem of the curriculum with possible numbers?",
    "confidence": "`confidence.json`: the fail rate that the log-probabilities of the solver's greedy solution imply",
    "difficulty": "one logit: that fail rate, from the question's text alone",
    "reward": "the solver trained further; a solution's log-probability under it is its reward",
}


@cache
def _known_words(problems: int = 20_000) -> tuple[str, ...]:
    words: set[str] = set()
    for chunk in text.problems(61, most=1, chunk=problems):
        for problem in chunk:
            words.update(WORD.findall(text.to_solve(problem.question).lower()))
    return tuple(sorted(words - {""}))


def write_domain(folder: Path) -> None:
    """Write the words of a scorer's training text next to its weights; texts with other words get no score."""
    domain = {"words": _known_words(), "max_unknown_share": 0.1, "max_characters": 360}
    (folder / DOMAIN).write_text(json.dumps(domain, indent=0) + "\n")


def write_card(out: Path, card: dict[str, Any], figures: dict[str, Any], stages: dict[str, dict[str, Any]]) -> None:
    """``card.json`` and ``README.md``. ``figures`` are an evaluation's, ``stages`` what each training stage
    reported.
    """
    whole = {**card, "stages": stages, "figures": figures}
    (out / CARD).write_text(json.dumps(whole, indent=1) + "\n")
    (out / "README.md").write_text(render(whole))


def render(card: dict[str, Any]) -> str:
    """The model card for people."""
    stages, figures = card["stages"], card["figures"]
    models = "\n".join(
        f"| `{name}` | {role} | {', '.join(f'{k} {v}' for k, v in stages[name].items())} |"
        for name, role in _ROLES.items()
        if name in stages
    )
    template = Template((ASSETS / "cards" / "nano.md").read_text(encoding="utf-8"))
    return template.substitute(
        kinds=len(KINDS),
        areas=len(AREAS),
        phrasings=sum(len(kind.phrasings) for kind in KINDS.values()),
        models=models,
        pre_query=repr(text.PRE_QUERY),
        start=text.START,
        end=text.END,
        judge_threshold=card.get("judge_threshold"),
        reward_aggregate=card.get("reward_aggregate"),
        seed=figures.get("seed"),
        n=figures.get("n"),
        measured=_table(figures),
        novel_among=", ".join(figures.get("novel_among", ())),
        reliability=_reliability(figures),
    )


def _table(figures: dict[str, Any]) -> str:
    """One row for each figure; rank correlations with the highest value that any score could reach."""
    attainable = figures.get("spearman_attainable")
    limits = dict.fromkeys(("difficulty_spearman", "greedy_spearman"), f" (attainable: {attainable})")
    left_out = ("spearman_attainable", "novel_among", *(key for key in figures if key.startswith("reliability_")))
    return "\n".join(
        f"| {key} | {value}{limits.get(key, '')} |" for key, value in figures.items() if key not in left_out
    )


def _reliability(figures: dict[str, Any]) -> str:
    """Predicted against measured fail rates, a row a bin of each score."""
    rows = [
        f"| {name} | {n} | {predicted} | {measured} |"
        for name in ("text", "greedy")
        for n, predicted, measured in figures.get(f"reliability_{name}", ())
    ]
    return "\n".join(rows)
