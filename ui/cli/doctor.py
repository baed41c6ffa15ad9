"""``scalequest doctor``: what this machine can run, whether a workspace is sound, how to serve a profile on GPUs."""

import json
import sys
from argparse import Namespace
from dataclasses import asdict

from ui.cli import terminal
from ui.cli.options import BAD_INPUT, DONE


def doctor(options: Namespace) -> int:
    from engine import doctor as engine_doctor
    from store.transfer import backup

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


def _expected(options: Namespace) -> int:
    from engine.config.profiles import load_profile
    from engine.models.expected import expected
    from engine.models.roofline import CARDS
    from store.errors import InputError

    profile, found, refused = load_profile(options.profile), [], {}
    for card in CARDS:
        try:
            found += [expected(profile, card, cards) for cards in (1, 2, 4, 8)]
        except InputError as error:
            refused[card.name] = str(error)
    if options.json:
        print(json.dumps({"expected": [asdict(one) for one in found], "refused": refused}))
    else:
        print(terminal.expected(profile.name, found, refused))
    return DONE


def _servers(options: Namespace) -> int:
    from engine.config.profiles import load_profile
    from engine.models.launch_commands import servers
    from engine.training import registered_models

    folder = registered_models.folder(options.workspace) if options.workspace is not None else None
    made = servers(load_profile(options.profile, folder), options.gpus, int(options.gpu_memory * 2**30))
    print(json.dumps([asdict(server) for server in made]) if options.json else terminal.launch(made))
    return DONE
