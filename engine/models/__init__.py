"""Backends: one file each, all answering the contract in ``base``."""
