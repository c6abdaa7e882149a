"""The service's memory: one durable transaction for each event, and the intents that are still open."""

from datetime import datetime
from typing import Literal, Protocol

import msgspec

from caloron_actors.domain.effects import Intent
from caloron_actors.domain.events import Event
from caloron_actors.domain.ids import EffectKey, SprintId
from caloron_actors.domain.instant import Now
from caloron_actors.domain.sprint.recorded import Recorded, Result, result_of
from caloron_actors.domain.sprint.state import Sprint, SprintHead, SprintPlan
from caloron_actors.domain.task import Task


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One transaction: an event and all that follows from it.

    `head.seq` must be one more than the stored one, else nothing is written and `Rejected` is raised.
    `settled` is the intent whose outcome `event` is. `refusal` is set when `step` refused the event (an outcome is
    settled all the same, and a refusal changes no row).
    """

    at: Now
    event: Event
    head: SprintHead
    changed: tuple[Task, ...] = ()
    intents: tuple[Intent, ...] = ()
    withdrawn: tuple[EffectKey, ...] = ()
    settled: EffectKey | None = None
    refusal: str | None = None

    def result(self) -> Result:
        """What is kept of the entry for good."""
        return result_of(self.event, self.head, self.changed, self.intents, self.withdrawn)

    def recorded(self) -> Recorded:
        """The entry as it is read back."""
        return Recorded(
            seq=self.head.seq,
            at=self.at,
            kind=type(self.event).__name__,
            event=self.event,
            refusal=self.refusal,
            settled=self.settled,
            result=self.result(),
        )


class OpenIntent(msgspec.Struct, frozen=True, kw_only=True):
    """An intent that is neither settled nor withdrawn. `tries` counts the times it was claimed, over all restarts."""

    intent: Intent
    state: Literal["waiting", "claimed"]
    tries: int
    since: datetime
    due: datetime | None = None


class Journal(Protocol):
    """Durable storage with one owner. Every write has reached the disk when the call returns.

    Raises `StateUnusable` when the file cannot be trusted and `Unavailable` on I/O trouble (`ambiguous` when a commit
    may have happened all the same).
    """

    async def create(self, plan: SprintPlan, head: SprintHead, tasks: tuple[Task, ...]) -> None:
        """Store a new sprint with `head.seq` 0. Raises `Rejected` when one of that id is stored."""
        ...

    async def commit(self, entry: Entry) -> None: ...

    async def copies(self) -> int:
        """How many backups in a row this journal has come through; a sprint's `head.restored` tells how many of them
        it has been reconciled with."""
        ...

    async def sprints(self) -> list[SprintHead]:
        """The heads of all stored sprints, oldest first."""
        ...

    async def load(self, sprint: SprintId) -> Sprint | None: ...

    async def open_intents(self, sprint: SprintId) -> list[OpenIntent]:
        """The open intents of a sprint in the order they were promised."""
        ...

    async def claim(self, sprint: SprintId, key: EffectKey) -> bool:
        """Mark an open intent as being done now, and count the try. False when it was withdrawn or settled."""
        ...

    async def postpone(self, sprint: SprintId, key: EffectKey, due: datetime, error: str) -> None:
        """Put a claimed intent back to wait until `due`."""
        ...

    async def history(self, sprint: SprintId, after: int = 0, limit: int = 1000) -> list[Recorded]:
        """The journalled events with a sequence number above `after`, in order."""
        ...


__all__ = ["Entry", "Journal", "OpenIntent", "Recorded", "Result"]
