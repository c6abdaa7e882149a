"""The loop of the simulations: what it takes from asyncio is still there, and it does what the simulations rely on."""

import asyncio
import inspect
from asyncio import BaseEventLoop, Handle, TimerHandle
from collections.abc import Awaitable, Callable

import anyio
import anyio.to_thread
import pytest

from tests.simulation.chance import Chance
from tests.simulation.loop import Deadlock, Livelock, SimLoop, SimTask
from tests.simulation.schedulers import Fifo, Pct, Scheduler, StarveOne, Uniform

SCHEDULERS: dict[str, Callable[[int], Scheduler]] = {
    "uniform": lambda seed: Uniform(Chance(seed)),
    "fifo": lambda seed: Fifo(),
    "pct": lambda seed: Pct(Chance(seed), 3, 100),
    "starve one": lambda seed: StarveOne(Chance(seed)),
}


def run(
    work: Callable[[SimLoop], Awaitable[None]], scheduler: Scheduler | None = None, budget: int = 10_000
) -> SimLoop:
    """Run `work` to its end on a loop of its own."""
    loop = SimLoop(scheduler or Fifo(), budget=budget)

    async def main() -> None:
        await work(loop)

    try:
        loop.run_until_complete(loop.create_task(main(), name="main"))
    finally:
        loop.finish()
    assert loop.errors == []
    return loop


def test_what_is_used_of_the_base_class_is_still_there() -> None:
    """Private parts of asyncio: where one of these fails, the loop has to be looked at anew."""
    assert hasattr(BaseEventLoop, "_run_once")
    source = inspect.getsource(BaseEventLoop.run_forever)
    assert "self._run_once()" in source
    assert "self._stopping" in source
    loop = SimLoop(Fifo(), budget=10)
    handle = Handle(print, (), loop, None)
    assert handle._callback is print  # type: ignore[attr-defined]
    assert handle._cancelled is False
    assert TimerHandle(1.0, print, (), loop, None)._cancelled is False
    assert hasattr(loop, "_thread_id")
    loop.close()


async def _sleep(_: SimLoop) -> None:
    await asyncio.sleep(3600)


def test_every_step_of_a_task_is_known_as_one() -> None:
    """The first step, a wakeup by a future and one after a bare yield: the interpreter makes three kinds of them."""
    seen: list[bool] = []

    class Watching(SimLoop):
        def _run_one(self, index: int) -> None:
            seen.append(index >= 0)
            super()._run_one(index)

    loop = Watching(Fifo(), budget=100)

    async def steps() -> None:
        await asyncio.sleep(0)
        future = loop.create_future()
        loop.call_soon(future.set_result, None)
        await future

    loop.run_until_complete(loop.create_task(steps()))
    loop.finish()
    assert seen == [True, True, False, True, False]  # start, yield, set_result, wakeup, the end of the run


def test_time_is_virtual() -> None:
    loop = run(_sleep)
    assert loop.time() == 3600
    assert loop.steps < 20


async def _race(loop: SimLoop) -> None:
    order: list[int] = []

    async def write(number: int) -> None:
        for _ in range(3):
            await anyio.sleep(0.5 * (number % 2))
            order.append(number)

    async with anyio.create_task_group() as group:
        for number in range(5):
            group.start_soon(write, number)
    with anyio.move_on_after(60):
        await anyio.sleep_forever()


def test_a_timer_that_comes_a_rounding_too_early_and_is_set_again_does_not_stop_time() -> None:
    """What anyio does with a deadline; found by seed 7787."""

    async def work(loop: SimLoop) -> None:
        deadline = loop.time() + 1e-10
        over = asyncio.Event()

        def due() -> None:
            over.set() if loop.time() >= deadline else loop.call_at(deadline, due)

        loop.call_at(deadline, due)
        await over.wait()

    assert run(work).micros == 1


@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_seed_gives_the_same_steps_again(name: str) -> None:
    runs = [run(_race, SCHEDULERS[name](7)) for _ in range(2)]
    assert runs[0].digest == runs[1].digest
    assert runs[0].steps == runs[1].steps


@pytest.mark.parametrize("name", ["uniform", "pct", "starve one"])
def test_seeds_give_different_orders(name: str) -> None:
    assert len({run(_race, SCHEDULERS[name](seed)).digest for seed in range(40)}) > 10


def test_a_deadlock_is_an_error_with_the_stacks_of_all_tasks() -> None:
    async def wait(_: SimLoop) -> None:
        await anyio.Event().wait()

    with pytest.raises(Deadlock, match=r"main\n.*in wait"):
        run(wait)


def test_a_loop_that_never_rests_is_an_error() -> None:
    async def spin(_: SimLoop) -> None:
        while True:  # noqa: ASYNC110 - it is meant to spin
            await asyncio.sleep(0)

    with pytest.raises(Livelock, match=r"10001 steps at 0.0 s: \['main'\]"):
        run(spin)


def test_threads_are_refused() -> None:
    async def flee(_: SimLoop) -> None:
        await asyncio.get_running_loop().run_in_executor(None, print)

    with pytest.raises(RuntimeError, match="no threads"):
        run(flee)


def test_a_killed_life_runs_no_step_more_and_others_go_on() -> None:
    said: list[str] = []

    async def live(name: str) -> None:
        try:
            while True:
                await asyncio.sleep(1)
                said.append(name)
        finally:
            said.append(f"{name} has ended")

    async def main(loop: SimLoop) -> None:
        for life in (1, 2):
            with loop.living(life):
                loop.create_task(live(f"life {life}"))
        await asyncio.sleep(1.5)
        loop.kill(1)
        await asyncio.sleep(1)
        assert said == ["life 1", "life 2", "life 2"]

    run(main)


def test_what_a_life_starts_is_of_that_life() -> None:
    async def child() -> None:
        await asyncio.sleep(10)

    async def parent(loop: SimLoop) -> None:
        await asyncio.sleep(1)
        loop.create_task(child(), name="child")
        await asyncio.sleep(10)

    async def main(loop: SimLoop) -> None:
        with loop.living(1):
            loop.create_task(parent(loop), name="parent")
        await asyncio.sleep(2)
        assert loop.alive(1) == ["parent", "child"]

    run(main)


def test_calls_come_at_their_step() -> None:
    steps: list[int] = []

    async def main(loop: SimLoop) -> None:
        loop.at_step(3, lambda: steps.append(loop.steps))
        begun = loop.steps
        for _ in range(6):
            await asyncio.sleep(0)
        assert steps == [begun + 3]

    run(main)


def test_a_task_is_ours() -> None:
    async def main(loop: SimLoop) -> None:
        task = asyncio.current_task()
        assert isinstance(task, SimTask)
        assert task.serial == 1

    run(main)
