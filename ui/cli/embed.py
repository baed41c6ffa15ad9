"""``scalequest embed``: puts questions on the map."""

from argparse import Namespace

from ui.cli.job import run_or_follow


def embed(options: Namespace) -> int:
    from engine.job_requests import EmbedRequest

    request = EmbedRequest(runs=tuple(options.run_id), profile=options.profile, rebuild=options.rebuild)
    request.check_input(options.workspace)
    return run_or_follow(options, request)
