"""Bring your own data: files and data sets of any usual kind become a run of kind ``import``."""
