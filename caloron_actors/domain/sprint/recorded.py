"""What a journal tells of one event: the event itself for as long as it is kept, and for ever what came of it."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from caloron_actors.domain.effects import Intent
from caloron_actors.domain.events import Event, SprintEvent
from caloron_actors.domain.ids import EffectKey, TaskId
from caloron_actors.domain.instant import Now
from caloron_actors.domain.marker import one_line
from caloron_actors.domain.sprint.state import Outcome, SprintHead
from caloron_actors.domain.task import Status, Task

REASON_LIMIT = 200
"""Characters of a task's reason that a result keeps; the row has all of it."""


class Moved(msgspec.Struct, frozen=True, omit_defaults=True):
    """A task's row changed, and this is where the task stood afterwards."""

    task: TaskId
    status: Status
    reason: str | None = None


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came of an event, in names: enough to explain it without the `step` that was in force.

    `task`: whom the event was about. `outcome`: the sprint's, where it had ended by then.
    """

    task: TaskId | None = None
    moved: tuple[Moved, ...] = ()
    promised: tuple[EffectKey, ...] = ()
    withdrawn: tuple[EffectKey, ...] = ()
    outcome: Outcome | None = None


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """One journalled event. `event` is None once it was compacted; `kind`, the name of its class, stays."""

    seq: int
    at: Now
    kind: str
    event: Event | None
    refusal: str | None = None
    settled: EffectKey | None = None
    result: Result = Result()

    @property
    def wall(self) -> datetime:
        """When it was taken, for people."""
        return self.at.wall


def result_of(
    event: Event,
    head: SprintHead,
    changed: Sequence[Task] = (),
    intents: Sequence[Intent] = (),
    withdrawn: Sequence[EffectKey] = (),
) -> Result:
    """What came of an event that led to `head`."""
    return Result(
        task=None if isinstance(event, SprintEvent) else event.task,
        moved=tuple(
            Moved(task.id, task.status, None if task.reason is None else one_line(task.reason, REASON_LIMIT))
            for task in changed
        ),
        promised=tuple(intent.key for intent in intents),
        withdrawn=tuple(withdrawn),
        outcome=head.outcome,
    )
