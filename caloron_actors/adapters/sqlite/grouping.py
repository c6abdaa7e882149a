"""Group commit: writes that wait at the same time share one durable transaction, each in a savepoint of its own."""

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from typing import Generic, TypeVar

import anyio

from caloron_actors.adapters.sqlite.connection import Hops
from caloron_actors.adapters.sqlite.trouble import is_damage, translated
from caloron_actors.ports.errors import Unavailable

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
GROUP_LIMIT = 256


class Write(Generic[T_co]):
    """One write on its way. Its fields are set in the connection's thread and read after the hop."""

    def __init__(self, job: Callable[[sqlite3.Connection], T_co]) -> None:
        self._job = job
        self._results: list[T_co] = []
        self.error: Exception | None = None
        self.committing = False
        self.over = False

    def attempt(self, connection: sqlite3.Connection) -> None:
        """Do the job inside the open transaction; what it raises undoes this job alone."""
        connection.execute("SAVEPOINT job")
        try:
            self._results.append(self._job(connection))
        except Exception as error:
            if is_damage(error):
                raise
            self.error = error
            if not connection.in_transaction:
                raise  # SQLite has undone the whole transaction (disk full, I/O error)
            connection.execute("ROLLBACK TO job")
        connection.execute("RELEASE job")

    def result(self) -> T_co:
        """What the job gave, once it is durable."""
        return self._results[0]


class GroupCommit:
    """Takes writes one by one and makes them durable together."""

    def __init__(self, hops: Hops) -> None:
        self._hops = hops
        self._turn = anyio.Lock(fast_acquire=True)
        self._waiting: list[Write[object]] = []
        self.afterwards: Callable[[], None] = lambda: None
        """Called after each group that was committed."""

    async def write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run `job` in a durable transaction. Once asked for it is done, also when the caller is cancelled.

        Raises the port's errors, and whatever else `job` raises; then nothing of the job was written.
        """
        write = Write(job)
        with anyio.CancelScope(shield=True):
            self._waiting.append(write)
            async with self._turn:
                while not write.over:
                    await self._write_group()
        if isinstance(write.error, sqlite3.Error):
            raise translated(self._hops.path, write.error, committing=write.committing) from write.error
        if write.error is not None:
            raise write.error
        return write.result()

    async def _write_group(self) -> None:
        group, self._waiting = self._waiting[:GROUP_LIMIT], self._waiting[GROUP_LIMIT:]
        try:
            await self._hops.run(partial(transact, group))
            self.afterwards()
        except BaseException as error:
            lost = (
                error
                if isinstance(error, Exception)
                else Unavailable("the writer was stopped", ambiguous=True)
            )
            for write in group:
                write.error = write.error or lost
            if lost is not error:
                raise
        finally:
            for write in group:
                write.over = True


def transact(group: Sequence[Write[object]], connection: sqlite3.Connection) -> None:
    """Attempt every write of the group and commit. A failure of the whole is noted on every write; damage is raised."""
    committing = False
    try:
        connection.execute("BEGIN IMMEDIATE")
        for write in group:
            write.attempt(connection)
        committing = True
        connection.execute("COMMIT")
    except Exception as error:
        if is_damage(error):
            raise
        for write in group:
            write.error = write.error or error
            write.committing = committing
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
