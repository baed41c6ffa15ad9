"""``scalequest doctor``: what this machine can run, whether a workspace is sound, how to serve a profile on GPUs."""

import json
import math
import sys
from argparse import Namespace
from dataclasses import asdict, replace
from pathlib import Path

from store.errors import InputError
from ui.cli import terminal
from ui.cli.options import BAD_INPUT, DONE


def doctor(options: Namespace) -> int:
    from engine import doctor as engine_doctor
    from store.transfer import backup

    if options.reproducible and options.gpus is None:
        raise InputError("--reproducible", "", "has no effect without --gpus", "give --gpus N, or use it with run")
    if options.expect:
        return _expected(options)
    if options.gpus is not None:
        return _servers(options)
    here = engine_doctor.machine()
    profiles = engine_doctor.profiles(here)
    advice = engine_doctor.advice(here)
    findings = backup.check(options.workspace) if options.workspace is not None else []
    if options.json:
        report = {"machine": asdict(here), "profiles": [asdict(p) for p in profiles], "advice": advice}
        print(json.dumps({**report, "workspace": findings} if options.workspace is not None else report))
    else:
        print(terminal.machine(here, profiles, advice))
        if options.workspace is not None and not findings:
            print(f"\nWorkspace {options.workspace}: sound.")
    for finding in findings:
        print(finding, file=sys.stderr)
    return BAD_INPUT if findings else DONE


def _profiles(options: Namespace) -> Path | None:
    """The folder of the workspace's own profiles."""
    from engine.training import registered_models

    return registered_models.folder(options.workspace) if options.workspace is not None else None


def _expected(options: Namespace) -> int:
    from engine.config.run_config import load_run_config
    from engine.models.expected import expected
    from engine.models.roofline import CARDS
    from engine.models.workload import PAIRS

    if options.gpus is not None:
        raise InputError("--expect", "", "has cards of its own", "leave out --gpus")
    config = load_run_config(options.profile, folder=_profiles(options), accepted=PAIRS)
    found, refused = [], dict[str, None]()
    for card in CARDS:
        for cards in (1, 2, 4, 8):
            try:
                found.append(expected(config, card, cards))
            except InputError as error:
                refused[f"{card.name}: {error}"] = None
    if options.json:
        print(json.dumps({"expected": [asdict(one) for one in found], "refused": [*refused]}))
    else:
        print(terminal.expected(config.profile.name, found, [*refused]))
    return DONE


def _servers(options: Namespace) -> int:
    from engine.config.profiles import load_profile
    from engine.models.assignment_report import lines
    from engine.models.launch_commands import commands, in_process, placed

    if not 0 < options.gpu_memory < math.inf:
        raise InputError("--gpu-memory", options.gpu_memory, "is not a size in GiB", "give that of one GPU, as in 80")
    profile = load_profile(options.profile, _profiles(options))
    if options.reproducible:
        profile = profile.with_roles(lambda role: replace(role, reproducible=True))
    assigned = placed(profile, options.gpus, int(options.gpu_memory * 2**30))
    made = commands(assigned)
    if options.json:
        print(json.dumps([asdict(server) for server in made]))
    else:
        print(terminal.launch(made, lines(assigned), in_process(assigned)))
    return DONE
