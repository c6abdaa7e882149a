"""Monitors: when a Down comes, how often, and after what."""

from caloron_actors.runtime import Ctx, Down, Normal, Ref, Shutdown, child
from tests.runtime.conftest import Crash, Do, Number, Role, Say, Stop, Worker, World


class Touchy(Worker):
    """Cannot bear the death of others."""

    async def on_down(self, ctx: Ctx[Worker], down: Down) -> None:
        raise ValueError("cannot bear it")


def _monitor(target: Ref[Worker], times: int = 1) -> Do:
    async def work(_actor: Worker, ctx: Ctx[Worker]) -> None:
        for _ in range(times):
            ctx.monitor(target)

    return Do(work)


async def test_a_down_tells_path_reason_and_incarnation() -> None:
    """OTP: {'DOWN', Ref, process, Object, Info}."""
    world = World()
    async with world.running(world.worker("a"), world.worker("b")):
        world.ref("root/a").tell(_monitor(world.ref("root/b")))
        await world.settle()
        world.log.take()
        await world.crash("root/b")
        assert "a sees root/b Crashed #1" in world.log.take()


async def test_a_down_comes_after_every_earlier_message_of_the_dead() -> None:
    """OTP: signals from one process to another keep their order, the exit's among them."""
    world = World()

    async def last_words(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        for number in range(3):
            world.ref("root/a").tell(Say(f"word {number}"))
        raise ValueError("boom")

    async with world.running(world.worker("a"), world.worker("b", restart="temporary")):
        world.ref("root/a").tell(_monitor(world.ref("root/b")))
        await world.settle()
        world.log.take()
        world.ref("root/b").tell(Do(last_words))
        await world.settle()
        seen = [line for line in world.log.take() if line != "stop b"]
        assert seen == ["word 0", "word 1", "word 2", "a sees root/b Crashed #1"]


async def test_a_down_comes_before_anything_the_next_incarnation_says() -> None:
    """OTP: a successor is another process; its messages cannot overtake the exit of the first."""
    world = World()

    async def greet(_actor: Worker, ctx: Ctx[Worker]) -> None:
        world.ref("root/a").tell(Say(f"hello from #{ctx.incarnation}"))

    async with world.running(world.worker("a"), world.worker("b", init=greet)):
        world.ref("root/a").tell(_monitor(world.ref("root/b")))
        await world.settle()
        world.log.take()
        await world.crash("root/b")
        seen = [line for line in world.log.take() if not line.endswith(" b")]
        assert seen == ["a sees root/b Crashed #1", "hello from #2"]


async def test_monitoring_one_that_is_not_there_gives_a_down_at_once() -> None:
    """OTP: noproc."""
    world = World()
    async with world.running(world.worker("a"), world.worker("b", restart="transient")):
        world.ref("root/b").tell(Stop(Shutdown("enough")))
        await world.settle()
        world.log.take()
        world.ref("root/a").tell(_monitor(world.ref("root/b")))
        world.ref("root/a").tell(_monitor(world.ref("root/nobody")))
        await world.settle()
        assert world.log.take() == ["a sees root/b Shutdown #1", "a sees root/nobody Shutdown #0"]


async def test_a_monitor_is_for_one_incarnation() -> None:
    """OTP: a monitor fires once, and does not watch the successor."""
    world = World()
    async with world.running(world.worker("a"), world.worker("b"), intensity=5):
        world.ref("root/a").tell(_monitor(world.ref("root/b")))
        await world.settle()
        await world.crash("root/b")
        world.log.take()
        await world.crash("root/b")
        assert world.log.take() == ["stop b", "start b"]


async def test_monitors_stack() -> None:
    """OTP: each call of monitor gives its own DOWN."""
    world = World()
    async with world.running(world.worker("a"), world.worker("b", restart="temporary")):
        world.ref("root/a").tell(_monitor(world.ref("root/b"), times=2))
        await world.settle()
        world.log.take()
        await world.crash("root/b")
        assert world.log.take() == ["stop b", "a sees root/b Crashed #1", "a sees root/b Crashed #1"]


async def test_the_watchers_next_incarnation_gets_no_down() -> None:
    """OTP: monitors die with the process that made them."""
    world = World()
    async with world.running(world.worker("a"), world.worker("b"), intensity=5):
        world.ref("root/a").tell(_monitor(world.ref("root/b")))
        await world.settle()
        await world.crash("root/a")
        world.log.take()
        await world.crash("root/b")
        assert world.log.take() == ["stop b", "start b"]


async def test_a_down_in_the_mailbox_of_a_dead_watcher_is_dropped() -> None:
    """OTP: the mailbox dies with its process; of ours only what others sent survives."""
    world = World()

    async def end_b_then_crash(_actor: Worker, ctx: Ctx[Worker]) -> None:
        ctx.monitor(world.ref("root/nobody"))
        raise ValueError("boom")

    async with world.running(world.worker("a"), world.worker("b")):
        world.ref("root/a").tell(Do(end_b_then_crash))
        await world.settle()
        assert world.log.take() == ["start a", "start b", "stop a", "start a"]


async def test_a_crash_in_on_down_is_a_crash() -> None:
    """OTP: a handle_info that raises ends the server."""

    world = World()
    async with world.running(child(Touchy, Role("a", world.log), id="a")):
        world.ref("root/a").tell(_monitor(world.ref("root/nobody")))
        await world.settle()
        assert await world.ref("root/a").ask(Number()) == 2


async def test_normal_ends_are_told_too() -> None:
    """OTP: DOWN comes with any reason."""
    world = World()
    async with world.running(world.worker("a"), world.worker("b", restart="temporary")):
        world.ref("root/a").tell(_monitor(world.ref("root/b")))
        await world.settle()
        world.ref("root/b").tell(Stop(Normal()))
        world.ref("root/b").tell(Crash())
        await world.settle()
        assert world.log.take()[-1] == "a sees root/b Normal #1"
