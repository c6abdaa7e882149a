"""One seed: a service in a world of trouble, killed and started again, then left in peace until its sprints have ended."""

from pathlib import Path

import anyio

from caloron_actors.app.host import Host
from caloron_actors.app.options import HostOptions
from caloron_actors.domain.events import Event
from caloron_actors.domain.ids import SprintId
from caloron_actors.domain.sprint.schedule import condition
from caloron_actors.domain.sprint.state import Sprint
from caloron_actors.runtime import StartFailed
from caloron_actors.runtime.exits import Crashed, Exit, Killed, is_clean
from tests.simulation.adapters import SimAdapters, commands_of
from tests.simulation.chance import Chance
from tests.simulation.loop import WORLD
from tests.simulation.meddling import Life, Meddler
from tests.simulation.trouble import Injected
from tests.simulation.world import ORPHAN_LIMIT, World

PEACE = 4 * 3600.0
"""Virtual seconds within which every sprint ends once nothing goes wrong any more."""
LOOK_EVERY = 5.0


class Scenario:
    """Drives the lives of the service through one seed."""

    def __init__(self, world: World, chance: Chance, *, plain: bool) -> None:
        self.world = world
        self.lives = 0
        self.crashes: list[str] = []
        self.told: dict[SprintId, Sprint] = {}
        self.news = anyio.Event()
        self.calm = anyio.Event()
        self._chance = chance
        self._plain = plain
        self.meddler = Meddler(world, chance)

    async def run(self) -> None:
        """All of it. What was broken is in the world's checks."""
        chance = self._chance
        async with anyio.create_task_group() as group:
            if not self._plain:
                self.world.disk.die = self.meddler.kill
                group.start_soon(self.meddler.meddle)
                group.start_soon(self._calm, chance.spread(20, 2400))
                group.start_soon(self.meddler.beat)
            group.start_soon(self._keep_alive)
            await self._until_ended()
            group.cancel_scope.cancel()
        if self.meddler.life is not None:
            self._judge(self.meddler.life)
        self.world.checks.at_the_end(self.world.disk, self.world.logins)

    def moved(self, sprint: Sprint, event: Event) -> None:
        """The service's watcher."""
        self.told[sprint.head.id] = sprint
        if self._plain:
            self.news.set()

    # The service and who starts it again.

    async def _keep_alive(self) -> None:
        world, chance = self.world, self._chance
        while True:
            self.lives += 1
            life = self.meddler.life = Life(self.lives, SimAdapters(world))
            with world.loop.living(life.number):
                world.loop.create_task(self._live(life), name=f"service {life.number}")
            if not self._plain and not world.trouble.over:
                self.meddler.plan(life)
            await life.over.wait()
            self._judge(life)
            await anyio.sleep(chance.between(2, 30))
            if not world.trouble.over and chance.happens(0.1):
                await self.meddler.between_lives()

    async def _live(self, life: Life) -> None:
        try:
            async with Host.open(self._options(), life.adapters) as host:
                life.host = host
                await self._begin(host)
                await life.stop.wait()
            life.why = "stopped"
        except Exception as error:  # whatever ends the service, somebody starts it again
            life.why = repr(error)
        finally:
            with self.world.loop.living(WORLD):
                life.over.set()

    async def _begin(self, host: Host) -> None:
        """As `run` does: store what is not stored yet, and take it up."""
        for plan in self.world.plans.values():
            if self.world.disk.sprint(plan.dag.id) is None:
                sprint = Sprint.new(plan, host.clock.now(), self.world.limits)
                await host.tree.storage.create(plan, sprint.head, tuple(sprint.tasks.values()))
                await host.tree.take_up(sprint)

    def _options(self) -> HostOptions:
        return HostOptions(
            state=Path("/simulated"),
            limits=self.world.limits,
            commands_of=commands_of,
            watcher=self,
            orphan_limit=ORPHAN_LIMIT,
        )

    async def _calm(self, after: float) -> None:
        await anyio.sleep(after)
        self.world.trouble.over = True
        self.calm.set()

    # The end.

    async def _until_ended(self) -> None:
        world = self.world
        if self._plain:
            while not all(self._ended(sprint) for sprint in world.plans):
                await self.news.wait()
                self.news = anyio.Event()
        else:
            await self.calm.wait()
        until = world.loop.time() + PEACE
        given_up = False
        while world.loop.time() < until:
            await anyio.sleep(0.1 if self._plain else LOOK_EVERY)
            states = [world.disk.sprint(sprint) for sprint in world.plans]
            if any(state is None or condition(state) == "running" for state in states):
                continue
            if any(world.disk.open_keys(sprint) for sprint in world.plans):
                continue
            if all(state is not None and condition(state) == "ended" for state in states):
                return
            if not given_up:
                given_up = True
                world.people.end()
        world.checks.say(f"not ended {PEACE} s after the last trouble: {self._where()}")

    def _ended(self, sprint: SprintId) -> bool:
        told = self.told.get(sprint)
        return told is not None and condition(told) == "ended"

    def _where(self) -> list[str]:
        found: list[str] = []
        for sprint in self.world.plans:
            state = self.world.disk.sprint(sprint)
            if state is not None:
                found += [f"{row.id}: {row.status} {row.reason or ''}" for row in state.tasks.values()]
                found += [f"owes {key}" for key in self.world.disk.open_keys(sprint)]
        return found

    def _judge(self, life: Life) -> None:
        """A life may end for many reasons, but what crashes in it crashes because we wanted it to."""
        for crash in life.adapters.crashes:
            self.crashes.append(f"{crash.path}: {crash.reason}")
            if not _meant(crash.reason):
                self.world.checks.say(f"{crash.path} has crashed by itself: {crash.reason}")
        life.adapters.crashes.clear()


def _meant(reason: Exit) -> bool:
    """Whether it is our doing: a bomb, broken code, or a disk that was waited for longer than a stop may take."""
    if isinstance(reason, Killed):
        return True
    if isinstance(reason, Crashed) and isinstance(reason.cause, StartFailed):
        return is_clean(reason.cause.reason)  # the tree was stopped while a child was being started again
    return isinstance(reason, Crashed) and (isinstance(reason.cause, Injected) or "boom" in reason.error)
