"""What the command line prints: progress, tables, the story of a question, the state of the machine.

On a terminal progress is a bar; with ``--json`` each event is one object a line on stdout; where stderr is a pipe or a
file, only errors and results are printed.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

if TYPE_CHECKING:
    from engine.config.run_plan import StagePlan
    from engine.doctor import Machine, ProfileState
    from engine.jobs.result import Result
    from engine.models.expected import Expected
    from engine.models.launch_commands import Server


_NEVER = "Never yet run with its real models: expect to adjust memory settings."


class Progress:
    """Shows the events of a job or training: ``{"event": "start|progress|error|end", "stage", "done", "total"}``.

    Safe from any thread.
    """

    def __init__(self, as_json: bool, unit: str = "questions") -> None:
        self._json, self._unit = as_json, unit
        self._bar: tqdm[Any] | None = None
        self._lock = threading.Lock()

    def __call__(self, event: Mapping[str, Any]) -> None:
        with self._lock:
            if self._json:
                print(json.dumps(event, ensure_ascii=False, default=str), flush=True)
            else:
                self._show(event)

    def _show(self, event: Mapping[str, Any]) -> None:
        kind = event["event"]
        if kind == "progress" and sys.stderr.isatty():
            stage = str(event.get("stage", ""))
            if self._bar is None or self._bar.desc != stage:
                self.close()
                self._bar = tqdm(unit=f" {self._unit}", dynamic_ncols=True, desc=stage)
                self._bar.desc = stage
            self._bar.total, self._bar.n = event.get("total"), event.get("done") or 0
            self._bar.set_postfix(_postfix(event), refresh=False)
            self._bar.refresh()
        elif kind == "error":
            tqdm.write(str(event.get("message", "")), file=sys.stderr)
        elif kind == "end":
            self.close()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class JobEvents:
    """Shows a job's events as they come, and at its end the report."""

    def __init__(self, as_json: bool, unit: str) -> None:
        self._json, self._progress = as_json, Progress(as_json, unit)
        self._end: dict[str, Any] = {}

    def __call__(self, event: dict[str, Any]) -> None:
        if event["event"] == "end":
            self._end = event
        else:
            self._progress(event)

    def end(self, result: Result) -> int:
        """Print the report, or the end event with ``--json``; gives back the exit code."""
        self._progress.close()
        if self._json:
            self._progress({**self._end, "status": result.status, "message": result.message})
        elif report := self._end.get("report"):
            print(report)
        if result.message is not None:
            print(result.message, file=sys.stderr)
        return result.exit_code


def _postfix(event: Mapping[str, Any]) -> dict[str, Any]:
    names = {"accepted": "pairs", "errors": "failed", "tokens_per_s": "tokens/s", "loss": "loss"}
    shown = {text: event[name] for name, text in names.items() if event.get(name) is not None}
    if event.get("cost_usd") is not None:
        shown["USD"] = f"{event['cost_usd']:.4f}"
    return shown | {name: event[name] for name in ("held", "late") if event.get(name)}


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Columns as wide as their longest cell; numbers to the right."""
    cells = [[_cell(value) for value in row] for row in rows]
    right = [all(_number(row[i]) for row in cells) for i in range(len(head))]
    widths = [max(len(head[i]), *(len(row[i]) for row in cells)) if cells else len(head[i]) for i in range(len(head))]
    lines = [head, ["-" * width for width in widths], *cells]
    return "\n".join(
        "  ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in zip(line, widths, right, strict=True)).rstrip()
        for line in lines
    )


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def _number(cell: str) -> bool:
    return cell == "-" or cell.replace(",", "").replace(".", "").replace("%", "").strip().isdigit()


def indent(text: str, by: str = "    ") -> str:
    return "\n".join(by + line for line in text.splitlines() or [""])


def story(story: Mapping[str, Any]) -> str:
    """One question from its prompt to its pair, in the order of the stages."""
    question, run = story["question"], story["run"]
    profile = run["config"].get("profile", {})
    generators = {role["name"]: role for role in profile.get("generators", ())}
    template = generators.get(question["generator"], {}).get("template", {}).get("text")
    prompt = ["1. Prompt: none; the question was imported"]
    if template is not None:
        prompt = [f"1. Prompt: template {question['template_id']}, the exact text that the generator read"]
        prompt.append(indent(json.dumps(template, ensure_ascii=False)))
    made = f"{question['generator']} wrote {question['tokens']} tokens ({question['finish_reason']}) with "
    made += ", ".join([f"seed {question['seed']}", *(f"{name} {value}" for name, value in question["params"].items())])
    if run["kind"] == "import":
        made = f"imported from {question['generator']}"
    lines = [
        f"Question {question['question_id']} of run {run['run_id']} ({run['name']}), {run['status']}",
        "",
        *prompt,
        f"2. Question: {made}",
        indent(question["text"]),
        "3. Verdicts",
        indent(table(("stage", "verdict", "score", "reason", "judge"), [_verdict(v) for v in story["verdicts"]])),
        *(indent(f"{v['stage']} wrote: {v['raw']}") for v in story["verdicts"] if v["raw"]),
    ]
    for label in story["labels"]:
        lines.append(indent(f"{label['key']}: {label['value']} ({label['model']})"))
    lines.append(f"4. Solutions: {len(story['solutions'])}")
    chosen = next((label["value"] for label in story["labels"] if label["key"] == "chosen"), None)
    for solution in story["solutions"]:
        rewards = ", ".join(f"{name} {_score(reward)}" for name, reward in solution["rewards"].items())
        mark = ", chosen" if str(solution["sample"]) == chosen else ""
        lines.append(f"  sample {solution['sample']}: answer {solution['answer']}, reward {rewards or '-'}{mark}")
        lines.append(indent(solution["text"]))
    for rate in story["rates"]:
        right = "" if rate["correct"] is None else f", {rate['correct']} of {rate['n']} rollouts right"
        undecided = f", {rate['undecided']} undecided" if rate["undecided"] else ""
        lines.append(f"  pass rate of {rate['model']}: {_score(rate['pass_rate'])}{right}{undecided}")
    lines += [f"Failed attempt at {error['stage']}: {error['message']}" for error in story["errors"]]
    pair = story["pair"]
    if pair is None:
        dropped = next((v for v in story["verdicts"] if not v["kept"]), None)
        lines.append(f"5. No pair: dropped at {dropped['stage']}, {dropped['reason']}" if dropped else "5. No pair yet")
    else:
        lines.append("5. Pair: the exported row")
        lines += [indent(f"{name}: {pair[name]}") for name in pair if name != "response"]
    return "\n".join(lines)


def _verdict(verdict: Mapping[str, Any]) -> tuple[object, ...]:
    kept = "kept" if verdict["kept"] else "dropped"
    return verdict["stage"], kept, _score(verdict["score"]), verdict["reason"], verdict["judge"]


def _score(score: float | None) -> str:
    return "-" if score is None else f"{score:.4f}"


def run_plan(profile: str, stages: Sequence[StagePlan], costs: Sequence[float | None], placed: Sequence[str]) -> str:
    """What a run would do, stage by stage, in USD where models have a price, and which models would be on which of this
    machine's GPUs."""
    head = ["stage", "by", "entering", "kept", "calls", "model", "settings"]
    rows: list[list[object]] = [
        [s.stage, s.by, s.entered, s.kept, s.calls, s.model or "-", s.settings or "-"] for s in stages
    ]
    basis = "Expected by the shares that the paper's filters removed; other models will differ. Nothing was started."
    if paid := [cost for cost in costs if cost is not None]:
        head.insert(5, "USD")
        for row, cost in zip(rows, costs, strict=True):
            row.insert(5, "-" if cost is None else f"{cost:,.2f}")
        basis += f"\nPaid models will cost about ${sum(paid):,.2f}, if their texts are as long as the paper's."
    where = "\n".join(["", "", "On the GPUs of this machine:", *placed]) if placed else ""
    return f"Profile {profile}\n\n{table(head, rows)}\n\n{basis}{where}"


def machine(here: Machine, profiles: Sequence[ProfileState], advice: Sequence[str]) -> str:
    """The report of ``scalequest doctor``."""
    gpus = ", ".join(f"{gpu.name} ({_gib(gpu.memory_bytes)} GiB)" for gpu in here.gpus) or "none"
    lines = [
        f"Python   {here.python}",
        f"System   {here.system}",
        f"Cores    {here.cores}",
        f"Memory   {_gib(here.memory_bytes)} GiB, {_gib(here.memory_free_bytes)} GiB free",
        f"GPU      {gpus}",
        *(f"{name:12} {found or 'not installed'}" for name, found in here.packages.items()),
    ]
    for profile in profiles:
        lines += ["", f"Profile {profile.name}: {_verdict_on(profile)}."]
        rows = []
        for m in profile.models:
            revision = m.revision[:12] if m.revision else "newest" if m.where in ("hub", "cache") else None
            size = _gib(m.memory_bytes) if m.memory_bytes else None
            names = (", ".join(m.roles), m.model, ", ".join(m.backends))
            rows.append((*names, m.where, size, m.context, revision, m.licence))
        head = ("role", "model", "backend", "where", "GiB", "context", "revision", "licence")
        lines.append(indent(table(head, rows), "  "))
        if profile.plan is not None:
            lines.append(indent(profile.plan, "  "))
        ran = f"Run with its real models: {'; '.join(profile.runs)}." if profile.runs else _NEVER
        lines.append(f"  {ran}")
    return "\n".join([*lines, *([""] if advice else []), *advice])


def expected(profile: str, found: Sequence[Expected], refused: Sequence[str]) -> str:
    """The report of ``scalequest doctor --expect``: hours by cards, then how each kind of card is used."""
    from engine.models.workload import PAIRS

    counts = sorted({one.cards for one in found})
    hours = {(one.card, one.cards): _hours(one.hours) for one in found}
    cards = list(dict.fromkeys(one.card for one in found))
    head = ("card", *(f"{count} card{'s' * (count > 1)}" for count in counts))
    lines = [
        f"Hours for {PAIRS:,} pairs with profile {profile}, by a roofline of bandwidth and arithmetic: an estimate to",
        "compare plans with, not a measurement. Loading models comes on top.",
        "",
        table(head, [(card, *(hours.get((card, count)) for count in counts)) for card in cards]),
    ]
    shown = None
    for one in found:
        if one.card != shown:
            rows = [(", ".join(w.roles), w.model, f"{w.tokens_per_s:,.0f}", f"{w.hours:,.1f}") for w in one.work]
            lines += ["", one.card, table(("role", "model", "tokens/s", "hours of one copy"), rows)]
        shown = one.card
        lines += [f"{one.cards} card{'s' * (one.cards > 1)}: {_hours(one.hours)} h", *map(indent, one.lines)]
    return "\n".join([*lines, *([""] if refused else []), *refused])


def _hours(hours: float) -> str:
    return f"{hours:,.0f}" if hours >= 1 else "less than 1"


def launch(made: Sequence[Server], why: Sequence[str], others: Sequence[str]) -> str:
    """The commands that start these servers, why they are on these GPUs, and what the profile needs for them and for
    the ``others``, which no server has."""
    from engine.models.launch_commands import slots, urls

    before = dict.fromkeys(server.prepare for server in made if server.prepare)
    lines = [*(["# First, once: vLLM misreads these models' own tokenizers", *before] if before else [])]
    lines += [f"# {', '.join(server.roles)}\n{server.command}" for server in made]
    chosen = slots(made)
    named = [f"# {role}: slots = {chosen[role]}, urls = {json.dumps(found)}" for role, found in urls(made).items()]
    named += [f"# {line}" for line in others]
    return "\n".join([*lines, *(f"# {line}" for line in why), "# In the profile:", *named])


def _verdict_on(profile: ProfileState) -> str:
    if profile.faults:
        more = f" (and {len(profile.faults) - 1} more)" if len(profile.faults) > 1 else ""
        return f"cannot run here: {profile.faults[0]}{more}"
    conditions = {"hub": "its models marked hub can be downloaded", "server": "its servers answer"}
    needed = [text for where, text in conditions.items() if any(m.where == where for m in profile.models)]
    return "can run here" + (f", provided that {' and '.join(needed)}" if needed else "")


def _gib(size: int) -> str:
    return f"{size / 2**30:.2f}"
