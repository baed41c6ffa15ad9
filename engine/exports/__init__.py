"""Datasets out of a workspace: files that other tools load unchanged, and that can be made again to the byte."""
