"""What a crash leaves on record, and what the kernel counts: poison, askers, redacted state, lost messages."""

from typing import ClassVar

import anyio
import pytest

from caloron_actors.runtime import (
    Actor,
    ActorGone,
    Crashed,
    CrashReport,
    Ctx,
    Down,
    MailboxPolicy,
    Normal,
    Poison,
    System,
    Tell,
    Undelivered,
    child,
)
from tests.runtime.conftest import Compute, Crash, Do, Number, Say, Stop, Worker, World


class Vault(Actor[str, None]):
    """Holds a secret that no report may show."""

    mailbox: ClassVar[MailboxPolicy] = MailboxPolicy(capacity=2, overflow="drop_oldest")
    secret = ""

    async def init(self, ctx: Ctx["Vault"], arg: str, restored: None) -> None:
        self.secret = arg

    def format_status(self) -> object:
        if self.secret == "broken":
            raise ValueError("no status")
        return {"secret": "*" * len(self.secret)}


class Break(Tell[Vault], frozen=True):
    """Raises, after its gate when it has one."""

    gate: anyio.Event | None = None

    async def run(self, actor: Vault, ctx: Ctx[Vault]) -> None:
        if self.gate is not None:
            await self.gate.wait()
        raise ValueError("boom")


def _crashes(world: World) -> list[CrashReport]:
    return [report for report in world.reports if isinstance(report, CrashReport)]


async def test_the_crashed_message_is_on_record_and_never_delivered_again() -> None:
    """Ours: poison is in the report and kept at the address across restarts, without the frames of the crash."""
    world = World()
    async with world.running(world.worker("a"), intensity=5):
        poison = Crash("first")
        world.ref("root/a").tell(poison)
        world.ref("root/a").tell(Crash("second"))
        world.ref("root/a").tell(Say("fine"))
        await world.settle()
        kept = world.system.poison("root/a")
        assert [(one.message, one.incarnation) for one in kept] == [(poison, 1), (Crash("second"), 2)]
        assert kept[0].reason == Crashed("ValueError: first")
        assert world.node("root/a").poisoned == 2
        assert [report.poison for report in _crashes(world)] != [None, None]
        assert world.log.take().count("fine") == 1


async def test_the_record_is_bounded() -> None:
    """Ours: a crash loop does not fill the memory; the latest stay."""
    world = World()
    async with world.running(world.worker("a"), intensity=100):
        for number in range(20):
            world.ref("root/a").tell(Crash(str(number)))
        await world.settle()
        assert [one.message for one in world.system.poison("root/a")] == [
            Crash(str(number)) for number in range(4, 20)
        ]


async def test_a_crash_outside_of_a_message_poisons_nothing() -> None:
    """Ours: what fails in terminate or a start is nobody's message; a Down that crashes its watcher is one."""
    world = World()

    async def fail_later(_actor: Worker, ctx: Ctx[Worker]) -> None:
        if ctx.incarnation == 2:
            raise ValueError("no")

    async def watch_and_fail(actor: Worker, ctx: Ctx[Worker]) -> None:
        ctx.monitor(world.ref("root/a"))
        actor.on_down = _fail_on_down  # type: ignore[method-assign, assignment]

    async with world.running(world.worker("a", init=fail_later), world.worker("b"), intensity=5):
        world.ref("root/b").tell(Do(watch_and_fail))
        await world.crash("root/a")
        assert len(world.system.poison("root/a")) == 1
        (poison,) = world.system.poison("root/b")
        assert isinstance(poison, Poison)
        assert isinstance(poison.message, Down)


async def test_a_crash_report_names_the_asker() -> None:
    """OTP: client_info, who was calling."""
    world = World()

    async def fail(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        raise ValueError("boom")

    async def ask(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        with pytest.raises(ActorGone):
            await world.ref("root/b").ask(Compute(fail))

    async with world.running(world.worker("a"), world.worker("b")):
        world.ref("root/a").tell(Do(ask))
        await world.settle()
        assert [report.asker for report in _crashes(world)] == ["root/a"]


async def test_a_crash_report_shows_of_the_state_what_the_actor_lets_it() -> None:
    """OTP: format_status redacts; ours shows nothing unless told to, and a failing hook harms nobody."""
    world = World()
    specs = [child(Vault, "abc", id="a"), child(Vault, "broken", id="b"), world.worker("c")]
    async with world.running(*specs, intensity=5):
        for path in ("root/a", "root/b"):
            world.system.ref(Vault, path).tell(Break())
            await world.settle()
        await world.crash("root/c")
        assert [report.state for report in _crashes(world)] == [
            {"secret": "***"},
            "format_status failed: ValueError: no status",
            None,
        ]


async def test_what_was_taken_and_is_lost_is_handed_over() -> None:
    """Ours: a told message that nobody will handle is told of, whether its actor is gone or newer ones pushed it out."""
    world = World()
    lost: list[Undelivered] = []
    world.system = System(clock=world.clock, observer=world, on_undelivered=lost.append)
    gate = anyio.Event()
    specs = [child(Vault, "x", id="v"), world.worker("a", restart="transient")]
    async with world.running(*specs):
        vault = world.system.ref(Vault, "root/v")
        vault.tell(Break(gate))
        await world.settle()
        first, *rest = [Break(), Break(), Break()]
        for msg in (first, *rest):
            vault.tell(msg)
        assert [(one.path, one.why) for one in lost] == [("root/v", "overflow")]
        assert lost[0].message is first
        world.ref("root/a").tell(Stop(Normal()))
        world.ref("root/a").tell(Say("never"))
        await world.settle()
        assert lost[1:] == [Undelivered("root/a", Say("never"), "gone")]
        assert world.system.counters().undelivered == 2
        gate.set()


async def test_the_kernel_counts() -> None:
    """Ours: cheap enough to stay on."""
    world = World()
    async with world.running(world.worker("a"), world.worker("b")):
        for _ in range(3):
            world.ref("root/b").tell(Say("x"))
        await world.crash("root/a")
        counters = world.system.counters()
        assert (counters.started, counters.ended, counters.crashed) == (3, 1, 1)
        assert world.node("root/b").handled == 3
        assert await world.ref("root/b").ask(Number()) == 1
        assert world.node("root/b").handled == 4


async def _fail_on_down(_ctx: object, _down: Down) -> None:
    raise ValueError("no downs")
