"""What every launcher does, over the one in memory and the one with real processes."""

import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from caloron_actors.adapters.memory.launcher import CannotStart, Finished, MemoryLauncher
from caloron_actors.adapters.process import HarnessLimits, ProcessLauncher
from caloron_actors.adapters.system.clock import SystemClock
from caloron_actors.adapters.system.entropy import nonce
from caloron_actors.domain.ids import AgentId, SprintId, TaskId
from caloron_actors.ports.errors import Unavailable
from caloron_actors.ports.launcher import (
    Absent,
    Alive,
    Ended,
    GivenUp,
    Launcher,
    LaunchOrder,
    Output,
    RunId,
)

SHELL = shutil.which("sh") or "/bin/sh"
COMMANDS = {
    "echo": "cat; echo 'to stderr' >&2",
    "fail": "echo sorry; exit 3",
    "die": "kill -KILL $$",
    "forever": "while :; do sleep 600; done",
    "missing": "",
}
GRACE = timedelta(seconds=10)
LIMITS = HarnessLimits(leftover_grace=timedelta(milliseconds=100))


def run_id(ordinal: int = 1) -> RunId:
    return RunId(SprintId("sprint-1"), TaskId("task-1"), AgentId("agent-1"), ordinal)


async def scripted(order: LaunchOrder) -> Finished | CannotStart:
    """The commands above, as coroutines."""
    match order.env["BEHAVIOUR"]:
        case "echo":
            return Finished(stdout=order.prompt, stderr="to stderr\n")
        case "fail":
            return Finished(code=3, stdout="sorry\n")
        case "die":
            return Finished(code=None, signal=9)
        case "forever":
            await anyio.sleep_forever()
        case _:
            pass
    return CannotStart("no such file")


class World:
    """A launcher and a way to order the commands above from it."""

    def __init__(self, launcher: Launcher, cwd: Path) -> None:
        self.launcher = launcher
        self.cwd = cwd

    def order(
        self,
        behaviour: str,
        ordinal: int = 1,
        prompt: str = "the prompt\n",
        wall_time: timedelta | None = None,
    ) -> LaunchOrder:
        argv = ("/no/such/agent",) if behaviour == "missing" else (SHELL, "-c", COMMANDS[behaviour])
        return LaunchOrder(
            run=run_id(ordinal),
            argv=argv,
            cwd=self.cwd,
            env={"BEHAVIOUR": behaviour, "PATH": "/usr/bin:/bin"},
            prompt=prompt,
            wall_time=wall_time,
        )


@pytest.fixture(params=["memory", "process"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    cwd = tmp_path / "worktree"
    cwd.mkdir()
    if request.param == "memory":
        async with anyio.create_task_group() as host:
            yield World(MemoryLauncher(scripted, host), cwd)
            host.cancel_scope.cancel()
        return
    launcher = ProcessLauncher(
        tmp_path / "runs",
        tmp_path / "agents.sock",
        nonce=nonce,
        boot_id=SystemClock().now().boot_id,
        limits=LIMITS,
    )
    yield World(launcher, cwd)
    for ordinal in (1, 2):
        await launcher.stop(run_id(ordinal), timedelta(0))


async def test_a_run_nobody_launched_is_absent(world: World) -> None:
    assert await world.launcher.look(run_id()) == Absent()
    assert await world.launcher.wait(run_id()) == Absent()
    assert await world.launcher.output(run_id(), 100) == Output(stdout="", stderr="")
    await world.launcher.renew_lease(run_id())
    assert await world.launcher.look(run_id()) == Absent()


async def test_the_runs_of_a_sprint_are_listed(world: World) -> None:
    """Those that were ordered and those that were given up, whatever became of them."""
    assert await world.launcher.runs(run_id().sprint) == []
    await world.launcher.launch(world.order("echo"))
    await world.launcher.stop(run_id(2), GRACE)
    await world.launcher.wait(run_id())
    assert await world.launcher.runs(run_id().sprint) == [run_id(1), run_id(2)]
    assert await world.launcher.runs(SprintId("sprint-2")) == []


async def test_a_run_ends_by_itself(world: World) -> None:
    assert isinstance(await world.launcher.launch(world.order("echo")), Alive | Ended)
    end = await world.launcher.wait(run_id())
    assert end == Ended(cause="exited", started=True, code=0)
    assert await world.launcher.output(run_id(), 1000) == Output(stdout="the prompt\n", stderr="to stderr\n")
    assert await world.launcher.look(run_id()) == end
    assert await world.launcher.launch(world.order("echo")) == end
    assert await world.launcher.stop(run_id(), GRACE) == end


@pytest.mark.parametrize(("behaviour", "code", "signal"), [("fail", 3, None), ("die", None, 9)])
async def test_the_exit_status_is_told(
    world: World, behaviour: str, code: int | None, signal: int | None
) -> None:
    await world.launcher.launch(world.order(behaviour))
    assert await world.launcher.wait(run_id()) == Ended(
        cause="exited", started=True, code=code, signal=signal
    )


async def test_a_second_launch_finds_the_first(world: World) -> None:
    first = await world.launcher.launch(world.order("forever"))
    assert isinstance(first, Alive)
    assert first.nonce
    assert await world.launcher.launch(world.order("echo")) == first
    assert await world.launcher.look(run_id()) == first


async def test_launches_of_one_run_at_once_give_one_run(world: World) -> None:
    states: list[object] = []

    async def launch() -> None:
        states.append(await world.launcher.launch(world.order("forever")))

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(launch)
    assert isinstance(states[0], Alive)
    assert states == [states[0]] * 3


async def test_a_stopped_run_is_over(world: World) -> None:
    await world.launcher.launch(world.order("forever"))
    end = await world.launcher.stop(run_id(), GRACE)
    assert isinstance(end, Ended)
    assert end.cause == "stopped"
    # The stop may come between the claim and the command's start.
    assert (end.started, end.signal) in {(True, 15), (False, None)}
    assert await world.launcher.stop(run_id(), GRACE) == end
    assert await world.launcher.wait(run_id()) == end


async def test_an_unclaimed_run_is_given_up_by_a_stop(world: World) -> None:
    assert await world.launcher.stop(run_id(), GRACE) == GivenUp()
    assert await world.launcher.launch(world.order("echo")) == GivenUp()
    assert await world.launcher.wait(run_id()) == GivenUp()
    assert await world.launcher.look(run_id()) == GivenUp()
    await world.launcher.renew_lease(run_id())


async def test_wall_time_ends_a_run(world: World) -> None:
    await world.launcher.launch(world.order("forever", wall_time=timedelta(milliseconds=50)))
    end = await world.launcher.wait(run_id())
    assert isinstance(end, Ended)
    assert (end.cause, end.started) == ("wall_time", True)


async def test_a_command_that_cannot_be_started_says_so(world: World) -> None:
    await world.launcher.launch(world.order("missing"))
    end = await world.launcher.wait(run_id())
    assert isinstance(end, Ended)
    assert (end.cause, end.started, end.code) == ("not_started", False, None)
    assert "no such file" in end.detail.lower()


async def test_ordinals_are_runs_of_their_own(world: World) -> None:
    await world.launcher.launch(world.order("fail", ordinal=1))
    await world.launcher.wait(run_id(1))
    assert await world.launcher.look(run_id(2)) == Absent()
    await world.launcher.launch(world.order("echo", ordinal=2))
    assert await world.launcher.wait(run_id(2)) == Ended(cause="exited", started=True, code=0)


async def test_output_is_the_end_in_whole_characters(world: World) -> None:
    await world.launcher.launch(world.order("echo", prompt="start äöü"))
    await world.launcher.wait(run_id())
    assert (await world.launcher.output(run_id(), 4)).stdout == "öü"
    assert (await world.launcher.output(run_id(), 3)).stdout in {"ü", "�"}
    assert (await world.launcher.output(run_id(), 0)).stdout == ""


async def test_several_may_wait_and_a_cancelled_wait_ends_nothing(world: World) -> None:
    ends: list[object] = []

    async def wait() -> None:
        ends.append(await world.launcher.wait(run_id()))

    started = await world.launcher.launch(world.order("forever"))
    with anyio.move_on_after(0.01):
        await world.launcher.wait(run_id())
    assert await world.launcher.look(run_id()) == started
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        tasks.start_soon(wait)
        end = await world.launcher.stop(run_id(), GRACE)
    assert ends == [end, end]


async def test_in_memory_an_unrenewed_lease_ends_a_run(tmp_path: Path) -> None:
    turns: list[anyio.Event] = []

    async def sleep(_: float) -> None:
        turns.append(anyio.Event())
        await turns[-1].wait()

    async def asleep() -> None:
        while not turns or turns[-1].is_set():
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as host:
        launcher = MemoryLauncher(scripted, host, orphan_limit=timedelta(minutes=30), sleep=sleep)
        await launcher.launch(World(launcher, tmp_path).order("forever"))
        for _ in range(3):
            await asleep()
            await launcher.renew_lease(run_id())
            turns[-1].set()
        await asleep()
        assert isinstance(await launcher.look(run_id()), Alive)
        turns[-1].set()
        end = await launcher.wait(run_id())
    assert isinstance(end, Ended)
    assert end.cause == "orphaned"


async def test_in_memory_harnesses_can_be_lost_and_refused(tmp_path: Path) -> None:
    async with anyio.create_task_group() as host:
        launcher = MemoryLauncher(scripted, host)
        world = World(launcher, tmp_path)
        await launcher.launch(world.order("forever"))
        launcher.lose(run_id())
        assert await launcher.wait(run_id()) == Ended(cause="lost", started=True)
        launcher.refuse_next("no harness")
        with pytest.raises(Unavailable, match="no harness"):
            await launcher.launch(world.order("echo", ordinal=2))
        assert await launcher.look(run_id(2)) == GivenUp()
        assert launcher.launched == [run_id()]
