"""Owns the forge's one SQLite connection: whole transactions as functions, each durable when it returns.

Nothing else opens forge.db; what the transactions say is decided in `rows`.
"""

import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import aiosqlite
import anyio

from caloron_actors.ports.errors import StateBusy, StateUnusable

SCHEMA = Path(__file__).with_name("schema.sql")
VERSION = 1

Value = TypeVar("Value")


class OneHop(aiosqlite.Connection):
    """The connection, and the one place that leans on private parts of aiosqlite (version pinned, tested in test_setup)."""

    async def hop(self, act: Callable[[sqlite3.Connection], Value]) -> Value:
        """Run `act` in the connection's thread: aiosqlite has no public call for a whole function."""
        result: Value = await self._execute(lambda: act(self._conn))  # type: ignore[no-untyped-call]
        return result


class Store:
    """Runs transactions one after the other, each in one hop to the connection's own thread."""

    def __init__(self, connection: OneHop) -> None:
        self._connection = connection

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path) -> AsyncGenerator["Store", None]:
        """Open or create the file and hold it alone. Raises `StateUnusable` (corrupt, newer) or `StateBusy`."""
        connection = OneHop(
            lambda: sqlite3.connect(path, isolation_level=None, timeout=2.0), iter_chunk_size=64
        )
        with anyio.CancelScope(shield=True):
            # A connection whose opening is cancelled would never be closed, and its thread never end.
            await connection
        try:
            store = cls(connection)
            await store._hop(lambda db: _prepare(db, path))
            yield store
        finally:
            with anyio.CancelScope(shield=True):
                await connection.close()

    async def read(self, act: Callable[[sqlite3.Connection], Value]) -> Value:
        """Run `act`, which only reads, on one consistent state."""
        return await self._hop(lambda db: _within("BEGIN", db, act))

    async def write(self, act: Callable[[sqlite3.Connection], Value]) -> Value:
        """Run `act` as one durable transaction; when it raises, nothing of it stays.

        Once begun it is carried through, cancelled or not: afterwards the caller knows nothing less than before.
        """
        return await self._hop(lambda db: _within("BEGIN IMMEDIATE", db, act))

    async def _hop(self, act: Callable[[sqlite3.Connection], Value]) -> Value:
        results: list[Value] = []
        with anyio.CancelScope(shield=True):
            results.append(await self._connection.hop(act))
        return results[0]


def _within(begin: str, db: sqlite3.Connection, act: Callable[[sqlite3.Connection], Value]) -> Value:
    db.execute(begin)
    try:
        result = act(db)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    return result


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    try:
        # Exclusive before WAL: then no second process can open the file, and no shared memory file is needed.
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        _check(db, path)
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise StateBusy(f"{path} is in use by another process") from error
        raise StateUnusable(f"{path} cannot be used: {error}") from error
    except sqlite3.DatabaseError as error:
        raise StateUnusable(f"{path} is damaged: {error}") from error


def _check(db: sqlite3.Connection, path: Path) -> None:
    (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise StateUnusable(f"{path} is damaged: {found}")
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise StateUnusable(
            f"{path} was written by a newer version (schema {version}, this one knows {VERSION})"
        )
    (tables,) = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if version == 0 and tables:
        raise StateUnusable(f"{path} is not a forge's database")
    if version == 0:
        # One transaction: a process killed here leaves an empty file, which is prepared again.
        db.executescript(f"BEGIN IMMEDIATE;\n{SCHEMA.read_text()}\nPRAGMA user_version = {VERSION};\nCOMMIT;")
