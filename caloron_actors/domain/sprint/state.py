"""A running sprint as a value: its head row and its tasks' rows."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

import msgspec

from caloron_actors.domain.dag import Dag
from caloron_actors.domain.effects import Intent
from caloron_actors.domain.events import Limits
from caloron_actors.domain.ids import EffectKey, SprintId, TaskId
from caloron_actors.domain.instant import Age, Now
from caloron_actors.domain.sprint.index import Index
from caloron_actors.domain.task import Task

Outcome = Literal["succeeded", "partial", "cancelled", "expired"]
"""How a sprint ended. `blocked` and `interrupted` are reported too, but are not ends."""


class SprintPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What never changes once a sprint has started. `source`: the absolute path of the operator's repository."""

    dag: Dag
    source: str
    repository: str
    base_branch: str


class SprintHead(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a sprint that is no task's. `seq` counts its commits. `ending`: it is being wound down.

    `restored`: how many backups in a row it has come through; then an effect may have been done that is not known of.
    """

    id: SprintId
    seq: int
    age: Age
    limits: Limits
    author_login: str = ""
    suspended: str | None = None
    ending: Literal["cancelled", "expired"] | None = None
    outcome: Outcome | None = None
    ended_at: timedelta | None = None
    refused: int = 0
    restored: int = 0

    def refusing(self, now: Now) -> "SprintHead":
        """The head after a refusal that has to be journalled: it is counted, and the time has passed."""
        return msgspec.structs.replace(self, seq=self.seq + 1, age=self.age.at(now), refused=self.refused + 1)


@dataclass(frozen=True, kw_only=True)
class Sprint:
    """A whole sprint. Only its actor holds one. `index` is derived from the rest and made when it is not given."""

    plan: SprintPlan
    head: SprintHead
    tasks: dict[TaskId, Task]
    index: Index | None = field(default=None, compare=False, repr=False)

    @classmethod
    def new(cls, plan: SprintPlan, now: Now, limits: Limits) -> "Sprint":
        """A sprint that nothing has happened to yet."""
        head = SprintHead(id=plan.dag.id, seq=0, age=Age.born(now), limits=limits)
        return cls(plan=plan, head=head, tasks={task.id: Task(id=task.id) for task in plan.dag.tasks})


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What an event leads to: the sprint after it, the rows that changed, new intents, intents no longer wanted."""

    sprint: Sprint
    changed: tuple[Task, ...] = ()
    intents: tuple[Intent, ...] = ()
    withdrawn: tuple[EffectKey, ...] = ()
    idle: bool = False
    """Whether nothing but the clock has moved: such a step need not be journalled, as long as the next journalled one
    leads to the same age without it. The first step after a reboot is never idle."""


class Refused(msgspec.Struct, frozen=True):
    """The event does not fit the sprint's state. Nothing changes; the refusal is counted."""

    reason: str
