"""The journal as its users see it: what the storage cannot do for now is repeated until it can."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import anyio

from caloron_actors.actors.asking import ASK_FAILURES
from caloron_actors.actors.journal import (
    Claim,
    Close,
    Commit,
    Create,
    JournalActor,
    Load,
    OpenIntents,
    Postpone,
    Trouble,
)
from caloron_actors.actors.receipts import Pause, Receipt
from caloron_actors.actors.waiting import pauses
from caloron_actors.domain.ids import EffectKey, SprintId
from caloron_actors.domain.sprint.state import Sprint, SprintHead, SprintPlan
from caloron_actors.domain.task import Task
from caloron_actors.ports.errors import Rejected, StateUnusable, Unavailable
from caloron_actors.ports.journal import Entry, OpenIntent
from caloron_actors.runtime import Ask, Ref

T = TypeVar("T")
Patient = Callable[[], AbstractContextManager[None]]

TAKEN = 60.0
"""Seconds in which the journal takes an order. It waits for nothing, so this is long."""


@dataclass(frozen=True)
class Storage:
    """The journal, and the pause between two tries.

    Every call waits for as long as the storage is unavailable, so a full disk is waited for and nothing is lost.
    `patient` is entered from the first failure on. After `StateUnusable` a call never returns: the service is ended.
    """

    journal: Ref[JournalActor]
    pause: Pause

    async def create(self, plan: SprintPlan, head: SprintHead, tasks: tuple[Task, ...]) -> None:
        """Store a new sprint. Raises `Rejected` when one of that id is stored."""
        await self._write(Create(plan, head, tasks), head, nullcontext)

    async def commit(self, entry: Entry, patient: Patient = nullcontext) -> None:
        """Make an entry durable. Raises `Rejected` when it does not follow what is stored."""
        await self._write(Commit(entry), entry.head, patient)

    async def claim(self, sprint: SprintId, key: EffectKey) -> bool:
        """Claim an open intent; False when it is no longer wanted. One that is claimed twice counts two tries."""
        return await self._repeated(lambda: self._once(Claim(sprint, key)), nullcontext)

    async def postpone(self, sprint: SprintId, key: EffectKey, due: datetime, error: str) -> None:
        """Put a claimed intent back until `due`."""
        await self._repeated(lambda: self._once(Postpone(sprint, key, due, error)), nullcontext)

    async def load(self, sprint: SprintId) -> Sprint | None:
        """Read a sprint back."""
        return await self.read(Load(sprint))

    async def open_intents(self, sprint: SprintId) -> tuple[OpenIntent, ...]:
        """The open intents of a sprint, in the order they were promised."""
        found = await self.read(OpenIntents(sprint))
        return tuple(found)

    async def read(self, order: Ask[JournalActor, Receipt[T]]) -> T:
        """Read whatever it is."""
        return await self._repeated(lambda: self._once(order), nullcontext)

    async def trouble(self) -> str | None:
        """Why the journal is degraded just now, as far as it knows; None when it is well. Raises ASK_FAILURES."""
        return await self.journal.ask(Trouble(), timeout=TAKEN)

    async def close(self) -> None:
        """Take no more writes, and wait for the end of those under way; at once when there is no journal."""
        with suppress(*ASK_FAILURES):
            await (await self.journal.ask(Close(), timeout=TAKEN)).ended()

    async def _write(
        self, order: Ask[JournalActor, Receipt[None]], head: SprintHead, patient: Patient
    ) -> None:
        """Repeat a write that leads to `head`. Where it may have happened, what is stored tells whether it has."""
        doubtful = False

        async def attempt() -> None:
            nonlocal doubtful
            if doubtful and await self._stands(head):
                return
            doubtful = False
            try:
                await self._once(order)
            except Unavailable as error:
                doubtful = error.ambiguous
                raise

        await self._repeated(attempt, patient)

    async def _stands(self, head: SprintHead) -> bool:
        stored = await self._once(Load(head.id))
        if stored is not None and stored.head.seq == head.seq and stored.head != head:
            raise Rejected(f"sprint {head.id} was moved by somebody else")
        return stored is not None and stored.head == head

    async def _once(self, order: Ask[JournalActor, Receipt[T]]) -> T:
        try:
            receipt = await self.journal.ask(order, timeout=TAKEN)
        except ASK_FAILURES as error:
            raise Unavailable(str(error), ambiguous=True) from error
        return await receipt.value()

    async def _repeated(self, attempt: Callable[[], Awaitable[T]], patient: Patient) -> T:
        try:
            return await self._attempted(attempt)
        except Unavailable:
            pass
        with patient():
            for pause in pauses():
                await self.pause(pause)
                try:
                    return await self._attempted(attempt)
                except Unavailable:
                    continue
        raise AssertionError("the pauses never end")

    async def _attempted(self, attempt: Callable[[], Awaitable[T]]) -> T:
        try:
            return await attempt()
        except StateUnusable:
            # The journal has told the host. Whoever went on, or crashed, would only hide the reason.
            await anyio.sleep_forever()
            raise
