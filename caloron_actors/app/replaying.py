"""`replay`: what the running version's `step` makes of the stored events, held against what is stored beside them."""

import sqlite3
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Literal

import msgspec

from caloron_actors.adapters.sqlite import inspection, reading
from caloron_actors.adapters.sqlite.codec import Snapshot
from caloron_actors.adapters.sqlite.reading import Segment
from caloron_actors.app import promises
from caloron_actors.app.mistakes import mistake
from caloron_actors.domain.ids import EffectKey, SprintId
from caloron_actors.domain.sprint.differences import differences
from caloron_actors.domain.sprint.recorded import Recorded, Result
from caloron_actors.domain.sprint.replay import Replayed, replay
from caloron_actors.domain.sprint.state import Sprint, SprintPlan

PAGE = 1000
Read = Callable[[Path, SprintId, int, int, sqlite3.Connection], list[Recorded]]


class SegmentReport(msgspec.Struct, frozen=True, kw_only=True):
    """A segment and whether it was replayed; one that was not can be explained from its results."""

    ordinal: int
    version: str
    first_seq: int
    last_seq: int
    state: Literal["replayed", "other_version", "compacted"]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One event as its result explains it. `at` is the wall's instant."""

    seq: int
    at: str
    kind: str
    settled: EffectKey | None
    refusal: str | None
    result: Result


class SprintReport(msgspec.Struct, frozen=True, kw_only=True):
    """One sprint. `replayed` counts the events that were folded; no differences: it stands as it was told."""

    sprint: SprintId
    segments: tuple[SegmentReport, ...]
    replayed: int
    differences: tuple[str, ...]
    events: tuple[Event, ...] | None = None


class ReplayReport(msgspec.Struct, frozen=True, kw_only=True):
    """All sprints that were looked at, by the `step` named `version`."""

    version: str
    equal: bool
    sprints: tuple[SprintReport, ...]


def replay_state(
    database: Path, version: str, only: SprintId | None = None, *, explain: bool = False
) -> ReplayReport:
    """Replay the sprints of a database, also beside a running service.

    Raises `Mistakes` when there is no sprint `only`, and `StateUnusable` for a file that cannot be read.
    """

    def work(connection: sqlite3.Connection) -> ReplayReport:
        known = [head.id for head in reading.heads(database, connection)]
        if only is not None and only not in known:
            there = ", ".join(known) or "none"
            raise mistake(f"--sprint {only}: there is no such sprint in {database} (there: {there})")
        return replay_all(database, version, connection, only, explain=explain)

    return inspection.look_at_present(database, work)


def replay_all(
    path: Path,
    version: str,
    connection: sqlite3.Connection,
    only: SprintId | None = None,
    *,
    explain: bool = False,
) -> ReplayReport:
    """The same on an open connection."""
    reports = tuple(
        _Stored(path, version, sprint, connection).report(explain=explain)
        for sprint in (head.id for head in reading.heads(path, connection))
        if only in (None, sprint)
    )
    equal = not any(report.differences for report in reports)
    return ReplayReport(version=version, equal=equal, sprints=reports)


class _Stored:
    """One stored sprint under replay."""

    def __init__(self, path: Path, version: str, sprint: SprintId, connection: sqlite3.Connection) -> None:
        self._path = path
        self._version = version
        self._connection = connection
        stored = reading.load(path, sprint, connection)
        if stored is None:
            raise mistake(f"{path}: sprint {sprint} is not stored")
        self._sprint = stored
        self._segments = reading.segments(sprint, connection)
        self._intents = {row.key: row for row in reading.intents(sprint, connection)}

    def report(self, *, explain: bool) -> SprintReport:
        """Replay what this version wrote, and compare."""
        wrong: list[str] = []
        told: list[SegmentReport] = []
        folded = 0
        events = list(self._read(reading.results, 1, self._sprint.head.seq))
        wrong += _gaps(events, self._sprint.head.seq)
        if all(segment.version for segment in self._segments):
            wrong += promises.unexplained(events, self._intents)
        for segment, last in self._with_ends():
            before = self._snapshot(segment)
            if before is not None:
                fold = replay(before, self._read(reading.history, segment.first_seq, last))
                folded += fold.events
                wrong += self._compared(fold, segment, last)
            told.append(_told(segment, last, replayed=before is not None))
        return SprintReport(
            sprint=self._sprint.head.id,
            segments=tuple(told),
            replayed=folded,
            differences=tuple(wrong),
            events=tuple(map(_explained, events)) if explain else None,
        )

    def _with_ends(self) -> Iterator[tuple[Segment, int]]:
        """Each segment with the number of its last event."""
        for segment, following in pairwise(self._segments):
            yield segment, following.first_seq - 1
        if self._segments:
            yield self._segments[-1], self._sprint.head.seq

    def _snapshot(self, segment: Segment) -> Sprint | None:
        """The sprint before a segment that this version can replay."""
        if segment.version != self._version or segment.compacted:
            return None
        found = reading.snapshot(self._path, self._sprint.head.id, segment.ordinal, self._connection)
        return None if found is None else _sprint(self._sprint.plan, found)

    def _read(self, read: Read, first: int, last: int) -> Iterator[Recorded]:
        after = first - 1
        while after < last:
            limit = min(PAGE, last - after)
            page = read(self._path, self._sprint.head.id, after, limit, self._connection)
            yield from (event for event in page if event.seq <= last)
            if not page:
                return
            after = page[-1].seq

    def _compared(self, fold: Replayed, segment: Segment, last: int) -> Iterator[str]:
        if fold.diverged is not None:
            yield f"event {fold.diverged.seq}: {fold.diverged.why}"
            return
        where, stored = "", self._sprint
        if last != self._sprint.head.seq:
            where = f"snapshot of segment {segment.ordinal + 1}: "
            found = reading.snapshot(self._path, self._sprint.head.id, segment.ordinal + 1, self._connection)
            if found is None:
                return
            stored = _sprint(self._sprint.plan, found)
        yield from (f"{where}{line}" for line in differences(fold.sprint, stored))
        yield from promises.unkept(fold, segment.first_seq, last, self._intents)


def _sprint(plan: SprintPlan, found: Snapshot) -> Sprint:
    return Sprint(plan=plan, head=found.head, tasks={task.id: task for task in found.tasks})


def _gaps(events: list[Recorded], last: int) -> Iterator[str]:
    missing = sorted(set(range(1, last + 1)) - {event.seq for event in events})
    if missing:
        yield f"events: {len(missing)} of {last} are missing, the first is {missing[0]}"


def _told(segment: Segment, last: int, *, replayed: bool) -> SegmentReport:
    return SegmentReport(
        ordinal=segment.ordinal,
        version=segment.version,
        first_seq=segment.first_seq,
        last_seq=last,
        state="replayed" if replayed else "compacted" if segment.compacted else "other_version",
    )


def _explained(event: Recorded) -> Event:
    return Event(
        seq=event.seq,
        at=event.wall.isoformat(),
        kind=event.kind,
        settled=event.settled,
        refusal=event.refusal,
        result=event.result,
    )
