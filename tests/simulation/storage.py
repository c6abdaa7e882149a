"""The service's journal in simulation: its own SQL on a database in memory, run inline at a moment of the seed's choice."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import anyio
import anyio.lowlevel

from caloron_actors.adapters.sqlite import SqliteJournal, reading
from caloron_actors.adapters.sqlite.compaction import Compaction
from caloron_actors.adapters.sqlite.connection import Hops
from caloron_actors.adapters.sqlite.files import migrations
from caloron_actors.app.replaying import replay_all
from caloron_actors.domain.ids import EffectKey, SprintId
from caloron_actors.domain.sprint.state import Sprint
from caloron_actors.ports.errors import Unavailable
from caloron_actors.ports.journal import Entry
from tests.simulation.clock import SimClock
from tests.simulation.trouble import Trouble

T = TypeVar("T")
PATH = Path("/simulated/caloron.db")
NO_ANSWER = 30.0
"""Seconds after which the connection counts as stuck."""


def trouble_of(words: str, code: int) -> sqlite3.OperationalError:
    """An error as SQLite would raise it."""
    error = sqlite3.OperationalError(words)
    error.sqlite_errorcode = code
    return error


class Disk:
    """The database file: what is committed outlives every life of the service. `promised` is what was acknowledged."""

    def __init__(self, trouble: Trouble) -> None:
        self.trouble = trouble
        self.native = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        for script in migrations():
            self.native.executescript(script)
        self.native.execute("PRAGMA foreign_keys = ON")
        self.die: Callable[[], None] = lambda: None
        self.acknowledged: list[Entry] = []
        self.commits = 0
        self.versions = ["step-1"]

    def upgrade(self) -> None:
        """Later lives are of another version."""
        self.versions.append(f"step-{len(self.versions) + 1}")

    def replayed(self) -> list[str]:
        """What folding the journal does not explain of what is stored."""
        return [
            f"replay of {report.sprint}: {line}"
            for version in self.versions
            for report in replay_all(PATH, version, self.native).sprints
            for line in report.differences
        ]

    def sprint(self, sprint: SprintId) -> Sprint | None:
        """A stored sprint, read past the service."""
        return reading.load(PATH, sprint, self.native)

    def open_keys(self, sprint: SprintId) -> list[EffectKey]:
        """Its open intents."""
        return [found.intent.key for found in reading.open_intents(PATH, sprint, self.native)]

    def close(self) -> None:
        self.native.close()


class Shaky:
    """A connection as the journal's functions use one, with faults at the statements where they really come."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._native = disk.native

    @property
    def in_transaction(self) -> bool:
        return self._native.in_transaction

    def executemany(self, sql: str, rows: Iterable[Any]) -> sqlite3.Cursor:
        return self._native.executemany(sql, rows)

    def execute(self, sql: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        """Run a statement, or fail as a bad disk lets it fail."""
        strikes = self._disk.trouble.strikes
        if sql.startswith("BEGIN") and strikes("journal_locked"):
            raise trouble_of("database is locked", sqlite3.SQLITE_BUSY)
        if sql.startswith("COMMIT"):
            return self._commit(sql)
        if sql.lstrip().startswith("INSERT INTO events") and strikes("journal_full"):
            self._native.execute("ROLLBACK")
            raise trouble_of("database or disk is full", sqlite3.SQLITE_FULL)
        if sql.startswith(("\nUPDATE", "UPDATE")) and strikes("journal_io_error"):
            raise trouble_of("disk I/O error", sqlite3.SQLITE_IOERR)
        return self._native.execute(sql, values)

    def _commit(self, sql: str) -> sqlite3.Cursor:
        disk = self._disk
        if disk.trouble.strikes("death_in_commit"):
            self._native.execute("COMMIT" if disk.commits % 2 else "ROLLBACK")
            disk.die()
            raise trouble_of("interrupted", sqlite3.SQLITE_INTERRUPT)
        if disk.trouble.strikes("commit_unknown"):
            self._native.execute("COMMIT" if disk.commits % 2 else "ROLLBACK")
            raise trouble_of("disk I/O error", sqlite3.SQLITE_IOERR)
        disk.commits += 1
        return self._native.execute(sql)


class SimHops(Hops):
    """One life's connection: one piece of work after another, each whole and in one step of the loop."""

    def __init__(self, disk: Disk) -> None:
        self.path = PATH
        self._disk = disk
        self._shaky: Any = Shaky(disk)
        self.usable = True
        self._turn = anyio.Lock()

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """See `Hops.run`: once begun it goes to its end, though nobody may wait for it any more."""
        if not self.usable:
            raise Unavailable(f"{PATH} is not open", ambiguous=False)
        trouble = self._disk.trouble
        with anyio.CancelScope(shield=True):
            async with self._turn:
                await trouble.wait(0.02)
                result = work(self._shaky)
                slow = trouble.strikes("journal_slow")
            await trouble.wait(NO_ANSWER if slow else 0.005)
        if slow:
            raise Unavailable(f"{PATH} does not answer", ambiguous=True)
        return result

    def later(self, work: Callable[[sqlite3.Connection], None]) -> None:
        """See `Hops.later`."""
        if self.usable:
            asyncio.get_running_loop().call_later(0.001, work, self._shaky)


class WatchedJournal(SqliteJournal):
    """The real journal; it tells the disk which commits its caller was told of."""

    def __init__(self, disk: Disk, clock: SimClock) -> None:
        self.hops = SimHops(disk)
        super().__init__(self.hops, clock, disk.versions[-1])
        self._disk = disk
        self._writes.afterwards = Compaction(self.hops).look

    async def commit(self, entry: Entry) -> None:
        """See the port."""
        await super().commit(entry)
        self._disk.acknowledged.append(entry)

    @classmethod
    @asynccontextmanager
    async def simulated(cls, disk: Disk, clock: SimClock) -> AsyncGenerator["WatchedJournal", None]:
        """Open the journal of one life, or of one start of its actor."""
        journal = cls(disk, clock)
        await anyio.lowlevel.checkpoint()
        try:
            yield journal
        finally:
            journal.hops.usable = False
