"""Rows of a data set of the Hugging Face hub, streamed."""

from pathlib import Path
from typing import Any

from engine.data.rows import BATCH, HUB, Rows, first_line
from store.errors import InputError


def read(given: str, flag: str) -> Rows:
    """``hf:NAME[:CONFIG][@SPLIT]``, or ``@REVISION`` where no split has that name; NAME may be a folder.

    Without a split it is ``train``, or the only one. InputError, whose field is ``flag``, for what cannot be loaded.
    """
    try:
        import datasets
    except ImportError:
        problem, remedy = "needs the package datasets", "pip install -e '.[train]', or give a file"
        raise InputError(flag, given, problem, remedy) from None
    name, _, part = given.removeprefix(HUB).partition("@")
    name, _, config = name.partition(":")
    try:
        rows = _split(datasets, name, config or None, part, flag, given)
        number = 0
        for table in rows.with_format("arrow").iter(BATCH):
            for row in table.to_pylist():
                number += 1
                yield number, row
    except InputError:
        raise
    except Exception as error:
        problem = f"cannot be loaded ({first_line(error)})"
        raise InputError(flag, given, problem, "check the name, the split and the network") from error


def _split(datasets: Any, name: str, config: str | None, part: str, flag: str, given: str) -> Any:
    if part:
        try:
            return datasets.load_dataset(name, config, split=part, streaming=True)
        except ValueError:  # no split of that name
            if Path(name).is_dir():
                raise
    splits = datasets.load_dataset(name, config, revision=part or None, streaming=True)
    if "train" not in splits and len(splits) > 1:
        raise InputError(flag, given, f"has the splits {', '.join(splits)}", "choose one with hf:NAME@SPLIT")
    return splits["train"] if "train" in splits else next(iter(splits.values()))
