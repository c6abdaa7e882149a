"""A running sprint as a value: its head row and its tasks' rows."""

from datetime import timedelta
from typing import Literal

import msgspec

from caloron_actors.domain.dag import Dag
from caloron_actors.domain.effects import Intent
from caloron_actors.domain.events import Limits
from caloron_actors.domain.ids import EffectKey, SprintId, TaskId
from caloron_actors.domain.instant import Age
from caloron_actors.domain.task import Task

Outcome = Literal["succeeded", "partial", "cancelled", "expired"]
"""How a sprint ended. `blocked` and `interrupted` are reported too, but are not ends."""


class SprintPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What never changes once a sprint has started."""

    dag: Dag
    repository: str
    base_branch: str


class SprintHead(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a sprint that is no task's. `seq` counts its commits; `born` is its age when it first started: zero."""

    id: SprintId
    seq: int
    age: Age
    limits: Limits
    author_login: str = ""
    suspended: str | None = None
    cancelled_by: str | None = None
    outcome: Outcome | None = None
    ended_at: timedelta | None = None
    events: int = 0
    refused: int = 0
    repairs: int = 0


class Sprint(msgspec.Struct, frozen=True, kw_only=True):
    """A whole sprint. Only its actor holds one."""

    plan: SprintPlan
    head: SprintHead
    tasks: dict[TaskId, Task]


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What an event leads to: the sprint after it, the rows that changed, new intents, intents no longer wanted."""

    sprint: Sprint
    changed: tuple[Task, ...] = ()
    intents: tuple[Intent, ...] = ()
    withdrawn: tuple[EffectKey, ...] = ()


class Refused(msgspec.Struct, frozen=True):
    """The event does not fit the sprint's state. Nothing changes; the refusal is counted."""

    reason: str
