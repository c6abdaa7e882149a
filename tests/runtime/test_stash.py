"""Stash: messages put aside until the actor is ready for them."""

from typing import ClassVar

import anyio
import anyio.lowlevel
import pytest

from caloron_actors.runtime import Actor, ActorGone, Ask, Ctx, MailboxPolicy, Ref, Tell, child
from tests.runtime.conftest import Log, World


class Door(Actor[Log, None]):
    """Handles lines only while it is open."""

    mailbox: ClassVar[MailboxPolicy] = MailboxPolicy(capacity=3)
    log: Log
    is_open = False

    async def init(self, ctx: Ctx["Door"], arg: Log, restored: None) -> None:
        self.log = arg


class Line(Tell[Door], frozen=True):
    """Waits for the door."""

    line: str

    async def run(self, actor: Door, ctx: Ctx[Door]) -> None:
        if not actor.is_open:
            ctx.stash()
        actor.log.add(self.line)


class Count(Ask[Door, int], frozen=True):
    """Waits for the door as well."""

    async def run(self, actor: Door, ctx: Ctx[Door]) -> int:
        if not actor.is_open:
            ctx.stash()
        return len(actor.log.lines)


class Open(Tell[Door], frozen=True):
    """Opens."""

    async def run(self, actor: Door, ctx: Ctx[Door]) -> None:
        actor.is_open = True
        actor.log.add("open")
        ctx.unstash()


class OpenBeside(Tell[Door], frozen=True):
    """Opens from a side task."""

    async def run(self, actor: Door, ctx: Ctx[Door]) -> None:
        async def opening() -> None:
            await anyio.lowlevel.checkpoint()
            await Open().run(actor, ctx)

        ctx.spawn(opening, lambda _result: None)


class Break(Tell[Door], frozen=True):
    """Raises."""

    async def run(self, actor: Door, ctx: Ctx[Door]) -> None:
        raise ValueError("boom")


async def test_what_was_put_aside_comes_next_in_its_old_order() -> None:
    """OTP (gen_statem): postponed events are handled again, in order, before what came later."""
    world = World()
    async with world.running(child(Door, world.log, id="a")):
        door = world.system.ref(Door, "root/a")
        for msg in (Line("1"), Line("2")):
            door.tell(msg)
        await world.settle()
        door.tell(Open())
        door.tell(Line("3"))
        await world.settle()
        assert world.log.take() == ["open", "1", "2", "3"]


async def test_a_side_task_may_put_back_what_is_aside() -> None:
    """Ours: an actor that rests is woken by it, as by any message."""
    world = World()
    async with world.running(child(Door, world.log, id="a")):
        door = world.system.ref(Door, "root/a")
        for msg in (Line("1"), Line("2"), OpenBeside()):
            door.tell(msg)
        await world.settle()
        assert world.log.take() == ["open", "1", "2"]


async def test_an_ask_that_was_put_aside_is_replied_to_later() -> None:
    """Ours: an ask is a message like any other."""
    world = World()
    async with world.running(child(Door, world.log, id="a")):
        door = world.system.ref(Door, "root/a")
        got: list[int] = []

        async def ask() -> None:
            got.append(await door.ask(Count()))

        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            await world.settle()
            assert got == []
            door.tell(Open())
        assert got == [1]


async def test_a_restart_keeps_what_was_put_aside_in_front() -> None:
    """Ours (Akka's restart stash): tells survive in their old order, asks fail with the incarnation."""
    world = World()
    async with world.running(child(Door, world.log, id="a")):
        door = world.system.ref(Door, "root/a")
        door.tell(Line("1"))
        await world.settle()
        with pytest.raises(ActorGone):
            await _ask_and_break(door)
        door.tell(Open())
        await world.settle()
        assert world.log.take() == ["open", "1"]


async def test_there_is_as_much_room_aside_as_in_the_mailbox() -> None:
    """Ours (Akka throws as well): a stash that overflows crashes its actor, and the message is poison."""
    world = World()
    async with world.running(child(Door, world.log, id="a"), intensity=5):
        door = world.system.ref(Door, "root/a")
        for line in "1234":
            door.tell(Line(line))
            await world.settle()
        assert world.node("root/a").incarnation == 2
        assert [one.message for one in world.system.poison("root/a")] == [Line("4")]
        door.tell(Open())
        await world.settle()
        assert world.log.take() == ["open", "1", "2", "3"]


async def _ask_and_break(door: Ref[Door]) -> None:
    async with anyio.create_task_group() as group:
        failed: list[ActorGone] = []

        async def ask() -> None:
            try:
                await door.ask(Count())
            except ActorGone as gone:
                failed.append(gone)

        group.start_soon(ask)
        await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.checkpoint()
        door.tell(Break())
    raise failed[0]
