"""Old segments of the journal made small: results stay, the events themselves and what their effects said go."""

import sqlite3
from contextlib import suppress

from caloron_actors.adapters.sqlite.connection import Hops

KEPT_SEGMENTS = 1
"""Closed segments of a sprint that stay whole beside the one in use: what led to the last upgrade can be read in full."""
BATCH = 200
"""Events compacted in one transaction: a few milliseconds, for which a commit may have to wait."""
LOOK_EVERY = 1000
"""Groups of writes after which old segments are looked for again. The first look comes after the first group."""

OLDEST = """
SELECT old.sprint, old.ordinal, old.first_seq, next.first_seq FROM segments old
JOIN segments next ON next.sprint = old.sprint AND next.ordinal = old.ordinal + 1
WHERE old.compacted = 0 AND old.version <> ''
AND EXISTS (SELECT 1 FROM segments WHERE sprint = old.sprint AND ordinal = old.ordinal + 1 + ?) LIMIT 1
"""
EVENTS = """
SELECT seq FROM events WHERE sprint = ? AND seq >= ? AND seq < ? AND body IS NOT NULL ORDER BY seq LIMIT ?
"""
DROP_EFFECTS = """
UPDATE intents SET body = NULL, error = NULL
WHERE state IN ('settled', 'withdrawn') AND key IN (
    SELECT promised.value FROM events, json_each(events.result, '$.promised') promised
    WHERE events.sprint = ? AND events.seq BETWEEN ? AND ?
)
"""
DROP_EVENTS = "UPDATE events SET body = NULL WHERE sprint = ? AND seq BETWEEN ? AND ?"
DROP_SNAPSHOT = "UPDATE segments SET compacted = 1, snapshot = NULL WHERE sprint = ? AND ordinal = ?"


class Compaction:
    """Compacts in the journal's thread between its writes, one batch after each group until nothing is left to do.

    So no commit ever waits for more than one batch, and a service that writes nothing does nothing. Segments of the
    first schema stay whole: they have no results to be explained from.
    """

    def __init__(self, hops: Hops) -> None:
        self._hops = hops
        self._rest = 0

    def look(self) -> None:
        """A group was written: have a batch compacted where it is time."""
        if self._rest > 0:
            self._rest -= 1
            return
        self._rest = LOOK_EVERY
        self._hops.later(self._batch)

    def _batch(self, connection: sqlite3.Connection) -> None:
        with suppress(sqlite3.Error):  # it is tried again; what is wrong with the disk, the next commit tells
            if compact(connection):
                self._rest = 0


def compact(connection: sqlite3.Connection, batch: int = BATCH) -> bool:
    """Compact one batch in a transaction of its own. False when nothing was left to do."""
    found: tuple[str, int, int, int] | None = connection.execute(OLDEST, (KEPT_SEGMENTS,)).fetchone()
    if found is None:
        return False
    sprint, ordinal, first, end = found
    connection.execute("BEGIN IMMEDIATE")
    try:
        numbers = [seq for (seq,) in connection.execute(EVENTS, (sprint, first, end, batch))]
        if numbers:
            part = (sprint, numbers[0], numbers[-1])
            connection.execute(DROP_EFFECTS, part)
            connection.execute(DROP_EVENTS, part)
        if len(numbers) < batch:
            connection.execute(DROP_SNAPSHOT, (sprint, ordinal))
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    return True
