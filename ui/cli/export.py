"""``scalequest export``: writes rows of a filter as files that other tools load, or verifies an earlier export."""

from argparse import Namespace
from pathlib import Path

from store.errors import InputError
from ui.cli.job import run_or_follow
from ui.cli.options import read_filter


def export(options: Namespace) -> int:
    from engine.exports.plan import LICENSE, Plan
    from engine.job_requests import ExportRequest

    if options.verify is not None:
        return _verify(options)
    for flag, value in (("--format", options.format), ("--out", options.out)):
        if value is None:
            raise InputError(flag, "", "is missing", "write e.g. --format jsonl --out my-data, or --verify MANIFEST")
    plan = Plan(
        options.format,
        read_filter(options.filter),
        options.full,
        options.validation,
        options.same_answers,
        options.license or LICENSE,
        options.reasoning,
        options.all_samples,
        options.trainer,
        options.uncheckable,
    )
    request = ExportRequest(plan=plan, out=Path(options.out).expanduser().absolute())
    request.check_input(options.workspace)
    return run_or_follow(options, request)


def _verify(options: Namespace) -> int:
    from engine.job_requests import VerifyRequest

    for flag, value in (("--format", options.format), ("--out", options.out), ("--filter", options.filter)):
        if value is not None:
            raise InputError(flag, str(value), "cannot be used with --verify", "leave it out: the manifest states it")
    request = VerifyRequest(manifest=options.verify)
    request.check_input(options.workspace)
    return run_or_follow(options, request)
