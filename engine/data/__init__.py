"""Reading data files: one reader for imports, trainings and benchmarks."""
