"""The model card of a nano family: what was chosen, what was measured, what it was trained on.

``card.json`` is for programs (the judge's threshold, the reward's aggregate, the control's figure); ``README.md`` says
the same to people.
"""

import json
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
    "judge": "one logit: is this a problem of the curriculum with possible numbers?",
    "difficulty": "one logit: the solver's fail rate on this question",
    "reward": "the solver trained further; a solution's log-probability under it is its reward",
}


def write_domain(folder: Path, problems: int = 20_000) -> None:
    """Write the words of a scorer's training text next to its weights; texts with other words get no score."""
    words: set[str] = set()
    for chunk in text.problems(61, most=1, chunk=problems):
        for problem in chunk:
            words.update(WORD.findall(text.to_solve(problem.question).lower()))
    (folder / DOMAIN).write_text(
        json.dumps({"words": sorted(words - {""}), "max_unknown_share": 0.1, "max_characters": 360}, indent=0) + "\n"
    )


def write_card(out: Path, card: dict[str, Any], figures: dict[str, Any], stages: dict[str, dict[str, Any]]) -> None:
    """``card.json`` and ``README.md``. ``figures`` are an evaluation's, ``stages`` what each training stage
    reported.
    """
    (out / CARD).write_text(json.dumps({**card, "stages": stages, "figures": figures}, indent=1) + "\n")
    models = "\n".join(
        f"| `{name}` | {role} | {', '.join(f'{k} {v}' for k, v in stages.get(name, {}).items())} |"
        for name, role in _ROLES.items()
    )
    template = Template((ASSETS / "cards" / "nano.md").read_text(encoding="utf-8"))
    filled = template.substitute(
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
        measured="\n".join(f"| {key} | {value} |" for key, value in figures.items()),
    )
    (out / "README.md").write_text(filled)
