"""Which bundled profiles have run with their real models, where and when, as ``assets/real_runs.toml`` records it."""

import tomllib
from datetime import date

from engine.config.profiles import profile_names
from engine.config.validation import validate, validated_dataclass
from engine.paths import ASSETS

_FILE = ASSETS / "real_runs.toml"


@validated_dataclass
class RealRun:
    """A whole run of a profile with the models that it names, on ``machine``."""

    date: date
    machine: str

    def __str__(self) -> str:
        return f"{self.machine}, {self.date:%Y-%m-%d}"


def real_runs(profile: str) -> tuple[RealRun, ...]:
    """The recorded runs of a bundled profile, newest first; empty where it has never run with its real models."""
    return tuple(validate(RealRun, one, f"{_FILE.name} {profile}") for one in _recorded().get(profile, ()))


def summary() -> str:
    """What README and manual say, in two sentences."""
    names = profile_names()
    ran = [f"`{name}` ({runs[0]})" for name in names if (runs := real_runs(name))]
    never = [f"`{name}`" for name in names if not real_runs(name)]
    sentences = [f"Run with their real models so far: {', '.join(ran)}."] if ran else []
    return " ".join([*sentences, *([f"Not yet: {', '.join(never)}."] if never else [])])


def _recorded() -> dict[str, list[dict[str, object]]]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))
