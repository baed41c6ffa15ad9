"""Duplicates: the signature of a text, and hash tables in NumPy arrays that find signatures again."""
