"""The report at the end of a run: its funnel, and the cost of 1,000 pairs by stage, from the stored rows."""

from dataclasses import asdict
from typing import Any

from engine.jobs.result import Result
from engine.text.verdict import undecided_warning
from store.database import run_queries
from store.database.run_queries import Sampling
from store.database.workspace import Workspace

_TITLE = f"{'stage':<14}{'entered':>9}{'kept':>9}{'share':>8}{'dropped':>9}{'pending':>9}"
_SPEND = f"{'stage':<14}{'requests':>9}{'tokens in':>13}{'tokens out':>13}{'USD':>12}"
_COSTS = f"{'stage':<14}{'calls':>9}{'tokens':>11}{'tokens/1k pairs':>17}{'call-s/1k pairs':>17}"


def facts(workspace: Workspace, result: Result) -> dict[str, Any]:
    """The report as data: ``funnel`` and ``costs`` by stage, ``pairs``, seconds, ``warnings`` about the judge;
    where models have a price, ``cost_usd`` and ``spend`` by stage; with an adaptive n, ``adaptive``: what it saved.

    ``call_seconds`` sum the durations of calls, which overlap, so they exceed the run's seconds.
    """
    solver = workspace.run(result.run_id).config["profile"]["solver"]
    with workspace.cursor() as cursor:
        funnel = run_queries.funnel(cursor, result.run_id)
        costs = run_queries.costs(cursor, result.run_id)
        errors = run_queries.error_count(cursor, result.run_id)
        replies = run_queries.judge_replies(cursor, result.run_id)
        spend = run_queries.spend(cursor, result.run_id)
        saved = run_queries.sampling(cursor, result.run_id, solver["n"]) if solver.get("n_max") else None
    pairs = funnel[-1].kept if funnel else 0
    per = 1000 / pairs if pairs else None
    return {
        "run_id": result.run_id,
        "pairs": pairs,
        "errors": errors,
        "seconds": round(result.seconds, 3),
        "first_pair_s": result.first_pair,
        "warnings": [w for one in replies if (w := undecided_warning(one.judge, one.without, one.judged))],
        "funnel": [
            {"stage": r.stage, "entered": r.entered, "kept": r.kept, "dropped": r.dropped, "pending": r.pending}
            for r in funnel
        ],
        "costs": [
            {
                "stage": c.stage,
                "calls": c.calls,
                "tokens": c.tokens,
                "call_seconds": round(c.seconds, 3),
                "tokens_per_1000_pairs": round(c.tokens * per) if per else None,
                "call_seconds_per_1000_pairs": round(c.seconds * per, 1) if per else None,
            }
            for c in costs
        ],
        **({} if saved is None else {"adaptive": asdict(saved)}),
        **(
            {"cost_usd": round(sum(s.cost_usd for s in spend), 6), "spend": [asdict(s) for s in spend]} if spend else {}
        ),
    }


def text(workspace: Workspace, result: Result) -> str:
    """The report for a terminal."""
    report = facts(workspace, result)
    lines = [_TITLE]
    for row in report["funnel"]:
        share = f"{row['kept'] / row['entered']:.1%}" if row["entered"] else "-"
        numbers = f"{row['entered']:>9}{row['kept']:>9}{share:>8}{row['dropped']:>9}{row['pending']:>9}"
        lines.append(f"{row['stage']:<14}{numbers}")
    lines += ["", _COSTS]
    for row in report["costs"]:
        if row["calls"]:
            tokens, seconds = row["tokens_per_1000_pairs"], row["call_seconds_per_1000_pairs"]
            per = f"{tokens:>17,}{seconds:>17,.1f}" if tokens is not None else f"{'-':>17}{'-':>17}"
            lines.append(f"{row['stage']:<14}{row['calls']:>9}{row['tokens']:>11}{per}")
    if "adaptive" in report and (sentence := savings(Sampling(**report["adaptive"]))):
        lines += ["", sentence]
    if "spend" in report:
        lines += ["", *spend_lines(report["spend"], report["pairs"])]
    lines += ["", *report["warnings"], _last_line(report)]
    return "\n".join(lines)


def savings(of: Sampling) -> str | None:
    """What an adaptive n saved against the fixed one; None before there are solutions."""
    if not of.questions or not of.fixed_tokens:
        return None
    n = of.fixed_samples // of.questions
    share = f"{of.tokens / of.fixed_tokens:.0%} of the solver's tokens ({of.tokens:,} of about {of.fixed_tokens:,})"
    return f"Adaptive n: {of.samples / of.questions:.2f} solutions a question instead of {n}, for {share}."


def spend_lines(spend: list[dict[str, Any]], pairs: int) -> list[str]:
    """What the models with a price cost, by stage and together."""
    lines = [_SPEND]
    for row in spend:
        tokens = f"{row['tokens_in']:>13,}{row['tokens_out']:>13,}"
        lines.append(f"{row['stage']:<14}{row['requests']:>9,}{tokens}{row['cost_usd']:>12.4f}")
    total = sum(row["cost_usd"] for row in spend)
    per = f", ${1000 * total / pairs:.4f} for 1,000 pairs" if pairs else ""
    return [*lines, f"Paid models cost ${total:.4f}{per}."]


def _last_line(report: dict[str, Any]) -> str:
    parts = [f"{report['pairs']} pairs"]
    if report["seconds"]:
        parts.append(f"{report['seconds']:.1f} s")
    if report["first_pair_s"] is not None:
        parts.append(f"the first pair after {report['first_pair_s']:.1f} s")
    if report["errors"]:
        parts.append(f"{report['errors']} failed attempts recorded")
    return f"Run {report['run_id']}: " + ", ".join(parts) + "."
