"""Comparison of two generators: statistics of a run's stored rows with 95 % intervals."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.config.profiles import Profile, Role
from engine.config.run_config import RunConfig
from engine.pipeline.live import settings
from engine.training.curriculum import read
from store.database import resume, run_queries
from store.database.workspace import Workspace
from store.statistics import Z95, effective_number, wilson


@dataclass(frozen=True, slots=True)
class Figure:
    """A share or a mean with its 95 % interval; ``of``: how many values it is taken over."""

    value: float
    low: float
    high: float
    of: int


@dataclass(frozen=True, slots=True)
class GeneratorStats:
    """Statistics of a generator over a run's decided questions; None where there are no values.

    ``valid``: share that the judge kept. ``kept``: share that became pairs. ``difficulty``: mean predicted fail rate of
    the valid questions. ``topics``: effective number of topics among pairs (exp of the entropy); ``kinds``: of the nano
    curriculum's kinds among valid questions, of which ``read`` were recognised. ``tokens_per_pair``: all tokens of
    generator, judge and solver.
    """

    run_id: str
    questions: int
    pairs: int
    valid: Figure
    kept: Figure
    difficulty: Figure | None
    topics: float | None
    kinds: float | None
    read: int
    tokens_per_pair: float | None


def comparable_generators(profile: Profile) -> dict[str, Role]:
    """The generators that can be compared, by name: the profile's; each one before QPO where its model folder has a
    sibling with the suffix ``-qft``; and the model of each adapter without it, with the suffix ``-base``."""
    found = {}
    for role in profile.generators:
        found[role.name] = role
        if role.adapter:
            name = f"{role.name}-base"
            found.setdefault(name, replace(role, name=name, adapter=""))
        before = role.path and role.path.with_name(f"{role.path.name}-qft")
        if before and before.is_dir():
            name = f"{role.name}-qft"
            found.setdefault(name, replace(role, name=name, model=f"{role.model.rstrip('/')}-qft"))
    return found


def run_config_for(profile: Profile, generator: Role, questions: int, seed: int) -> RunConfig:
    """The config of a run with this generator alone and the profile's other settings."""
    return settings(replace(profile, generators=(generator,)), questions=questions, seed=seed)


def generator_stats(workspace: Workspace, run_id: str) -> GeneratorStats:
    """The statistics of a run. InputError for an unknown one."""
    workspace.run(run_id)
    with workspace.cursor() as cursor:
        decided = resume.decided(cursor, run_id)
        rates = run_queries.scores(cursor, run_id, "difficulty")
        valid_texts = run_queries.kept_texts(cursor, run_id, "solvability")
        topics = run_queries.pair_topics(cursor, run_id)
        tokens = sum(cost.tokens for cost in run_queries.costs(cursor, run_id))
    valid, pairs = decided.kept.get("solvability", 0), decided.kept.get("pair", 0)
    kinds = Counter(found.kind.name for text in valid_texts if (found := read(text)).status == "ok" and found.kind)
    return GeneratorStats(
        run_id,
        decided.count,
        pairs,
        share(valid, decided.count),
        share(pairs, decided.count),
        mean(rates),
        effective_number(topics.values()),
        effective_number(kinds.values()),
        sum(kinds.values()),
        tokens / pairs if pairs else None,
    )


def share(hits: int, of: int) -> Figure:
    """A share with Wilson's interval, which is [0, 1] where ``of`` is 0."""
    return Figure(hits / of if of else 0.0, *wilson(hits, of), of)


def mean(values: Sequence[float]) -> Figure | None:
    """A mean with the interval of its standard error; None for fewer than two values."""
    n = len(values)
    if n < 2:
        return None
    value = sum(values) / n
    width = Z95 * math.sqrt(sum((x - value) ** 2 for x in values) / (n - 1) / n)
    return Figure(value, value - width, value + width, n)


def difference(first: Figure, second: Figure) -> Figure:
    """``second`` minus ``first``, with Newcombe's interval, which combines the two intervals' arms."""
    value = second.value - first.value
    low = value - math.hypot(second.value - second.low, first.high - first.value)
    high = value + math.hypot(second.high - second.value, first.value - first.low)
    return Figure(value, low, high, min(first.of, second.of))
