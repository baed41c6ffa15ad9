"""``scalequest check``: judges a stage of a stored run again."""

from argparse import Namespace

from ui.cli.job import run_or_follow


def check(options: Namespace) -> int:
    from engine.job_requests import CheckRequest

    request = CheckRequest(
        run_id=options.run_id,
        stage=options.stage,
        benchmarks=tuple(options.benchmark or ()),
        profile=options.profile,
        drop=options.drop,
        n=options.n,
        by=options.by,
        threshold=options.threshold,
    )
    request.check_input(options.workspace)
    return run_or_follow(options, request)
