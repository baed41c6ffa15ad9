"""Preference pairs (paper, section 2.2): a generator's own samples, each rewritten in ONE random direction.

The rewrite is chosen, the sample rejected. A helper model rewrites greedily, or the nano curriculum's oracle does. Two
passes, so that generator and rewriter need not fit on one device together. Two files in the workspace's ``logs`` record
the samples and the rewrites, with the reason where one made no pair; a later call does not repeat them.
"""

import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from engine.config import prompts
from engine.config.profiles import Role, as_table, load_profile, read_toml
from engine.config.prompts import Template
from engine.config.role import CHAT
from engine.config.validation import validate
from engine.jobs.control import Control
from engine.models.base import Completion, Failure, Request
from engine.seeds import item_seed
from engine.stages.language import is_english
from engine.training import json_lines, samples
from engine.training.rewrite_costs import RewriteCosts
from engine.training.session import Interrupted, OnEvent, Progress
from store.database.workspace import Workspace
from store.errors import InputError
from store.records import Preference

Direction = Literal["solvable", "difficult"]
NANO = "nano"
"""The rewriter that needs no model: the nano curriculum's oracle."""
MAX_TOKENS = 4096
"""Of a rewrite, as in the paper."""
_TOGETHER, _PAID_TOGETHER = 100, 10
"""Rewrites written together, free and paid ones: first to the database, then to the file that marks them as done."""
_AGAIN = ("sample failed", "rewriter failed")
"""Reasons that do not depend on the text: the next call tries again."""
_SOLVES = re.compile(r"\\boxed\b|\bthe (?:final )?answer is\b|^\s*(?:solution|answer)\s*:", re.I | re.M)
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rewriter:
    """A role and the chat format of its prompts; without a role, the oracle of nano."""

    role: Role | None = None
    format: str = ""

    def template(self, direction: Direction) -> Template:
        return prompts.template(f"{self.format}-rewrite-{direction}", "rewriter.format")


@dataclass(frozen=True, slots=True)
class Plan:
    """``n`` samples of the generator at this seed, under a name in the workspace. ``max_cost``: USD at which a paid
    rewriter stops."""

    name: str
    generator: Role
    rewriter: Rewriter
    n: int = 10_000
    seed: int = 0
    max_cost: float | None = None


@dataclass(frozen=True, slots=True)
class Built:
    """``pairs``: counts by direction; ``rejected``: counts of samples without a pair, by reason. ``cost_usd``: of all
    calls with this name; None where the rewriter has no price. ``message``: why it stopped at its limit."""

    status: Literal["done", "interrupted"]
    pairs: dict[str, int]
    rejected: dict[str, int]
    cost_usd: float | None = None
    message: str | None = None


def rewriter(name: str, folder: Path | None = None) -> Rewriter:
    """``nano``; a profile, whose judge's model rewrites; or a TOML file with a table ``[rewriter]``: a role's fields
    and ``format``, the chat format. ``folder``: of the workspace's own profiles. InputError for an unknown one, and for
    one that does not write."""
    if name == NANO:
        return Rewriter()
    table = read_toml(Path(name), "--rewriter").get("rewriter") if name.endswith(".toml") else None
    if table is None:
        judge = load_profile(name, folder).judge
        if judge is None or not judge.writes:
            problem = "has no judge" if judge is None else "has a judge that gives numbers and writes nothing"
            remedy = "use another profile, a TOML file with a [rewriter] table, or nano"
            raise InputError("--rewriter", name, problem, remedy)
        role = replace(judge, role="rewriter", temperature=0.0, max_tokens=MAX_TOKENS, retry_tokens=0)
        found = Rewriter(role, judge.template.id.partition("-")[0])
    else:
        table = dict(as_table(table, "rewriter"))
        form = str(table.pop("format", prompts.CHAT_FORMAT if table.get("backend") == CHAT else ""))
        fields = {"role": "rewriter", "name": str(table.get("model", "")), "max_tokens": MAX_TOKENS, **table}
        template = prompts.template(f"{form}-rewrite-solvable", "rewriter.format")
        found = Rewriter(validate(Role, {**fields, "template": template}, "rewriter"), form)
    found.template("difficult")
    return found


def build(workspace: Workspace, plan: Plan, on_event: OnEvent, control: Control) -> Built:
    """Sample, rewrite and store, without repeating what an earlier call with this name has done. InputError where that
    call had another generator or seed, or where ``max_cost`` has no effect; raises the error of a model that is
    gone."""
    costs = _costs(workspace, plan)
    progress = Progress(on_event, control)
    tried_path = workspace.path / "logs" / f"pairs-{plan.name}.jsonl"
    status: Literal["done", "interrupted"] = "done"
    try:
        originals = _sampled(workspace, plan, progress)
        tried = {idx for idx, row in _tried(tried_path).items() if row["reason"] not in _AGAIN}
        todo = {idx: row for idx, row in originals.items() if idx not in tried}
        keep = _PairWriter(workspace, plan, tried_path)
        try:
            _rewrite(plan, todo, keep, costs, lambda done: progress("rewrite", len(tried) + done, plan.n))
        finally:
            keep.write()
    except Interrupted:
        status = "interrupted"
    rows = _tried(tried_path).values()
    pairs = Counter(str(row["direction"]) for row in rows if row["reason"] is None)
    rejected = dict(Counter(str(row["reason"]) for row in rows if row["reason"]))
    spent = None if costs is None else round(costs.spent, 6)
    if costs is None or not costs.reached or len(rows) >= plan.n:
        return Built(status, dict(pairs), rejected, spent)
    said = f"The rewriter stopped at --max-cost {costs.limit:g}: it has cost ${costs.spent:.4f}"
    message = f"{said}; the same command with --max-cost {2 * (costs.limit or 0):g} continues from what is stored."
    return Built("interrupted", dict(pairs), rejected, spent, message)


def _costs(workspace: Workspace, plan: Plan) -> RewriteCosts | None:
    """What the rewriter has cost under this name; None where it has no price."""
    role = plan.rewriter.role
    if role is None or not role.priced:
        if plan.max_cost is not None:
            remedy = "give the [rewriter] table price_in and price_out, or leave it out"
            raise InputError("--max-cost", plan.max_cost, "has no effect: the rewriter has no price", remedy)
        return None
    if plan.max_cost is not None and plan.max_cost <= 0:
        raise InputError("--max-cost", plan.max_cost, "is not above 0", "give a limit in USD, or leave it out")
    return RewriteCosts(role, plan.max_cost, json_lines.read(workspace.path / "logs" / f"pairs-{plan.name}.jsonl"))


def direction_of(seed: int, idx: int) -> Direction:
    """One of the two directions by a hash, equally likely and independent of the samples' order."""
    return "difficult" if item_seed(seed, idx, "direction") % 2 else "solvable"


def fault(original: str, rewrite: str | None) -> str | None:
    """Why a rewrite cannot be chosen; None where it can."""
    if rewrite is None:
        return "no rewrite"
    if _plain(rewrite) == _plain(original):
        return "unchanged"
    if _SOLVES.search(rewrite):
        return "a solution"
    return None if is_english(rewrite) else "not English"


def _tried(path: Path) -> dict[int, Row]:
    """The newest row of each sample."""
    return {int(row["idx"]): row for row in json_lines.read(path)}


def _sampled(workspace: Workspace, plan: Plan, progress: Progress) -> dict[int, Row]:
    """The generator's samples by number, from the file where possible, else sampled."""
    path = workspace.path / "logs" / f"pairs-{plan.name}-samples.jsonl"
    made_by = {"generator": plan.generator.model, "seed": plan.seed, "template": plan.generator.template.id}
    rows = json_lines.read(path)
    if not rows:
        json_lines.append(path, [made_by])
    elif {name: rows[0].get(name) for name in made_by} != made_by:
        problem = f"is the name of pairs by {rows[0].get('generator')} with seed {rows[0].get('seed')}"
        raise InputError("--name", plan.name, problem, "choose another name")
    found = {int(row["idx"]): row for row in rows[1:]}
    missing = [idx for idx in range(plan.n) if idx not in found]
    if missing:
        role = plan.generator
        requests = [
            Request(str(i), role.template.text, role.sampling, item_seed(plan.seed, i, "question")) for i in missing
        ]

        def receive(result: Completion | Failure) -> None:
            idx = int(result.request_id)
            found[idx] = {"idx": idx, **samples.as_rows([result])[0]}
            if isinstance(result, Completion):  # the next call retries a failure
                json_lines.append(path, [found[idx]])

        with samples.opened(role) as model:
            samples.complete(
                model, requests, lambda done: progress("sample", plan.n - len(missing) + done, plan.n), receive
            )
    return {idx: found[idx] for idx in range(plan.n)}


class _PairWriter:
    """Stores pairs, and the samples without one, in groups: first the pairs, then the file that marks them as done."""

    def __init__(self, workspace: Workspace, plan: Plan, path: Path) -> None:
        self._workspace, self._plan, self._path = workspace, plan, path
        self._source: Literal["rewriter", "oracle"] = "rewriter" if plan.rewriter.role else "oracle"
        self._rows: list[Row] = []
        self._together = _PAID_TOGETHER if plan.rewriter.role and plan.rewriter.role.priced else _TOGETHER

    def __call__(
        self,
        idx: int,
        direction: Direction,
        original: str,
        rewrite: str | None,
        reason: str | None,
        raw: str | None,
        cost: float = 0.0,
    ) -> None:
        said: Row = {"raw": raw} if reason and raw else {}
        said |= {"cost_usd": cost} if cost else {}
        row = {"idx": idx, "direction": direction, "reason": reason, "chosen": rewrite, "rejected": original, **said}
        self._rows.append(row)
        if len(self._rows) >= self._together:
            self.write()

    def write(self) -> None:
        pairs = [
            Preference(f"{self._plan.name}-{r['idx']:08d}", r["chosen"], r["rejected"], r["direction"], self._source)
            for r in self._rows
            if r["reason"] is None
        ]
        self._workspace.writer.put(pairs)
        self._workspace.writer.flush()
        json_lines.append(self._path, self._rows)
        self._rows = []


def _rewrite(
    plan: Plan, todo: dict[int, Row], keep: _PairWriter, costs: RewriteCosts | None, progress: Callable[[int], None]
) -> None:
    """Rewrite every sample that ended by itself; ``keep`` gets all samples, with a reason or a pair."""
    whole: dict[int, str] = {}
    for idx, row in todo.items():
        reason = {"stop": None, "length": "sample cut off"}.get(row["finish_reason"], "sample failed")
        text = str(row["text"]).strip()
        if reason or not text:
            keep(idx, direction_of(plan.seed, idx), text, None, reason or "sample empty", None)
        else:
            whole[idx] = text
    done = len(todo) - len(whole)
    if plan.rewriter.role is None:
        for number, (idx, text) in enumerate(whole.items(), 1):
            direction = direction_of(plan.seed, idx)
            rewritten = _by_oracle(text, direction, plan.seed, idx)
            keep(idx, direction, text, rewritten, fault(text, rewritten), None)
            progress(done + number)
    elif whole:
        _by_model(plan, plan.rewriter.role, whole, keep, costs, lambda number: progress(done + number))


def _by_oracle(text: str, direction: Direction, seed: int, idx: int) -> str | None:
    from engine.training.curriculum.rewrite import rewrite

    return rewrite(text, direction, random.Random(item_seed(seed, idx, "rewrite")))


def _by_model(
    plan: Plan,
    role: Role,
    whole: dict[int, str],
    keep: _PairWriter,
    costs: RewriteCosts | None,
    progress: Callable[[int], None],
) -> None:
    directions = {idx: direction_of(plan.seed, idx) for idx in whole}
    requests = [
        Request(
            str(idx),
            plan.rewriter.template(directions[idx]).render(text),
            replace(role, template=plan.rewriter.template(directions[idx])).sampling,
            item_seed(plan.seed, idx, "rewrite"),
        )
        for idx, text in whole.items()
    ]

    def receive(result: Completion | Failure) -> None:
        idx = int(result.request_id)
        text, direction = whole[idx], directions[idx]
        cost = 0.0 if costs is None else costs.add(result.billed)
        if isinstance(result, Failure):
            keep(idx, direction, text, None, "rewriter failed", str(result.error), cost)
            return
        rewritten = prompts.parse_rewrite(result.text)
        reason = "cut off" if result.finish_reason != "stop" else fault(text, rewritten)
        keep(idx, direction, text, rewritten, reason, result.text, cost)

    with samples.opened(role) as model:
        samples.complete(model, requests, progress, receive, None if costs is None else costs.affordable)


def _plain(text: str) -> str:
    return " ".join(text.lower().split())
