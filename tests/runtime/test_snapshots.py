"""Snapshots: what an incarnation leaves to the next, and when it does not."""

from typing import ClassVar

import anyio

from caloron_actors.runtime import Actor, Ask, CrashReport, Ctx, Shutdown, Tell, child
from tests.runtime.conftest import World


class Counter(Actor[str, int]):
    """Counts, and leaves its count to the next incarnation."""

    broken: ClassVar[bool] = False
    count: int = 0

    async def init(self, ctx: Ctx["Counter"], arg: str, restored: int | None) -> None:
        if arg == "picky" and restored is not None:
            raise ValueError(f"cannot go on from {restored}")
        self.count = restored or 0

    def snapshot(self) -> int | None:
        if self.count == 13:
            raise ValueError("thirteen")
        return self.count


class Add(Tell[Counter], frozen=True):
    """Counts up, and then may crash."""

    by: int
    crash: bool = False

    async def run(self, actor: Counter, ctx: Ctx[Counter]) -> None:
        actor.count += self.by
        if self.crash:
            raise ValueError("boom")


class Total(Ask[Counter, int], frozen=True):
    """Replies with the count."""

    async def run(self, actor: Counter, ctx: Ctx[Counter]) -> int:
        return actor.count


async def test_the_next_incarnation_gets_the_last_snapshot_after_a_clean_message() -> None:
    """Ours: what the crashed message changed is not part of it."""
    world = World()
    async with world.running(child(Counter, "", id="a")):
        ref = world.system.ref(Counter, "root/a")
        ref.tell(Add(1))
        ref.tell(Add(2))
        ref.tell(Add(100, crash=True))
        await world.settle()
        assert await ref.ask(Total()) == 3
        assert world.node("root/a").incarnation == 2


async def test_a_failing_snapshot_is_a_report_and_keeps_the_one_before() -> None:
    """Ours: an actor that cannot be saved is not therefore broken."""
    world = World()
    async with world.running(child(Counter, "", id="a")):
        ref = world.system.ref(Counter, "root/a")
        ref.tell(Add(12))
        ref.tell(Add(1))
        assert await ref.ask(Total()) == 13
        assert world.node("root/a").incarnation == 1
        assert {r.during for r in world.reports if isinstance(r, CrashReport)} == {"snapshot"}
        ref.tell(Add(0, crash=True))
        await world.settle()
        assert await ref.ask(Total()) == 12


async def test_an_init_that_fails_on_a_snapshot_is_tried_again_without() -> None:
    """Ours: a snapshot that cannot be restored must not become a crash loop."""
    world = World()
    async with world.running(child(Counter, "picky", id="a"), intensity=2):
        ref = world.system.ref(Counter, "root/a")
        ref.tell(Add(5))
        ref.tell(Add(0, crash=True))
        await world.settle()
        assert await ref.ask(Total()) == 0
        assert world.node("root/a").incarnation == 3


async def test_a_sibling_cycled_in_a_group_keeps_its_snapshot() -> None:
    """Ours: a stop by the group's restart is followed by the same place's next incarnation."""
    world = World()
    children = [child(Counter, "", id=name) for name in "ab"]
    async with world.running(*children, strategy="one_for_all"):
        world.system.ref(Counter, "root/b").tell(Add(7))
        await world.settle()
        world.system.ref(Counter, "root/a").tell(Add(0, crash=True))
        await world.settle()
        assert await world.system.ref(Counter, "root/b").ask(Total()) == 7


async def test_a_killed_actor_keeps_the_snapshot_of_its_last_clean_message() -> None:
    """Ours: a kill in the middle of a message loses that message's changes only."""
    world = World()

    class Slow(Tell[Counter], frozen=True):
        async def run(self, actor: Counter, ctx: Ctx[Counter]) -> None:
            actor.count = 1000
            await anyio.sleep_forever()

    children = [child(Counter, "", id="a"), child(Counter, "", id="b", shutdown="kill")]
    async with world.running(*children, strategy="one_for_all"):
        world.system.ref(Counter, "root/b").tell(Add(7))
        world.system.ref(Counter, "root/b").tell(Slow())
        await world.settle()
        world.system.ref(Counter, "root/a").tell(Add(0, crash=True))
        await world.settle()
        assert await world.system.ref(Counter, "root/b").ask(Total()) == 7
    assert world.exit == Shutdown()
