"""The rows of an export for validation: whole clusters of duplicates, chosen by a stable hash.

A cluster is a connected component of questions that are equal in their letters and digits (this covers the duplicate
stage's notion) or joined by a label ``near_duplicate``, also through questions that are not exported. Its hash is the
smallest of its exported texts' hashes and does not depend on ids.
"""

from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from store.database.arrow import registered
from store.database.views import narrowed
from store.export.rows import Array, Selected, key_blocks

_HASH = r"md5_number_lower(regexp_replace(lower(query), '[^\p{L}\p{N}]+', '', 'g'))"
# Texts without letters and digits are compared as they are.
_TEXT = f"CASE WHEN regexp_matches(query, '[\\p{{L}}\\p{{N}}]') THEN {_HASH} ELSE md5_number_lower(query) END"


def held_out(cursor: duckdb.DuckDBPyConnection, selected: Selected, share: float) -> Array:
    """The keys of about this share of the selected rows, ascending."""
    q, texts = selected.q, _texts(cursor, selected)
    nodes, text_at = np.unique(texts, return_inverse=True)
    # Questions that are not exported are nodes too, without a text.
    one, other = _near(cursor)
    keys = np.unique(np.concatenate([one, other]))
    place = np.searchsorted(keys, q)
    exported = np.zeros(len(q), bool) if not len(keys) else keys[np.minimum(place, len(keys) - 1)] == q
    size = len(nodes) + len(keys)
    left = np.concatenate([text_at[exported], len(nodes) + np.searchsorted(keys, one)])
    right = np.concatenate([len(nodes) + place[exported], len(nodes) + np.searchsorted(keys, other)])
    hashes = nodes[_components(size, left, right)[text_at]]
    keys_held_out: Array = q[_uniform(hashes) < share]
    return keys_held_out


def _texts(cursor: duckdb.DuckDBPyConnection, selected: Selected) -> Array:
    """A hash of each selected row's question."""
    found = [np.zeros(0, np.uint64)]
    for keys in key_blocks(cursor, selected):
        low, high = keys["q"][0].as_py(), keys["q"][-1].as_py()
        view = narrowed("items", "{}.q IN (SELECT q FROM keys WHERE edited)")
        query = f"""
            SELECT q, {_TEXT} AS text FROM (
                SELECT k.q, t.text AS query FROM keys k JOIN question_text t ON t.q = k.q
                WHERE NOT k.edited AND t.q BETWEEN {low:d} AND {high:d}
                UNION ALL SELECT q, query FROM ({view})) ORDER BY q"""
        with registered(cursor, keys=keys):
            texts: Any = cursor.sql(query).to_arrow_table()
        found.append(texts["text"].to_numpy())
    return np.concatenate(found)


def _near(cursor: duckdb.DuckDBPyConnection) -> tuple[Array, Array]:
    """The keys of both questions of each label ``near_duplicate``."""
    query = r"""
        SELECT l.q AS one, n.number * 4294967296 + CAST(regexp_extract(l.value, '([0-9]+)$', 1) AS BIGINT) AS other
        FROM label_rows l JOIN run_numbers n ON n.run_id = regexp_replace(l.value, '-[0-9]+$', '')
        WHERE l.key = 'near_duplicate'"""
    table: Any = cursor.sql(query).to_arrow_table()
    return table["one"].cast(pa.int64()).to_numpy(), table["other"].cast(pa.int64()).to_numpy()


def _components(size: int, left: Array, right: Array) -> Array:
    """The smallest node in each node's connected component."""
    root = np.arange(size)
    while True:
        low = np.minimum(root[left], root[right])
        new = root.copy()
        for side in (left, right):
            np.minimum.at(new, side, low)
            np.minimum.at(new, root[side], low)
        new = new[new]
        if (new == root).all():
            return root
        root = new


def _uniform(hashes: Array) -> Array:
    """Uniform numbers in [0, 1): hashes are mixed again, because the minimum of several is small."""
    mixed = hashes * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(32)
    mixed *= np.uint64(0xD6E8FEB86659FD93)
    mixed ^= mixed >> np.uint64(32)
    return (mixed >> np.uint64(11)) / float(1 << 53)
