"""Checks on request: a stage judged anew in a run that has ended, an imported one first of all."""
