"""The mistakes found in one file so far, and how places, names and suggestions are worded.

Nothing from a file reaches a message raw: names are quoted, shortened, and their control characters escaped.
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches

from caloron_actors.domain.dag.plan import Mistake
from caloron_actors.domain.ids import ID_LIMIT, slug

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
_COMPARISONS = 50_000  # a file of thousands of unknown names must not cost minutes of comparing
_COMPARABLE = 80
_FEW = 12


class Findings:
    """Collects every mistake of one file, so that none hides another."""

    def __init__(self) -> None:
        self._found: list[Mistake] = []
        self._comparisons = _COMPARISONS

    def add(self, place: str, message: str) -> None:
        """Note one mistake."""
        self._found.append(Mistake(place, message))

    def near(self, word: str, known: Iterable[str]) -> str:
        """Name the known word that `word` was probably meant to be (`; did you mean 'core'?`), else the few known."""
        candidates = list(known)
        if len(word) > _COMPARABLE or len(candidates) > self._comparisons:
            return ""
        self._comparisons -= len(candidates)
        close = get_close_matches(word, candidates, n=1)
        if close:
            return f"; did you mean {shown(close[0])}?"
        few = 0 < len(candidates) <= _FEW
        return f"; known are {', '.join(shown(candidate) for candidate in candidates)}" if few else ""

    def all(self) -> tuple[Mistake, ...]:
        """Every mistake, in the order of their places; numbers in places count as numbers."""
        return tuple(sorted(self._found, key=lambda mistake: _natural(mistake.place)))


def shown(text: str, limit: int = 80) -> str:
    """Quote a name from a file for a message: shortened to `limit` characters, unprintable ones escaped."""
    return repr(text if len(text) <= limit else f"{text[:limit]}…")


def join(place: str, key: str) -> str:
    """Give the place of `key` inside the table at `place`."""
    if not _PLAIN_KEY.fullmatch(key):
        return f"{place}[{shown(key)}]"
    return f"{place}.{key}" if place else key


def counted(count: int, noun: str) -> str:
    """`1 reviewer`, `2 reviewers`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def id_fault(text: str) -> str:
    """Say what is wrong with a text that is not a valid id, and what would be a valid one near it."""
    if not text.strip():
        return "is empty; an id has 1 to 64 lower-case letters, digits, '-' and '_'"
    remedy = f"; {shown(slug(text[:1000]))} would do"
    if len(text) > ID_LIMIT:
        return f"has {len(text):,} characters, an id has at most {ID_LIMIT}{remedy}"
    if text[0] in "-_":
        return (
            f"starts with {text[0]!r} and could be taken for an option; begin with a letter or digit{remedy}"
        )
    return f"has other characters than lower-case letters, digits, '-' and '_'{remedy}"


def _natural(place: str) -> list[str | int]:
    return [int(part) if index % 2 else part for index, part in enumerate(re.split(r"([0-9]+)", place))]
