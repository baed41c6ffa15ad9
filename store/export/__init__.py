"""Exports: which rows, in which format, split how, written to which files."""
