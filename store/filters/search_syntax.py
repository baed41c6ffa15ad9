"""The search syntax: words, phrases, prefixes, exclusions, and regular expressions.

A word is a run of letters, digits and their marks, in any case; every other character separates words. ``prime number``
finds both words anywhere, ``"prime number"`` the phrase, ``prim*`` words with this prefix, ``-prime`` texts without the
word. A term of several words (``x^2``, ``1,000``) is a phrase.

DuckDB splits both texts and searches (``SPLIT``), so that the index and SQL find the same rows.
"""

import re
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import duckdb

from store.database.duckdb_errors import first_line
from store.errors import InputError

_WORD, _GAP = r"[\pL\pN\pM]", r"[^\pL\pN\pM]"
SPLIT = (
    f"CASE WHEN strlen(text) = length(text) THEN lower(text) ELSE regexp_replace(lower(text), '{_GAP}+', ' ', 'g') END"
)
"""SQL that prepares ``text`` for SQLite's ascii tokenizer, which splits at every ASCII character except letters and
digits."""

_MOST, _LONGEST = 64, 1000
"""Terms of a search, and characters of a word or of a regular expression."""
_PLAIN = re.compile("[a-z0-9]+")
_TERM = re.compile(r'(-?)(?:"([^"]*)(?:"(\*?)|$)|([^\s"]+))')

_database_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Term:
    """Consecutive words; ``prefix``: the last one is a prefix."""

    words: tuple[str, ...]
    prefix: bool = False

    @property
    def pattern(self) -> str:
        """The regular expression that finds the term in a text in lower case; the words hold letters only."""
        return f"(?:^|{_GAP}){f'{_GAP}+'.join(self.words)}" + ("" if self.prefix else f"(?:$|{_GAP})")

    @property
    def match(self) -> str:
        """The term in FTS5 syntax."""
        return f'"{" ".join(self.words)}"' + ("*" if self.prefix else "")


@dataclass(frozen=True, slots=True)
class Words:
    """A search for words: all of ``wanted`` and none of ``unwanted``."""

    wanted: tuple[Term, ...]
    unwanted: tuple[Term, ...]


@lru_cache(maxsize=256)
def words(text: str) -> Words:
    """Parse a search; InputError if it has no word or too many. An open quote ends with the text."""
    wanted: dict[Term, None] = {}
    unwanted: dict[Term, None] = {}
    plain = text.translate({0x201C: '"', 0x201D: '"', 0x201E: '"'}).encode("utf-8", "replace").decode()
    found = list(_TERM.finditer(plain))
    split = _split([bare if quoted is None else quoted for _, quoted, _, bare in (m.groups() for m in found)])
    for term, each in zip(found, split, strict=True):
        without, _, starred, bare = term.groups()
        if any(len(word) > _LONGEST for word in each):
            raise InputError(
                "filter.words", text[:40] + "…", "contains a word of more than 1,000 characters", "shorten it"
            )
        if each:
            prefix = starred == "*" or (bare or "").endswith("*")
            (unwanted if without else wanted)[Term(tuple(each), prefix)] = None
    if not wanted and not unwanted:
        remedy = 'write letters or digits, or search for symbols by a regular expression, e.g. "regex": "\\\\$"'
        raise InputError("filter.words", text, "contains no word", remedy)
    if len(wanted) + len(unwanted) > _MOST:
        raise InputError("filter.words", text[:40] + "…", f"has more than {_MOST} words", "use fewer")
    return Words(tuple(wanted), tuple(unwanted))


def _split(texts: list[str]) -> list[list[str]]:
    """The words of each text, as ``SPLIT`` separates them."""
    if all(text.isascii() for text in texts):  # the same, without the database
        return [_PLAIN.findall(text.lower()) for text in texts]
    query = f"SELECT regexp_extract_all(lower(text), '{_WORD}+') FROM (SELECT unnest($texts) AS text)"
    return [list(found) for (found,) in _query(query, {"texts": texts})]


def sql(search: Words) -> tuple[str, list[Any]]:
    """``(condition, parameters)`` on a column ``query``."""
    found, missing = "regexp_matches(lower(query), ?)", "NOT regexp_matches(lower(query), ?)"
    parts = [found] * len(search.wanted) + [missing] * len(search.unwanted)
    return f"({' AND '.join(parts)})", [term.pattern for term in (*search.wanted, *search.unwanted)]


def match(search: Words) -> str:
    """The search in FTS5 syntax; without wanted words, a search for the unwanted ones."""
    unwanted = " OR ".join(term.match for term in search.unwanted)
    if not search.wanted:
        return unwanted
    wanted = " AND ".join(term.match for term in search.wanted)
    return f"({wanted}) NOT ({unwanted})" if unwanted else wanted


@lru_cache(maxsize=256)
def regex(pattern: str) -> str:
    """The pattern; InputError if DuckDB does not accept it (RE2: no look-around, no back-references)."""
    if len(pattern) > _LONGEST:
        raise InputError("filter.regex", pattern[:40] + "…", f"is longer than {_LONGEST:,} characters", "shorten it")
    try:
        _query("SELECT regexp_matches('', $pattern)", {"pattern": pattern})
    except (duckdb.Error, UnicodeEncodeError) as error:
        reason = first_line(error).split("Error: ")[-1]
        remedy = "put \\ before a character that is meant literally"
        raise InputError("filter.regex", pattern, f"is not a regular expression ({reason})", remedy) from error
    return pattern


def holds(condition: str, values: list[Any], texts: list[str]) -> list[bool]:
    """Whether a condition on ``query`` holds, for each of a few texts."""
    return [held for (held,) in _query(f"SELECT {condition} FROM (SELECT unnest(?) AS query)", [*values, texts])]


def matches(pattern: str, texts: list[str]) -> list[list[str]]:
    """What a regular expression finds in each of a few texts, in order."""
    query = "SELECT regexp_extract_all(text, $pattern) FROM (SELECT unnest($texts) AS text)"
    return [list(found) for (found,) in _query(query, {"pattern": pattern, "texts": texts})]


def _query(query: str, values: Any) -> list[tuple[Any, ...]]:
    with _database_lock:
        return _database().execute(query, values).fetchall()


@lru_cache(maxsize=1)
def _database() -> duckdb.DuckDBPyConnection:
    """A database without tables, used for its functions."""
    return duckdb.connect(":memory:", config={"threads": 1})
