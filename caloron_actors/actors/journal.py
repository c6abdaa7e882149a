"""Owns the service's only connection to its journal; everybody else sends whole transactions as values."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import datetime

from caloron_actors.domain.ids import EffectKey, SprintId
from caloron_actors.domain.sprint.state import Sprint, SprintHead, SprintPlan
from caloron_actors.domain.task import Task
from caloron_actors.ports.errors import PortError
from caloron_actors.ports.journal import Entry, Journal, OpenIntent
from caloron_actors.runtime import Actor, Ask, Ctx, Exit

OpenJournal = Callable[[], AbstractAsyncContextManager[Journal]]


class JournalActor(Actor[OpenJournal, None]):
    """Opens the journal at its start and closes it at its end.

    A port's refusal is an answer to the asker, not a crash; trouble with the storage itself is the asker's to retry.
    """

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self.journal: Journal

    async def init(self, ctx: Ctx["JournalActor"], arg: OpenJournal, restored: None) -> None:
        """Open the storage; a file that cannot be trusted fails the start."""
        self.journal = await self._stack.enter_async_context(arg())

    async def terminate(self, reason: Exit) -> None:
        """Close the storage."""
        await self._stack.aclose()


class Create(Ask["JournalActor", PortError | None], frozen=True):
    """Store a new sprint. Answers None, or why it was not stored."""

    plan: SprintPlan
    head: SprintHead
    tasks: tuple[Task, ...]

    async def run(self, actor: JournalActor, ctx: Ctx[JournalActor]) -> PortError | None:
        """Pass it on."""
        try:
            await actor.journal.create(self.plan, self.head, self.tasks)
        except PortError as error:
            return error
        return None


class Commit(Ask["JournalActor", PortError | None], frozen=True):
    """Make one entry durable. Answers None when it is, or why it is not (or may not be)."""

    entry: Entry

    async def run(self, actor: JournalActor, ctx: Ctx[JournalActor]) -> PortError | None:
        """Pass it on."""
        try:
            await actor.journal.commit(self.entry)
        except PortError as error:
            return error
        return None


class Claim(Ask["JournalActor", bool | PortError], frozen=True):
    """Claim an open intent. Answers whether it is still wanted."""

    sprint: SprintId
    key: EffectKey

    async def run(self, actor: JournalActor, ctx: Ctx[JournalActor]) -> bool | PortError:
        """Pass it on."""
        try:
            return await actor.journal.claim(self.sprint, self.key)
        except PortError as error:
            return error


class Postpone(Ask["JournalActor", PortError | None], frozen=True):
    """Put a claimed intent back until `due`."""

    sprint: SprintId
    key: EffectKey
    due: datetime
    error: str

    async def run(self, actor: JournalActor, ctx: Ctx[JournalActor]) -> PortError | None:
        """Pass it on."""
        try:
            await actor.journal.postpone(self.sprint, self.key, self.due, self.error)
        except PortError as error:
            return error
        return None


class Load(Ask["JournalActor", Sprint | None], frozen=True):
    """Read a sprint back."""

    sprint: SprintId

    async def run(self, actor: JournalActor, ctx: Ctx[JournalActor]) -> Sprint | None:
        """Pass it on; storage that cannot be read crashes the journal, which is what it is."""
        return await actor.journal.load(self.sprint)


class Stored(Ask["JournalActor", tuple[SprintHead, ...]], frozen=True):
    """The heads of all stored sprints."""

    async def run(self, actor: JournalActor, ctx: Ctx[JournalActor]) -> tuple[SprintHead, ...]:
        """Pass it on."""
        return tuple(await actor.journal.sprints())


class OpenIntents(Ask["JournalActor", tuple[OpenIntent, ...]], frozen=True):
    """The open intents of a sprint."""

    sprint: SprintId

    async def run(self, actor: JournalActor, ctx: Ctx[JournalActor]) -> tuple[OpenIntent, ...]:
        """Pass it on."""
        return tuple(await actor.journal.open_intents(self.sprint))


class Ping(Ask["JournalActor", bool], frozen=True):
    """Does the journal still answer?"""

    async def run(self, actor: JournalActor, ctx: Ctx[JournalActor]) -> bool:
        """Answer from the storage's own thread."""
        await actor.journal.sprints()
        return True


__all__ = [
    "Claim",
    "Commit",
    "Create",
    "JournalActor",
    "Load",
    "OpenIntents",
    "OpenJournal",
    "Ping",
    "Postpone",
    "Stored",
]
