"""The journal port on one SQLite file: every write is a whole, durable transaction."""

import sqlite3
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio.to_thread

from caloron_actors.adapters.sqlite import reading, writing
from caloron_actors.adapters.sqlite.compaction import Compaction
from caloron_actors.adapters.sqlite.connection import Hops
from caloron_actors.adapters.sqlite.files import migrations, prepare
from caloron_actors.adapters.sqlite.grouping import GroupCommit
from caloron_actors.adapters.sqlite.trouble import translated
from caloron_actors.domain.ids import EffectKey, SprintId
from caloron_actors.domain.sprint.state import Sprint, SprintHead, SprintPlan
from caloron_actors.domain.task import Task
from caloron_actors.ports.clock import WallClock
from caloron_actors.ports.journal import Entry, OpenIntent, Recorded

T = TypeVar("T")
UNNAMED = "unnamed"
"""The version of a `step` nobody has named: of one that only reads, or of a test."""


class SqliteJournal:
    """Implements `ports.journal.Journal`. Get one with `open`; the file has this one owner.

    After an ambiguous `Unavailable` the owner must load a sprint again before it goes on with it.
    """

    def __init__(self, hops: Hops, wall: WallClock, step_version: str = UNNAMED) -> None:
        self._hops = hops
        self._wall = wall
        self._version = step_version
        self._writes = GroupCommit(hops)

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        path: Path,
        *,
        wall: WallClock,
        step_version: str = UNNAMED,
        scripts: Sequence[str] | None = None,
    ) -> AsyncGenerator["SqliteJournal", None]:
        """Check, create or migrate the file at `path`, and close it at the end.

        `step_version` names the `step` whose events will be written. Raises `StateUnusable`, with the file's bytes as
        they were, when it is damaged, newer or not ours, and `Unavailable` on I/O trouble. `scripts` are the schema's
        migrations, by default the present ones.
        """
        steps = migrations() if scripts is None else tuple(scripts)
        await anyio.to_thread.run_sync(prepare, path, steps)
        async with Hops.open(path) as hops:
            journal = cls(hops, wall, step_version)
            journal._writes.afterwards = Compaction(hops).look
            yield journal

    async def create(self, plan: SprintPlan, head: SprintHead, tasks: tuple[Task, ...]) -> None:
        """Store a new sprint."""
        rows = writing.NewSprint.encode(plan, head, tasks, self._wall.now().wall)
        await self._writes.write(partial(rows.write, version=self._version))

    async def commit(self, entry: Entry) -> None:
        """Write an entry, or raise and write nothing of it."""
        await self._writes.write(partial(writing.NewEntry.encode(entry).write, version=self._version))

    async def claim(self, sprint: SprintId, key: EffectKey) -> bool:
        """Mark an open intent as being done now. Raises `NotFound` for a key that was never promised."""
        wall = self._wall.now().wall.isoformat()
        return await self._writes.write(partial(writing.claim, sprint=sprint, key=key, wall=wall))

    async def postpone(self, sprint: SprintId, key: EffectKey, due: datetime, error: str) -> None:
        """Put a claimed intent back to wait; one that was withdrawn while it was claimed is then gone."""
        text = error.encode(errors="replace").decode()
        await self._writes.write(
            partial(writing.postpone, sprint=sprint, key=key, due=due.isoformat(), error=text)
        )

    async def copies(self) -> int:
        """How many backups in a row this file has come through."""
        return await self._read(reading.copies)

    async def sprints(self) -> list[SprintHead]:
        """The heads of all stored sprints, oldest first."""
        return await self._read(partial(reading.heads, self._hops.path))

    async def load(self, sprint: SprintId) -> Sprint | None:
        """A whole sprint as of its last commit."""
        return await self._read(partial(reading.load, self._hops.path, sprint))

    async def open_intents(self, sprint: SprintId) -> list[OpenIntent]:
        """The open intents of a sprint in the order they were promised."""
        return await self._read(partial(reading.open_intents, self._hops.path, sprint))

    async def history(self, sprint: SprintId, after: int = 0, limit: int = 1000) -> list[Recorded]:
        """The journalled events above `after`, in order."""
        return await self._read(partial(reading.history, self._hops.path, sprint, after, limit))

    async def _read(self, read: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return await self._hops.run(read)
        except sqlite3.Error as error:
            raise translated(self._hops.path, error) from error
