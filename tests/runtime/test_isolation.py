"""What an actor must not inherit, leak or take along: contexts, tasks, exits."""

import asyncio
from contextvars import ContextVar

import anyio
import pytest

from caloron_actors.runtime import Crashed, CrashReport, Ctx, Factory, Shutdown, Stopped, factory, supervisor
from tests.runtime.conftest import Compute, Do, Number, Role, Stop, Worker, World

REQUEST: ContextVar[str] = ContextVar("REQUEST", default="none")


async def _request(_actor: Worker, _ctx: Ctx[Worker]) -> str:
    return REQUEST.get()


async def test_a_start_is_free_of_its_callers_context() -> None:
    """Ours: a task copies its creator's context; a child started by a request must not carry it for all its lives."""
    world = World()
    spec = factory(Worker, id="f")
    REQUEST.set("the request")
    async with world.running(spec):
        ref = await world.factory(spec).start_child("a", Role("a", world.log))
        assert await ref.ask(Compute(_request)) == "none"


async def test_what_a_factory_does_after_its_start_is_free_of_its_causers_context() -> None:
    """Ours: `rebuilt` runs in the factory's name, whoever caused its start."""
    world = World()
    seen: list[str] = []

    async def rebuilt(_workers: Factory[Role, Worker]) -> None:
        seen.append(REQUEST.get())

    REQUEST.set("the request")
    async with world.running(factory(Worker, id="f", rebuilt=rebuilt)):
        await world.settle()
    assert seen == ["none"]


async def test_a_restart_is_free_of_the_crashed_lifes_context() -> None:
    """Ours: what an incarnation set is gone with it."""
    world = World()

    async def set_and_crash(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        REQUEST.set("left over")
        raise ValueError("boom")

    async with world.running(world.worker("a")):
        world.ref("root/a").tell(Do(set_and_crash))
        await world.settle()
        assert await world.ref("root/a").ask(Compute(_request)) == "none"


@pytest.mark.parametrize(
    "error", [SystemExit(3), BaseExceptionGroup("several", [SystemExit(3), ValueError()])]
)
async def test_an_exit_inside_an_actor_is_a_crash_of_that_actor(error: BaseException) -> None:
    """Ours: an actor cannot end the process by accident."""
    world = World()

    async def leave(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        raise error

    async with world.running(world.worker("a"), world.worker("b")):
        world.ref("root/a").tell(Do(leave))
        await world.settle()
        assert await world.ref("root/a").ask(Number()) == 2
        assert await world.ref("root/b").ask(Number()) == 1


def test_ctrl_c_inside_an_actor_ends_the_program() -> None:
    """Ours: KeyboardInterrupt is the user's, not the actor's; asyncio raises it out of the loop."""
    world = World()

    async def interrupt(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        raise KeyboardInterrupt

    async def main() -> None:
        async with world.running(world.worker("a")):
            world.ref("root/a").tell(Do(interrupt))
            await anyio.sleep_forever()

    with pytest.raises(KeyboardInterrupt):
        anyio.run(main)


async def test_a_task_group_that_fails_inside_a_handler_is_one_crash() -> None:
    """Ours: whatever scopes a handler opens are its own."""
    world = World()

    async def fail() -> None:
        raise ValueError("inner")

    async def group(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(fail)
            tasks.start_soon(anyio.sleep_forever)

    async with world.running(world.worker("a")):
        world.ref("root/a").tell(Do(group))
        await world.settle()
        assert await world.ref("root/a").ask(Number()) == 2


async def test_scopes_in_handlers_and_in_init_work() -> None:
    """Ours: structured concurrency inside a message is legal."""
    world = World()

    async def scopes(_actor: Worker, _ctx: Ctx[Worker]) -> bool:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await anyio.sleep_forever()
        return scope.cancelled_caught

    async def init(actor: Worker, ctx: Ctx[Worker]) -> None:
        assert await scopes(actor, ctx)

    async with world.running(world.worker("a", init=init)):
        assert await world.ref("root/a").ask(Compute(scopes)) is True


async def test_a_handler_that_swallows_one_cancellation_is_killed_all_the_same() -> None:
    """Ours: the scope hits again at every await, so only one that refuses without end survives."""
    world = World()

    async def stubborn(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        for _ in range(3):
            try:
                await anyio.sleep_forever()
            except asyncio.CancelledError:
                world.log.add("swallowed")

    async with world.running(world.worker("a", shutdown="kill")):
        world.ref("root/a").tell(Do(stubborn))
        await world.settle()
    assert world.log.take() == ["start a", "swallowed", "swallowed", "swallowed"]
    assert world.system.abandoned == ()


async def test_a_crash_report_says_what_was_in_work_and_renders_late() -> None:
    """OTP: a crash report has the reason with its stack, the last message and the queue's length."""
    world = World()

    async def fail(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        raise ValueError("boom")

    msg = Do(fail)
    async with world.running(world.worker("a")):
        world.ref("root/a").tell(msg)
        world.ref("root/a").tell(Stop(Shutdown()))
        await world.settle()
        report = next(report for report in world.reports if isinstance(report, CrashReport))
        assert (report.path, report.incarnation, report.during) == ("root/a", 1, "message")
        assert report.last_message is msg
        assert report.mailbox == 1
        assert isinstance(report.reason, Crashed)
        assert report.reason.error == "ValueError: boom"
        assert "in fail" in report.reason.traceback


async def test_an_observer_that_fails_harms_nobody() -> None:
    """Ours: reports go to the loop's exception handler instead."""
    seen: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: seen.append(context["message"]))

    class Broken(World):
        def report(self, report: object) -> None:
            raise ValueError("no disk")

    try:
        world = Broken()
        async with world.running(world.worker("a")):
            await world.crash("root/a")
            assert await world.ref("root/a").ask(Number()) == 2
    finally:
        asyncio.get_running_loop().set_exception_handler(None)
    assert set(seen) == {"an observer failed"}


async def test_every_end_is_reported_once() -> None:
    """OTP: one exit per process."""
    world = World()
    async with world.running(supervisor(world.worker("a"), id="inner"), world.worker("b")):
        await world.crash("root/inner/a")
    ended = [(report.path, report.incarnation) for report in world.reports if isinstance(report, Stopped)]
    assert sorted(ended) == [
        ("root", 1),
        ("root/b", 1),
        ("root/inner", 1),
        ("root/inner/a", 1),
        ("root/inner/a", 2),
    ]


async def test_a_hundred_lives_leave_nothing() -> None:
    """Ours: no task, scope, timer or cell is left of a tree, however often it starts, crashes and stops."""
    for _ in range(100):
        world = World()
        spec = factory(Worker, id="f")
        async with world.running(world.worker("a"), spec, strategy="rest_for_one"):
            await world.factory(spec).start_child("x", Role("x", world.log))
            await world.crash("root/a")
        assert world.clock.sleepers == 0
        assert world.system._kernel.factories == {}
    names = {task.get_name() for task in asyncio.all_tasks()}
    assert not [name for name in names if name.startswith("root")]


async def test_a_system_runs_once() -> None:
    """Ours: a kernel belongs to one run."""
    world = World()
    async with world.running():
        with pytest.raises(RuntimeError, match="once"):
            await world.system.run(supervisor(id="root"))


async def test_stopping_what_never_ran_is_no_error() -> None:
    """Ours: stop is idempotent."""
    world = World()
    await world.system.stop()
    async with world.running():
        await world.system.stop()
        await world.system.stop()
