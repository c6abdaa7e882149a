"""A sprint out of a backup is told how things stand in the world, once, before anything acts for it."""

from dataclasses import dataclass

import structlog

from caloron_actors.actors.journal import JournalActor
from caloron_actors.actors.perform.world import World
from caloron_actors.actors.receipts import Pause, Receipt
from caloron_actors.actors.storage import Storage
from caloron_actors.actors.surveying import survey
from caloron_actors.actors.waiting import pauses
from caloron_actors.domain.events import SprintRestored
from caloron_actors.domain.sprint.restored import adopted
from caloron_actors.domain.sprint.state import Refused, Sprint
from caloron_actors.domain.sprint.step import step
from caloron_actors.ports.clock import WallClock
from caloron_actors.ports.errors import PortError, StateUnusable
from caloron_actors.ports.journal import Entry
from caloron_actors.ports.launcher import Alive
from caloron_actors.runtime import Ask, Ctx


@dataclass(frozen=True)
class Restoring:
    """Reconciles sprints. No actor of the sprint may run meanwhile."""

    storage: Storage
    clock: WallClock
    pause: Pause

    async def reconcile(self, sprint: Sprint, world: World, copy: int) -> None:
        """End the runs that a restored sprint does not know of, and tell it the rest.

        The forge and the host are asked until they have answered. `copy` is the journal's count of backups.
        """
        log = structlog.get_logger("restoring").bind(sprint=sprint.head.id, copy=copy)
        event = await self._look(sprint, world, copy)
        now = self.clock.now()
        moved = step(sprint, event, now)
        if isinstance(moved, Refused):
            raise AssertionError(f"a restored sprint refuses to be reconciled: {moved.reason}")
        entry = Entry(
            at=now,
            event=event,
            head=moved.sprint.head,
            changed=moved.changed,
            intents=moved.intents,
            withdrawn=moved.withdrawn,
        )
        await self.storage.commit(entry)
        log.info("restored", tasks=len(moved.changed), effects=len(moved.intents))

    async def _look(self, sprint: Sprint, world: World, copy: int) -> SprintRestored:
        log = structlog.get_logger("restoring").bind(sprint=sprint.head.id)
        if world.settling:  # the lost life may have written just now what no list shows yet
            await world.pause(world.settling)
        for pause in pauses():
            try:
                event = SprintRestored(
                    copy=copy,
                    author_login=await world.forge.author_login(),
                    found=await survey(world, sprint),
                )
                await self._end_strays(sprint, world, event)
            except StateUnusable:
                raise
            except PortError as error:
                log.warning("restore_waits", error=str(error), wait=str(pause))
                await self.pause(pause)
            else:
                return event
        raise AssertionError("the pauses never end")

    async def _end_strays(self, sprint: Sprint, world: World, event: SprintRestored) -> None:
        """An author's work stays in its working copy; the next one that is prepared there keeps it."""
        kept = adopted(sprint, event.found)
        log = structlog.get_logger("restoring")
        for run in await world.launcher.runs(sprint.head.id):
            if (run.task, run.agent, run.ordinal) in kept:
                continue
            if isinstance(await world.launcher.look(run), Alive):
                log.warning("stray_run_ended", run=str(run))
                await world.launcher.stop(run, sprint.head.limits.stop_grace)


class Copies(Ask["JournalActor", Receipt[int]], frozen=True):
    """How many backups in a row the journal has come through."""

    async def run(self, actor: JournalActor, ctx: Ctx[JournalActor]) -> Receipt[int]:
        """Take it."""
        return actor.read(ctx, actor.journal.copies)
