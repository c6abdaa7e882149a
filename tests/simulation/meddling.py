"""What goes wrong beside the calls: kills at any step, bombs in mailboxes, people, sleep, reboots, liars."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import anyio

from caloron_actors.actors.poller import LookAnew
from caloron_actors.app.host import Host
from caloron_actors.ports.listening import Beat
from caloron_actors.runtime import Actor
from caloron_actors.runtime.telemetry import Node
from tests.actors.doors import OpenDoor
from tests.actors.rest import Bomb
from tests.simulation.adapters import SimAdapters
from tests.simulation.chance import Chance
from tests.simulation.loop import WORLD
from tests.simulation.world import World


@dataclass
class Life:
    """One life of the service. `over` is set when it has ended by itself, was stopped, or was killed."""

    number: int
    adapters: SimAdapters
    stop: anyio.Event = field(default_factory=anyio.Event)
    over: anyio.Event = field(default_factory=anyio.Event)
    host: Host | None = None
    why: str = ""


class Meddler:
    """Meddles with the service; `life` is its present one."""

    def __init__(self, world: World, chance: Chance) -> None:
        self.life: Life | None = None
        self._world = world
        self._chance = chance

    def kill(self) -> None:
        """End the service where it stands, as SIGKILL would."""
        life = self.life
        if life is not None and not life.over.is_set() and not self._world.trouble.over:
            self._world.trouble.note("kill")
            self._world.loop.kill(life.number)
            life.why = "killed"
            with self._world.loop.living(WORLD):
                life.over.set()

    async def between_lives(self) -> None:
        """The service is upgraded, or the host starts anew, which ends the agents too."""
        if self._chance.happens(0.5):
            self._world.trouble.note("upgrade")
            self._world.disk.upgrade()
            return
        self._world.trouble.note("reboot")
        agents = self._world.agents
        while agents.live:
            for run in sorted(agents.live):
                agents.launcher.lose(run)
            await anyio.sleep(1)
        self._world.clock.reboot()

    def plan(self, life: Life) -> None:
        chance, loop = self._chance, self._world.loop
        if chance.happens(0.7):
            loop.at_step(int(chance.spread(5, 30_000)), lambda: self._kill_one(life))
        for _ in range(chance.pick((0, 0, 1, 2, 5))):
            loop.at_step(int(chance.spread(50, 30_000)), lambda: self._bomb(life))

    def _kill_one(self, life: Life) -> None:
        if self.life is life:
            self.kill()

    def _bomb(self, life: Life) -> None:
        """Have some actor crash at its next message."""
        host = life.host
        if life is not self.life or life.over.is_set() or host is None or self._world.trouble.over:
            return
        paths = list(_actors(host.system.tree()))
        if not paths:
            return  # it is on its way down
        sprints = [path for path in paths if path.startswith("root/sprints/")]
        path = self._chance.pick(sprints if sprints and self._chance.happens(0.3) else paths)
        with self._world.loop.living(life.number):
            if host.system.ref(Actor, path).tell(Bomb()):
                self._world.trouble.note("bomb")

    async def meddle(self) -> None:
        """People act, the host sleeps, its wall clock is set, and the service is stopped in order."""
        chance, world = self._chance.stream("meddling"), self._world
        trouble = world.trouble
        often = chance.pick((60.0, 300.0, 1200.0, 1e9))
        while True:
            await anyio.sleep(chance.unit() * 2 * often)
            if trouble.over:
                return
            what = chance.below(10)
            if what < 6:
                world.people.act()
            elif what == 6:
                self._wake()
            elif what == 7:
                trouble.note("host_sleep")
                world.clock.suspend(timedelta(seconds=chance.spread(60, 50_000)))
            elif what == 8:
                trouble.note("clock_set")
                world.clock.set_wall(timedelta(seconds=chance.between(-36_000, 36_000)))
            elif self.life is not None:
                trouble.note("stop")
                self.life.stop.set()

    def _wake(self) -> None:
        """What a webhook would say, twice and for no reason: look at the forge anew."""
        life = self.life
        if life is None or life.host is None or life.over.is_set():
            return
        for poller in map(life.host.tree.pollers.ref, life.host.tree.pollers.keys()):
            with self._world.loop.living(life.number):
                if poller.tell(LookAnew()) and poller.tell(LookAnew()):
                    self._world.trouble.note("looked_anew")

    async def beat(self) -> None:
        """The harnesses say that their agents live, and some liar says it with a nonce of its own."""
        while True:
            await anyio.sleep(20)
            life, runs = self.life, sorted(self._world.agents.live)
            if life is None or life.host is None or life.over.is_set() or not runs:
                continue
            told = Beat(run=str(runs[0]), nonce="nonce-of-another", pid=1, seq=1)
            with self._world.loop.living(life.number):
                self._world.loop.create_task(self._lie(life.adapters.doors, told), name="door")

    async def _lie(self, doors: OpenDoor, beat: Beat) -> None:
        if doors.opened and await doors.door.beat(beat):
            self._world.checks.say(f"a beat of {beat.run} with a nonce of another claim was taken")


def _actors(node: Node) -> Iterator[str]:
    """The paths of all actors of a tree."""
    if node.kind == "actor":
        yield node.path
    for child in node.children:
        yield from _actors(child)
