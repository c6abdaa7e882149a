"""A typed cursor over a parsed file: takes values out of tables and notes every wrong one with its place.

A value that is wrong is noted and reads as absent, so that reading always goes on to the next one.
"""

import math
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import TypeVar
from unicodedata import category

import msgspec

from caloron_actors.domain.dag.duration import DURATION_RULE, parse_duration
from caloron_actors.domain.dag.findings import Findings, join, shown
from caloron_actors.domain.dag.source import as_array, as_table

LIST_LIMIT = 5_000
"""Tasks (or agents) of one plan."""

_LARGEST = 10**15
_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "true or false"),
    (int, "a whole number"),
    (float, "a number"),
    (str, "text"),
    (list, "an array"),
    (dict, "a table"),
    ((datetime, date, time), "a date or time"),
)
_Kind = TypeVar("_Kind", bool, int, str)


class Mention(msgspec.Struct, frozen=True):
    """A name as a file gives it, and where."""

    text: str
    place: str


class Mentions(msgspec.Struct, frozen=True):
    """Several names given at one place. `whole` is false when some of them could not be read."""

    names: tuple[Mention, ...]
    place: str
    whole: bool = True


class Table:
    """One table of a file. `about` names the thing the table describes, for messages (`task core`).

    `fields` None stands for a table that is missing or something else, which has been noted already.
    """

    def __init__(
        self, fields: Mapping[str, object] | None, place: str, findings: Findings, about: str = ""
    ) -> None:
        self._absent = fields is None
        self._fields = fields or {}
        self._asked: set[str] = set()
        self._findings = findings
        self.place = place
        self.about = about

    def at(self, key: str) -> str:
        """The place of a key of this table."""
        return join(self.place, key)

    def has(self, key: str) -> bool:
        """Whether the key is given; a JSON null counts as not given."""
        return self._fields.get(key) is not None

    def given(self, key: str) -> bool:
        """Whether the key holds anything but null and empty text, where a format writes both for "none"."""
        return self._fields.get(key) not in (None, "")

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key of the table, in the file's order."""
        return tuple(self._fields)

    def refuse(self, place: str, message: str) -> None:
        """Note a mistake in what this table describes."""
        self._findings.add(place, f"{self.about}: {message}" if self.about else message)

    def word(self, key: str, *, needed: str = "") -> Mention | None:
        """A name, checked by whoever knows its rule. `needed` says what is missing when it is not given."""
        text = self._take(key, str)
        if text is None and needed and not self._absent and not self.has(key):
            self.refuse(self.at(key), f"is missing; {needed}")
        return None if text is None else Mention(text, self.at(key))

    def line(self, key: str, *, needed: str = "") -> str | None:
        """Text on one line: not empty, no control characters."""
        mention = self.word(key, needed=needed)
        return mention.text if mention and self._printable(mention.text, mention.place) else None

    def text(self, key: str) -> str | None:
        """Text of any number of lines that every forge and file can hold: no NUL, no half of a surrogate pair."""
        text = self._take(key, str)
        if text is None or not any(char == "\0" or category(char) == "Cs" for char in text):
            return text
        self.refuse(self.at(key), "holds a NUL character or half of a surrogate pair; remove it")
        return None

    def flag(self, key: str) -> bool | None:
        """True or false."""
        return self._take(key, bool)

    def whole(self, key: str, *, least: int) -> int | None:
        """A whole number, `least` or more."""
        number = self._take(key, int)
        if number is None or least <= number <= _LARGEST:
            return number
        self.refuse(self.at(key), f"must be {least} or more, and at most {_LARGEST:,}")
        return None

    def number(self, key: str) -> float | None:
        """A number greater than 0, whole or not."""
        self._asked.add(key)
        value = self._fields.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.refuse(self.at(key), f"must be a number, but is {_kind(value)}")
        elif not math.isfinite(value) or not 0 < value <= _LARGEST:
            self.refuse(self.at(key), f"must be greater than 0, and at most {_LARGEST:,}")
        else:
            return float(value)
        return None

    def duration(self, key: str) -> timedelta | None:
        """A length of time written as `DURATION_RULE` says."""
        text = self._take(key, str)
        length = None if text is None else parse_duration(text)
        if text is not None and length is None:
            self.refuse(self.at(key), f"{shown(text)} is not {DURATION_RULE}")
        return length

    def moment(self, key: str) -> str | None:
        """A date and time, as ISO 8601 text; TOML's own date-times are taken too. Kept as it is written."""
        value = self._fields.get(key)
        if isinstance(value, datetime):
            self._asked.add(key)
            return value.isoformat()
        text = self._take(key, str)
        if text is None:
            return None
        try:
            datetime.fromisoformat(text)
        except ValueError:
            self.refuse(self.at(key), f"{shown(text)} is no date and time such as 2026-05-04T09:00:00Z")
            return None
        return text

    def words(self, key: str, *, or_one: bool = False) -> Mentions:
        """Names in an array; with `or_one` a single text counts as an array of it. Names are checked elsewhere."""
        self._asked.add(key)
        value = self._fields.get(key)
        place = self.at(key)
        if value is None:
            return Mentions((), place)
        if or_one and isinstance(value, str):
            return Mentions((Mention(value, place),), place)
        items = as_array(value)
        if items is None:
            wanted = "text or an array of texts" if or_one else "an array of texts"
            self.refuse(place, f"must be {wanted}, but is {_kind(value)}")
            return Mentions((), place, whole=False)
        names: list[Mention] = []
        for index, item in enumerate(items):
            if isinstance(item, str):
                names.append(Mention(item, f"{place}[{index}]"))
            else:
                self.refuse(f"{place}[{index}]", f"must be text, but is {_kind(item)}")
        return Mentions(tuple(names), place, whole=len(names) == len(items))

    def lines(self, key: str) -> tuple[str, ...]:
        """Texts of one line each, in an array."""
        names = self.words(key).names
        return tuple(name.text for name in names if self._printable(name.text, name.place))

    def table(self, key: str, *, needed: str = "") -> "Table":
        """The table at `key`; an empty one where it is not given."""
        self._asked.add(key)
        value = self._fields.get(key)
        if value is None:
            if needed:
                self.refuse(self.at(key), f"is missing; {needed}")
            return Table(None, self.at(key), self._findings, self.about)
        return self.inner(value, self.at(key), self.about)

    def tables(self, key: str, *, needed: str) -> list["Table"]:
        """The tables of the array at `key`, which must hold one at least and `LIST_LIMIT` at most."""
        self._asked.add(key)
        value = self._fields.get(key)
        items = as_array(value)
        if value is None:
            self.refuse(self.at(key), f"is missing; {needed}")
        elif items is None:
            self.refuse(self.at(key), f"must be an array of tables, but is {_kind(value)}")
        elif not items:
            self.refuse(self.at(key), f"is empty; {needed}")
        elif self.few_enough(len(items), self.at(key)):
            return [self.inner(item, f"{self.at(key)}[{index}]", "") for index, item in enumerate(items)]
        return []

    def few_enough(self, count: int, place: str) -> bool:
        """Whether a plan may have so many tasks or agents (`LIST_LIMIT`); too many are noted."""
        if count > LIST_LIMIT:
            self.refuse(place, f"has {count:,} entries, at most {LIST_LIMIT:,} are read; split the sprint")
        return count <= LIST_LIMIT

    def inner(self, value: object, place: str, about: str) -> "Table":
        """A table inside this one; an empty one, noted, where `value` is something else."""
        fields = as_table(value)
        if fields is None:
            self.refuse(place, f"must be a table, but is {_kind(value)}")
        return Table(fields, place, self._findings, about)

    def refuse_unknown(self) -> None:
        """Note each key that nobody has asked for."""
        known = sorted(self._asked)
        for key in (key for key in self._fields if key not in self._asked):
            self.refuse(self.at(key), f"unknown key{self._findings.near(key, known)}")

    def _take(self, key: str, kind: type[_Kind]) -> _Kind | None:
        self._asked.add(key)
        value = self._fields.get(key)
        if value is None:
            return None
        if isinstance(value, kind) and isinstance(value, bool) == issubclass(kind, bool):
            return value
        wanted = next(name for known, name in _KINDS if known is kind)
        self.refuse(self.at(key), f"must be {wanted}, but is {_kind(value)}")
        return None

    def _printable(self, text: str, place: str) -> bool:
        if not text.strip():
            self.refuse(place, "is empty; give it some text or leave it out")
        elif any(category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in text):
            self.refuse(place, f"{shown(text)} holds a line break or another control character; remove it")
        else:
            return True
        return False


def _kind(value: object) -> str:
    return next((name for known, name in _KINDS if isinstance(value, known)), "null")
