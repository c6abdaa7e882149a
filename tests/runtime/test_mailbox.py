"""Mailboxes: order, bounds and what happens at them, and what a restart leaves in them."""

from datetime import timedelta
from typing import ClassVar

import anyio
import pytest

from caloron_actors.runtime import Actor as KernelActor
from caloron_actors.runtime import ActorGone, Ask, Ctx, MailboxFull, MailboxPolicy, Normal, Tell, child
from caloron_actors.runtime.mailbox import Overflow
from tests.runtime.conftest import Crash, Do, Log, Number, Role, Say, Stop, Worker, World


class Narrow(KernelActor[Log, None]):
    """Holds two messages and refuses more."""

    mailbox: ClassVar[MailboxPolicy] = MailboxPolicy(capacity=2)
    log: Log

    async def init(self, ctx: Ctx["Narrow"], arg: Log, restored: None) -> None:
        self.log = arg


class Oldest(Narrow):
    """Drops the oldest of two."""

    mailbox = MailboxPolicy(capacity=2, overflow="drop_oldest")


class Newest(Narrow):
    """Drops what comes when there are two."""

    mailbox = MailboxPolicy(capacity=2, overflow="drop_newest")


POLICIES: dict[Overflow, type[Narrow]] = {"reject": Narrow, "drop_oldest": Oldest, "drop_newest": Newest}


class Hold(Tell[Narrow], frozen=True):
    """Keeps the actor busy until the gate opens."""

    gate: anyio.Event

    async def run(self, actor: Narrow, ctx: Ctx[Narrow]) -> None:
        await self.gate.wait()


class Line(Tell[Narrow], frozen=True):
    """Writes a line."""

    line: str

    async def run(self, actor: Narrow, ctx: Ctx[Narrow]) -> None:
        actor.log.add(self.line)


class Remind(Tell[Narrow], frozen=True):
    """Sets timers for more lines than the mailbox holds."""

    async def run(self, actor: Narrow, ctx: Ctx[Narrow]) -> None:
        for number in range(5):
            ctx.after(timedelta(seconds=1), Line(f"timer {number}"))


class Count(Ask[Narrow, int], frozen=True):
    """Replies with how many lines there are."""

    async def run(self, actor: Narrow, ctx: Ctx[Narrow]) -> int:
        return len(actor.log.lines)


@pytest.mark.parametrize(
    ("policy", "accepted", "left"),
    [
        ("reject", [True, True, False], ["1", "2"]),
        ("drop_newest", [True, True, False], ["1", "2"]),
        ("drop_oldest", [True, True, True], ["2", "3"]),
    ],
)
async def test_a_full_mailbox_follows_its_policy(
    policy: Overflow, accepted: list[bool], left: list[str]
) -> None:
    """Ours (OTP's are unbounded): tell never waits; it says whether the message was taken, and drops are counted."""
    world = World()
    gate = anyio.Event()
    async with world.running(child(POLICIES[policy], world.log, id="a")):
        ref = world.system.ref(Narrow, "root/a")
        assert ref.tell(Hold(gate))
        await world.settle()
        assert [ref.tell(Line(line)) for line in "123"] == accepted
        assert world.node("root/a").dropped == 1
        assert world.node("root/a").mailbox == 2
        gate.set()
        await world.settle()
        assert world.log.take() == left


async def test_an_ask_that_is_pushed_out_fails() -> None:
    """Ours: a dropped ask does not wait for its deadline."""
    world = World()
    gate = anyio.Event()
    async with world.running(child(Oldest, world.log, id="a")), anyio.create_task_group() as group:
        ref = world.system.ref(Narrow, "root/a")
        ref.tell(Hold(gate))
        await world.settle()

        async def ask() -> None:
            with pytest.raises(MailboxFull):
                await ref.ask(Count(), timeout=None)
            world.log.add("pushed out")

        group.start_soon(ask)
        await world.settle()
        ref.tell(Line("1"))
        ref.tell(Line("2"))
        await world.settle()
        assert world.log.take() == ["pushed out"]
        gate.set()


async def test_send_waits_for_room_in_the_order_of_the_senders() -> None:
    """Ours: the edges may wait; nothing is lost and order is kept."""
    world = World()
    gate = anyio.Event()
    async with world.running(child(Narrow, world.log, id="a")), anyio.create_task_group() as group:
        ref = world.system.ref(Narrow, "root/a")
        ref.tell(Hold(gate))
        await world.settle()
        for line in "123456":
            group.start_soon(ref.send, Line(line))
        await world.settle()
        assert world.node("root/a").mailbox == 2
        gate.set()
        await world.settle()
        assert world.log.take() == list("123456")


async def test_a_cancelled_sender_leaves_its_turn_to_the_next() -> None:
    """Ours: room granted to a sender that is gone is not lost."""
    world = World()
    gate = anyio.Event()
    async with world.running(child(Narrow, world.log, id="a")), anyio.create_task_group() as group:
        ref = world.system.ref(Narrow, "root/a")
        ref.tell(Hold(gate))
        await world.settle()
        scope = anyio.CancelScope()

        async def give_up() -> None:
            with scope:
                await ref.send(Line("cancelled"))

        for line in "12":
            ref.tell(Line(line))
        group.start_soon(give_up)
        await world.settle()
        group.start_soon(ref.send, Line("3"))
        await world.settle()
        gate.set()
        scope.cancel()
        await world.settle()
        assert world.log.take() == ["1", "2", "3"]


async def test_send_to_one_that_goes_away_raises() -> None:
    """Ours: a sender that waits for room learns that there will be none."""
    world = World()
    gate = anyio.Event()
    outcome: list[str] = []
    async with anyio.create_task_group() as group:
        async with world.running(child(Narrow, world.log, id="a", shutdown="kill")):
            ref = world.system.ref(Narrow, "root/a")
            ref.tell(Hold(gate))
            await world.settle()
            ref.tell(Line("1"))
            ref.tell(Line("2"))

            async def send() -> None:
                with pytest.raises(ActorGone):
                    await ref.send(Line("3"))
                outcome.append("gone")

            group.start_soon(send)
            await world.settle()
        await world.settle()
    assert outcome == ["gone"]


async def test_the_bound_holds_for_others_only() -> None:
    """Ours: timers, Downs and side-task results are never refused, so control cannot be shut out by load."""
    world = World()
    gate = anyio.Event()
    async with world.running(child(Narrow, world.log, id="a")):
        ref = world.system.ref(Narrow, "root/a")
        ref.tell(Remind())
        ref.tell(Hold(gate))
        await world.settle()
        ref.tell(Line("1"))
        ref.tell(Line("2"))
        await world.advance(1.1)
        assert world.node("root/a").mailbox == 7
        gate.set()
        await world.settle()
        assert world.log.take() == ["1", "2", *(f"timer {number}" for number in range(5))]


async def test_a_stop_is_not_held_up_by_a_full_mailbox() -> None:
    """Ours: stop has a lane of its own."""
    world = World()
    gate = anyio.Event()
    async with anyio.create_task_group() as group, world.running(child(Narrow, world.log, id="a")):
        ref = world.system.ref(Narrow, "root/a")
        ref.tell(Hold(gate))
        await world.settle()
        assert [ref.tell(Line(line)) for line in "123"] == [True, True, False]
        group.start_soon(world.system.stop)
        await world.settle()
        gate.set()
    assert world.log.take() == []


async def test_the_mailbox_survives_a_crash_and_the_crashed_message_is_not_redelivered() -> None:
    """Ours: queued messages go to the next incarnation in order; the one that crashed is gone for good."""
    world = World()
    async with world.running(world.worker("a"), intensity=5):
        ref = world.ref("root/a")
        for msg in (Say("1"), Crash(), Say("2"), Crash(), Say("3")):
            assert ref.tell(msg)
        await world.settle()
        assert world.log.take() == [
            "start a",
            *("1", "stop a", "start a"),
            *("2", "stop a", "start a"),
            "3",
        ]


async def test_the_mailboxes_of_a_subtree_survive_its_restart() -> None:
    """Ours: refs and mailboxes are logical at any depth, also when a whole supervisor is replaced."""
    world = World()
    gate = anyio.Event()

    async def hold(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        await gate.wait()

    async with world.running(world.worker("a"), world.worker("b"), strategy="one_for_all"):
        world.ref("root/b").tell(Do(hold))
        await world.settle()
        world.ref("root/b").tell(Say("kept"))
        world.ref("root/a").tell(Crash())
        await world.settle()
        gate.set()
        await world.settle()
        assert world.log.take()[-1] == "kept"
        assert await world.ref("root/b").ask(Number()) == 2


async def test_messages_told_before_the_start_of_a_named_child_wait_for_it() -> None:
    """Ours: every actor of the tree can be told things from the moment the tree is known."""
    world = World()

    async def tell_b(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        assert world.ref("root/b").tell(Say("early"))

    async with world.running(world.worker("a", init=tell_b), world.worker("b")):
        await world.settle()
        assert world.log.take() == ["start a", "start b", "early"]


async def test_what_is_left_when_a_child_is_gone_for_good_is_dropped_and_counted() -> None:
    """Ours: no mailbox outlives the last incarnation."""
    world = World()
    async with world.running(world.worker("a", restart="transient")):
        world.ref("root/a").tell(Stop(Normal()))
        world.ref("root/a").tell(Say("never"))
        await world.settle()
        assert world.node("root/a").dropped == 1
        assert world.node("root/a").mailbox == 0


async def test_a_long_queue_does_not_starve_the_others() -> None:
    """Ours: messages are drained in batches without a task switch each, but never without end."""
    world = World()
    async with world.running(world.worker("a"), world.worker("b")):

        async def again(_actor: Worker, ctx: Ctx[Worker]) -> None:
            ctx.me.tell(Do(again))

        world.ref("root/a").tell(Do(again))
        assert await world.ref("root/b").ask(Number()) == 1


async def test_a_named_child_is_found_by_its_name() -> None:
    """OTP: a registered name is an address of its own."""
    world = World()
    async with world.running(child(Worker, Role("a", world.log), id="a", name="the one")):
        assert await world.ref("the one").ask(Number()) == 1
        assert world.ref("the one") == world.ref("the one")
        assert len({world.ref("the one"), world.ref("the one"), world.ref("root/a")}) == 2
