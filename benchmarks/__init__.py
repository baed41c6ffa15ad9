"""Measurements of the product, each by name: ``python -m benchmarks NAME [--json]``."""
