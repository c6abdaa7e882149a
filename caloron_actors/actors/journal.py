"""Owns the service's only connection to its journal; everybody else sends whole transactions as values.

No order is waited for here: each is carried out beside the mailbox and answered by a receipt, so that writes of several
sprints share the storage's group commits.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import anyio

from caloron_actors.actors.degraded import Degraded
from caloron_actors.actors.receipts import Pause, Receipt
from caloron_actors.actors.waiting import pauses
from caloron_actors.domain.ids import EffectKey, SprintId
from caloron_actors.domain.sprint.state import Sprint, SprintHead, SprintPlan
from caloron_actors.domain.task import Task
from caloron_actors.ports.errors import PortError, StateUnusable, Unavailable, may_pass
from caloron_actors.ports.journal import Entry, Journal, OpenIntent
from caloron_actors.runtime import Actor, Ask, Ctx, Exit, MailboxPolicy, Tell

T = TypeVar("T")
OpenJournal = Callable[[], AbstractAsyncContextManager[Journal]]


@dataclass(frozen=True, kw_only=True)
class JournalArg:
    """What the journal needs. `failed` is told of what no waiting cures: the service has to end."""

    open: OpenJournal
    pause: Pause
    failed: Callable[[PortError], None]


class JournalActor(Actor[JournalArg, None]):
    """Opens the journal at its start and closes it at its end, where every receipt that is open still fails.

    A port's refusal is the order's end, never a crash. Storage that is in trouble for now makes the journal `degraded`,
    which is logged once, until an order of that kind goes well again; whoever gave the order repeats it.
    """

    mailbox = MailboxPolicy(capacity=100_000, overflow="reject")

    def __init__(self) -> None:
        self.arg: JournalArg
        self.journal: Journal
        self.degraded = Degraded()
        self._closing = False
        self._writes: dict[Receipt[Any], SprintId] = {}
        self._stack = AsyncExitStack()

    async def init(self, ctx: Ctx["JournalActor"], arg: JournalArg, restored: None) -> None:
        """Open the storage. At the service's start trouble is a failure; later it is waited for."""
        self.arg = arg
        waits = pauses()
        while True:
            try:
                self.journal = await self._stack.enter_async_context(arg.open())
            except PortError as error:
                if ctx.incarnation == 1 or not may_pass(error):
                    arg.failed(error)
                    await anyio.sleep_forever()
                self.degraded.trouble(str(error), writes=True)
                await arg.pause(next(waits))
            else:
                self.degraded.well(writes=True)
                return

    async def terminate(self, reason: Exit) -> None:
        """Fail what is still open, and close the storage."""
        for receipt in list(self._writes):
            receipt.fail(_ended())
        await self._stack.aclose()

    def write(
        self, ctx: Ctx["JournalActor"], sprint: SprintId, work: Callable[[], Awaitable[T]]
    ) -> Receipt[T]:
        """Carry out a write. The storage takes writes in the order in which they come here."""
        receipt: Receipt[T] = Receipt()
        if self._closing:
            receipt.fail(Unavailable("the service is stopping", ambiguous=False))
            return receipt
        self._writes[receipt] = sprint

        async def carry_out() -> None:
            try:
                await self._carry_out(receipt, work, writes=True)
            finally:
                del self._writes[receipt]

        ctx.spawn(carry_out, _unless_well)
        return receipt

    def read(
        self,
        ctx: Ctx["JournalActor"],
        work: Callable[[], Awaitable[T]],
        after: Sequence[Receipt[Any]] = (),
    ) -> Receipt[T]:
        """Carry out a read, once the writes `after` which it comes have ended."""
        receipt: Receipt[T] = Receipt()

        async def carry_out() -> None:
            try:
                for write in after:
                    await write.ended()
                await self._carry_out(receipt, work, writes=False)
            finally:
                receipt.fail(_ended())

        ctx.spawn(carry_out, _unless_well)
        return receipt

    def writes(self, sprint: SprintId) -> list[Receipt[Any]]:
        """A sprint's writes that are under way: whoever reads it must see them."""
        return [write for write, of in self._writes.items() if of == sprint]

    def close(self, ctx: Ctx["JournalActor"]) -> Receipt[None]:
        """Take no more writes, and tell when those under way have ended."""
        self._closing = True

        async def nothing() -> None:
            pass

        return self.read(ctx, nothing, after=list(self._writes))

    async def _carry_out(
        self, receipt: Receipt[T], work: Callable[[], Awaitable[T]], *, writes: bool
    ) -> None:
        try:
            value = await work()
        except PortError as error:
            self._trouble(error, writes=writes)
            receipt.fail(error)
        else:
            self.degraded.well(writes=writes)
            receipt.give(value)
        finally:
            receipt.fail(_ended())

    def _trouble(self, error: PortError, *, writes: bool) -> None:
        if isinstance(error, StateUnusable):
            self.arg.failed(error)
        elif isinstance(error, Unavailable):
            self.degraded.trouble(str(error), writes=writes)


def _ended() -> Unavailable:
    return Unavailable("the journal has ended before it could answer", ambiguous=True)


def _unless_well(result: object) -> "Broken | None":
    return Broken(result) if isinstance(result, Exception) else None


class Broken(Tell["JournalActor"], frozen=True):
    """An order has met a bug."""

    error: Exception

    async def run(self, actor: JournalActor, ctx: Ctx[JournalActor]) -> None:
        """Crash."""
        raise self.error


class Create(Ask["JournalActor", Receipt[None]], frozen=True):
    """Store a new sprint."""

    plan: SprintPlan
    head: SprintHead
    tasks: tuple[Task, ...]

    async def run(self, actor: JournalActor, ctx: Ctx[JournalActor]) -> Receipt[None]:
        """Take it."""
        return actor.write(ctx, self.head.id, lambda: actor.journal.create(self.plan, self.head, self.tasks))


class Commit(Ask["JournalActor", Receipt[None]], frozen=True):
    """Make one entry durable."""

    entry: Entry

    async def run(self, actor: JournalActor, ctx: Ctx[JournalActor]) -> Receipt[None]:
        """Take it."""
        return actor.write(ctx, self.entry.head.id, lambda: actor.journal.commit(self.entry))


class Claim(Ask["JournalActor", Receipt[bool]], frozen=True):
    """Claim an open intent. Gives whether it is still wanted."""

    sprint: SprintId
    key: EffectKey

    async def run(self, actor: JournalActor, ctx: Ctx[JournalActor]) -> Receipt[bool]:
        """Take it."""
        return actor.write(ctx, self.sprint, lambda: actor.journal.claim(self.sprint, self.key))


class Postpone(Ask["JournalActor", Receipt[None]], frozen=True):
    """Put a claimed intent back until `due`."""

    sprint: SprintId
    key: EffectKey
    due: datetime
    error: str

    async def run(self, actor: JournalActor, ctx: Ctx[JournalActor]) -> Receipt[None]:
        """Take it."""
        return actor.write(
            ctx, self.sprint, lambda: actor.journal.postpone(self.sprint, self.key, self.due, self.error)
        )


class Load(Ask["JournalActor", Receipt[Sprint | None]], frozen=True):
    """Read a sprint back."""

    sprint: SprintId

    async def run(self, actor: JournalActor, ctx: Ctx[JournalActor]) -> Receipt[Sprint | None]:
        """Take it."""
        return actor.read(ctx, lambda: actor.journal.load(self.sprint), after=actor.writes(self.sprint))


class Stored(Ask["JournalActor", Receipt[list[SprintHead]]], frozen=True):
    """The heads of all stored sprints."""

    async def run(self, actor: JournalActor, ctx: Ctx[JournalActor]) -> Receipt[list[SprintHead]]:
        """Take it."""
        return actor.read(ctx, actor.journal.sprints)


class OpenIntents(Ask["JournalActor", Receipt[list[OpenIntent]]], frozen=True):
    """The open intents of a sprint."""

    sprint: SprintId

    async def run(self, actor: JournalActor, ctx: Ctx[JournalActor]) -> Receipt[list[OpenIntent]]:
        """Take it."""
        return actor.read(
            ctx, lambda: actor.journal.open_intents(self.sprint), after=actor.writes(self.sprint)
        )


class Ping(Ask["JournalActor", Receipt[str | None]], frozen=True):
    """Does the storage still answer? Gives None, or why the journal is degraded."""

    async def run(self, actor: JournalActor, ctx: Ctx[JournalActor]) -> Receipt[str | None]:
        """Ask the storage, unless its trouble is known: it may be waiting for somebody else's lock just now."""
        if actor.degraded.cannot_write:
            told: Receipt[str | None] = Receipt()
            told.give(actor.degraded.reason)
            return told

        async def ping() -> str | None:
            await actor.journal.sprints()
            return None

        return actor.read(ctx, ping)


class Trouble(Ask["JournalActor", str | None], frozen=True):
    """Why the journal is degraded, as far as it knows; None when it is well."""

    async def run(self, actor: JournalActor, ctx: Ctx[JournalActor]) -> str | None:
        """Answer at once."""
        return actor.degraded.reason


class Close(Ask["JournalActor", Receipt[None]], frozen=True):
    """Take no more writes: the service is stopping. Its receipt tells that nothing is under way any more."""

    async def run(self, actor: JournalActor, ctx: Ctx[JournalActor]) -> Receipt[None]:
        """Take it."""
        return actor.close(ctx)


__all__ = [
    "Claim",
    "Close",
    "Commit",
    "Create",
    "JournalActor",
    "JournalArg",
    "Load",
    "OpenIntents",
    "OpenJournal",
    "Ping",
    "Postpone",
    "Stored",
    "Trouble",
]
