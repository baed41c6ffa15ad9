"""``pipeline``: what the pipeline costs, as the median of five runs of each side, taken in turns."""

from __future__ import annotations

from statistics import median

from benchmarks import overhead, throughput

ROUNDS = 5
GOALS = {
    "throughput_ratio": "the same model calls without a pipeline take this share of its time; goal >= 0.95",
    "cpu_ms_per_row_stage": "models that answer at once, rows written; goal <= 0.15",
    "cpu_ms_engine_only": "rows thrown away, the model-free stages' own work taken off; goal <= 0.03",
    "first_pair_share": "time to the first pair over the whole run of 200 questions; goal <= 0.05",
    "scoring_speedup": "batched over one row at a time; goal >= 1.0 on a CPU",
}


def measure() -> dict[str, float]:
    """The figures by name. InputError where the nano models are missing."""
    found: dict[str, list[float]] = {key: [] for key in GOALS}
    with throughput.opened() as bench:
        for _ in range(ROUNDS):
            outcome = bench.pipeline()
            found["throughput_ratio"].append(bench.stage_by_stage() / outcome.seconds)
            first = outcome.first_pair if outcome.first_pair is not None else outcome.seconds
            found["first_pair_share"].append(first / outcome.seconds)
            found["scoring_speedup"].append(bench.scoring_speedup())
            found["cpu_ms_per_row_stage"].append(overhead.durable())
            found["cpu_ms_engine_only"].append(overhead.engine_only())
    return {key: median(values) for key, values in found.items()}
