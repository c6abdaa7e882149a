"""The journal port in memory: the contract of the durable one without a file. It forgets all at its end."""

from datetime import datetime
from typing import Literal

import anyio.lowlevel
import msgspec

from caloron_actors.domain.effects import Intent
from caloron_actors.domain.ids import EffectKey, SprintId
from caloron_actors.domain.sprint.state import Sprint, SprintHead, SprintPlan
from caloron_actors.domain.task import Task
from caloron_actors.ports.errors import NotFound, Rejected
from caloron_actors.ports.journal import Entry, OpenIntent, Recorded


class _Promise(msgspec.Struct):
    """An intent's row. `unwanted`: withdrawn while it was claimed."""

    intent: Intent
    sprint: SprintId
    since: datetime
    state: Literal["waiting", "claimed", "settled", "withdrawn"] = "waiting"
    tries: int = 0
    due: datetime | None = None
    error: str | None = None
    unwanted: bool = False

    @property
    def open(self) -> bool:
        return self.state in {"waiting", "claimed"}

    def told(self) -> OpenIntent | None:
        match self.state:
            case "waiting" | "claimed" as state:
                return OpenIntent(
                    intent=self.intent, state=state, tries=self.tries, since=self.since, due=self.due
                )
            case _:
                return None


class MemoryJournal:
    """Implements `ports.journal.Journal` in memory."""

    def __init__(self) -> None:
        self._sprints: dict[SprintId, Sprint] = {}
        self._promises: dict[EffectKey, _Promise] = {}
        self._events: dict[SprintId, list[Recorded]] = {}
        self._copies = 0

    async def create(self, plan: SprintPlan, head: SprintHead, tasks: tuple[Task, ...]) -> None:
        """Store a new sprint."""
        await anyio.lowlevel.checkpoint()
        if head.seq != 0:
            raise Rejected(f"sprint {head.id} is new, so its number of commits is 0, not {head.seq}")
        if head.id in self._sprints:
            raise Rejected(f"sprint {head.id} is stored already")
        rows = {task.id: task for task in tasks}
        if len(rows) != len(tasks):
            raise Rejected(f"sprint {head.id} has two tasks of one id")
        self._sprints[head.id] = Sprint(plan=plan, head=head, tasks=rows)
        self._events[head.id] = []

    async def commit(self, entry: Entry) -> None:
        """Write an entry, or raise and write nothing of it."""
        await anyio.lowlevel.checkpoint()
        sprint = self._checked(entry)
        tasks = sprint.tasks | {task.id: task for task in entry.changed}
        self._sprints[entry.head.id] = Sprint(plan=sprint.plan, head=entry.head, tasks=tasks)
        self._events[entry.head.id].append(entry.recorded())
        if entry.settled is not None:
            self._promises[entry.settled].state = "settled"
        for intent in entry.intents:
            self._promises[intent.key] = _Promise(intent, entry.head.id, entry.at.wall)
        for key in entry.withdrawn:
            self._withdraw(entry.head.id, key)

    def _checked(self, entry: Entry) -> Sprint:
        """The stored sprint, when all of `entry` can be written."""
        head = entry.head
        sprint = self._sprints.get(head.id)
        if sprint is None:
            raise NotFound(f"sprint {head.id} is not stored")
        if head.seq != sprint.head.seq + 1:
            raise Rejected(f"sprint {head.id} stands at {sprint.head.seq}, so {head.seq} cannot follow")
        if strangers := [task.id for task in entry.changed if task.id not in sprint.tasks]:
            raise Rejected(f"sprint {head.id} has no task {strangers[0]}")
        if entry.settled is not None and not self._is_open(head.id, entry.settled):
            raise Rejected(f"intent {entry.settled} is not open")
        keys = [intent.key for intent in entry.intents]
        if doubled := [key for key in keys if key in self._promises or keys.count(key) > 1]:
            raise Rejected(f"intent {doubled[0]} is stored already")
        return sprint

    def _is_open(self, sprint: SprintId, key: EffectKey) -> bool:
        promise = self._promises.get(key)
        return promise is not None and promise.sprint == sprint and promise.open

    def _withdraw(self, sprint: SprintId, key: EffectKey) -> None:
        if self._is_open(sprint, key):
            promise = self._promises[key]
            promise.unwanted = True
            if promise.state == "waiting":
                promise.state = "withdrawn"

    def _promise(self, sprint: SprintId, key: EffectKey) -> _Promise:
        promise = self._promises.get(key)
        if promise is None or promise.sprint != sprint:
            raise NotFound(f"sprint {sprint} has no intent {key}")
        return promise

    async def claim(self, sprint: SprintId, key: EffectKey) -> bool:
        """Mark an open intent as being done now. Raises `NotFound` for a key that was never promised."""
        await anyio.lowlevel.checkpoint()
        promise = self._promise(sprint, key)
        if promise.open and promise.unwanted:
            promise.state = "withdrawn"
        if not promise.open:
            return False
        promise.state = "claimed"
        promise.tries += 1
        return True

    async def postpone(self, sprint: SprintId, key: EffectKey, due: datetime, error: str) -> None:
        """Put a claimed intent back to wait; one that was withdrawn while it was claimed is then gone."""
        await anyio.lowlevel.checkpoint()
        promise = self._promise(sprint, key)
        if promise.open:
            promise.state = "withdrawn" if promise.unwanted else "waiting"
            promise.due = due
            promise.error = error

    def copy(self) -> "MemoryJournal":
        """A backup of it."""
        made = MemoryJournal()
        made._sprints = dict(self._sprints)
        made._promises = {key: msgspec.structs.replace(promise) for key, promise in self._promises.items()}
        made._events = {sprint: list(events) for sprint, events in self._events.items()}
        made._copies = self._copies + 1
        return made

    async def copies(self) -> int:
        """How many backups in a row this journal has come through."""
        await anyio.lowlevel.checkpoint()
        return self._copies

    async def sprints(self) -> list[SprintHead]:
        """The heads of all stored sprints, oldest first."""
        await anyio.lowlevel.checkpoint()
        return [sprint.head for sprint in self._sprints.values()]

    async def load(self, sprint: SprintId) -> Sprint | None:
        """A whole sprint as of its last commit."""
        await anyio.lowlevel.checkpoint()
        found = self._sprints.get(sprint)
        return None if found is None else Sprint(plan=found.plan, head=found.head, tasks=dict(found.tasks))

    async def open_intents(self, sprint: SprintId) -> list[OpenIntent]:
        """The open intents of a sprint in the order they were promised."""
        await anyio.lowlevel.checkpoint()
        told = [promise.told() for promise in self._promises.values() if promise.sprint == sprint]
        return [intent for intent in told if intent is not None]

    async def history(self, sprint: SprintId, after: int = 0, limit: int = 1000) -> list[Recorded]:
        """The journalled events above `after`, in order."""
        await anyio.lowlevel.checkpoint()
        return [event for event in self._events.get(sprint, []) if event.seq > after][:limit]
