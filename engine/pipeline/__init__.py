"""The streaming pipeline, and the runs (batch and live) that drive it."""
