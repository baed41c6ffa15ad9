"""Whole workspaces: merge, attach, snapshot, backup, restore."""
