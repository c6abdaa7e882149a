"""One seed: a service in a world of trouble, killed and started again, then left in peace until its sprints have ended."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import anyio

from caloron_actors.app.host import Host
from caloron_actors.app.options import HostOptions
from caloron_actors.domain.events import Event
from caloron_actors.domain.ids import SprintId
from caloron_actors.domain.sprint.schedule import condition
from caloron_actors.domain.sprint.state import Sprint
from caloron_actors.ports.listening import Beat
from caloron_actors.runtime import Actor
from caloron_actors.runtime.exits import Crashed, Exit, Killed
from caloron_actors.runtime.telemetry import Node
from tests.actors.doors import OpenDoor
from tests.actors.rest import Bomb
from tests.simulation.adapters import SimAdapters, commands_of
from tests.simulation.chance import Chance
from tests.simulation.loop import WORLD
from tests.simulation.trouble import Injected, Trouble
from tests.simulation.world import ORPHAN_LIMIT, World

PEACE = 4 * 3600.0
"""Virtual seconds within which every sprint ends once nothing goes wrong any more."""
LOOK_EVERY = 5.0


@dataclass
class Life:
    """One life of the service. `over` is set when it has ended by itself, was stopped, or was killed."""

    number: int
    adapters: SimAdapters
    stop: anyio.Event = field(default_factory=anyio.Event)
    over: anyio.Event = field(default_factory=anyio.Event)
    host: Host | None = None
    why: str = ""


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
        self._life: Life | None = None

    async def run(self) -> None:
        """All of it. What was broken is in the world's checks."""
        trouble, chance = self.world.trouble, self._chance
        async with anyio.create_task_group() as group:
            if not self._plain:
                self.world.disk.die = self.kill
                group.start_soon(self._meddle, trouble)
                group.start_soon(self._calm, chance.spread(20, 2400))
            group.start_soon(self._keep_alive)
            group.start_soon(self._beat)
            await self._until_ended()
            group.cancel_scope.cancel()
        if self._life is not None:
            self._judge(self._life)
        self.world.checks.at_the_end(self.world.disk, self.world.logins)

    def kill(self) -> None:
        """End the service where it stands, as SIGKILL would."""
        life = self._life
        if life is not None and not life.over.is_set() and not self.world.trouble.over:
            self.world.trouble.note("kill")
            self.world.loop.kill(life.number)
            life.why = "killed"
            with self.world.loop.living(WORLD):
                life.over.set()

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
            life = self._life = Life(self.lives, SimAdapters(world))
            with world.loop.living(life.number):
                world.loop.create_task(self._live(life), name=f"service {life.number}")
            if not self._plain and not world.trouble.over:
                self._plan_trouble(life)
            await life.over.wait()
            self._judge(life)
            await anyio.sleep(chance.between(2, 30))
            if not world.trouble.over and chance.happens(0.1):
                self._between_lives()

    def _between_lives(self) -> None:
        """The service is upgraded, or the host starts anew, which ends the agents too."""
        if self._chance.happens(0.5):
            self.world.trouble.note("upgrade")
            self.world.disk.upgrade()
        elif not self.world.agents.live:
            self.world.trouble.note("reboot")
            self.world.clock.reboot()

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

    # What goes wrong beside the calls.

    def _plan_trouble(self, life: Life) -> None:
        chance, loop = self._chance, self.world.loop
        if chance.happens(0.7):
            loop.at_step(int(chance.spread(5, 30_000)), lambda: self._kill_life(life))
        for _ in range(chance.pick((0, 0, 1, 2, 5))):
            loop.at_step(int(chance.spread(50, 30_000)), lambda: self._bomb(life))

    def _kill_life(self, life: Life) -> None:
        if self._life is life:
            self.kill()

    def _bomb(self, life: Life) -> None:
        """Have some actor crash at its next message."""
        host = life.host
        if life is not self._life or life.over.is_set() or host is None or self.world.trouble.over:
            return
        paths = list(_actors(host.system.tree()))
        if not paths:
            return  # it is on its way down
        path = self._chance.pick(paths)
        with self.world.loop.living(life.number):
            if host.system.ref(Actor, path).tell(Bomb()):
                self.world.trouble.note("bomb")

    async def _meddle(self, trouble: Trouble) -> None:
        """People act, the host sleeps, its wall clock is set, and the service is stopped in order."""
        chance, world = self._chance.stream("meddling"), self.world
        often = chance.pick((60.0, 300.0, 1200.0, 1e9))
        while True:
            await anyio.sleep(chance.unit() * 2 * often)
            if trouble.over:
                return
            what = chance.below(10)
            if what < 7:
                world.people.act()
            elif what == 7:
                trouble.note("host_sleep")
                world.clock.suspend(timedelta(seconds=chance.spread(60, 50_000)))
            elif what == 8:
                trouble.note("clock_set")
                world.clock.set_wall(timedelta(seconds=chance.between(-36_000, 36_000)))
            elif self._life is not None:
                trouble.note("stop")
                self._life.stop.set()

    async def _beat(self) -> None:
        """The harnesses say that their agents live, and some liar says it with a nonce of its own."""
        while not self._plain:
            await anyio.sleep(20)
            life, runs = self._life, sorted(self.world.agents.live)
            if life is None or life.host is None or life.over.is_set() or not runs:
                continue
            told = Beat(run=str(runs[0]), nonce="nonce-of-another", pid=1, seq=1)
            with self.world.loop.living(life.number):
                self.world.loop.create_task(self._lie(life.adapters.doors, told), name="door")

    async def _lie(self, doors: OpenDoor, beat: Beat) -> None:
        if doors.opened and await doors.door.beat(beat):
            self.world.checks.say(f"a beat of {beat.run} with a nonce of another claim was taken")

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
    return isinstance(reason, Crashed) and (isinstance(reason.cause, Injected) or "boom" in reason.error)


def _actors(node: Node) -> Iterator[str]:
    """The paths of all actors of a tree."""
    if node.kind == "actor":
        yield node.path
    for child in node.children:
        yield from _actors(child)
