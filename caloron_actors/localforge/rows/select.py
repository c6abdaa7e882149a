"""Reads rows as typed structs."""

import sqlite3
from collections.abc import Sequence
from typing import TypeVar

import msgspec

Row = TypeVar("Row", bound=msgspec.Struct)
Value = str | int | None


def one(db: sqlite3.Connection, kind: type[Row], sql: str, values: Sequence[Value] = ()) -> Row | None:
    """The first row as a `kind` (an `array_like` struct whose fields are the columns), or None."""
    row = db.execute(sql, values).fetchone()
    return None if row is None else msgspec.convert(row, kind, strict=False)


def many(db: sqlite3.Connection, kind: type[Row], sql: str, values: Sequence[Value] = ()) -> list[Row]:
    """All rows as `kind`s."""
    return [msgspec.convert(row, kind, strict=False) for row in db.execute(sql, values)]


def count(db: sqlite3.Connection, sql: str, values: Sequence[Value] = ()) -> int:
    """The one number that the query gives."""
    (number,) = db.execute(sql, values).fetchone()
    return int(number)


def inserted(db: sqlite3.Connection, sql: str, values: Sequence[Value]) -> int:
    """Insert one row and give its id."""
    cursor = db.execute(sql, values)
    if cursor.lastrowid is None:
        raise sqlite3.InternalError("an insert gave no row id")
    return cursor.lastrowid


def marks(values: Sequence[object]) -> str:
    """As many `?` as there are values, for an IN list."""
    return ",".join("?" * len(values))
