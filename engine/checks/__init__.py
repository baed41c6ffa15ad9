"""Checks on request: a stage of a stored run is judged again, mostly of an imported one."""
