"""Runs seeds: each on a loop of its own, with everything drawn from the seed. Prints nothing."""

import gc
import traceback
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import contextmanager

import anyio
import msgspec
import structlog
from structlog.typing import EventDict, Processor

from caloron_actors.domain.dag import Dag
from caloron_actors.domain.events import Limits
from tests.simulation.chance import Chance
from tests.simulation.loop import SimLoop, unheard
from tests.simulation.scenario import Scenario
from tests.simulation.schedulers import Fifo, Scheduler, drawn
from tests.simulation.workload import drawn_limits, drawn_plan, plain_plan
from tests.simulation.world import World

BUDGET = 400_000
"""Steps of one seed; the longest that ended well took a tenth of it."""
TAIL = 4000


class Outcome(msgspec.Struct, kw_only=True):
    """What came of a seed. `broken` is empty when every promise was kept; `digest` sums up every step."""

    seed: int
    mode: str = "port"
    twice: bool = False
    digest: int = 0
    steps: int = 0
    seconds: float = 0.0
    lives: int = 0
    sprints: int = 0
    faults: dict[str, int] = {}
    broken: list[str] = []
    trace: list[str] = []
    crashes: list[str] = []


MODES = ("port", "client")
"""The forge at its port, or through the real client over an HTTP transport in this process."""
CLIENT_EVERY = 8
"""With both modes one seed in so many goes through the client."""
TWICE_EVERY = 20
"""One seed in so many is run twice: the same steps must follow."""


def run_block(seeds: Sequence[int], mode: str, *, trace: bool = False) -> list[Outcome]:
    """Run seeds one after another; `mode` may be "both"."""
    return [run_checked(seed, mode_of(seed, mode), trace=trace) for seed in seeds]


def mode_of(seed: int, mode: str) -> str:
    """The mode of one seed."""
    if mode != "both":
        return mode
    return "client" if seed % CLIENT_EVERY == 0 else "port"


def run_checked(seed: int, mode: str = "port", *, trace: bool = False) -> Outcome:
    """Run a seed, and every twentieth once more to see that it does the same."""
    outcome = run_seed(seed, mode, trace=trace)
    if seed % TWICE_EVERY == 0:
        outcome.twice = True
        again = run_seed(seed, mode)
        if (again.digest, again.steps) != (outcome.digest, outcome.steps):
            outcome.broken.append(f"its second run differs: {again.steps} steps instead of {outcome.steps}")
    return outcome


def run_seed(seed: int, mode: str = "port", *, trace: bool = False) -> Outcome:
    """Run one seed of trouble."""
    chance = Chance(seed)
    shape = chance.stream("shape")
    plans = [drawn_plan(shape, f"s{number + 1}") for number in range(1 + shape.happens(0.2))]
    scheduler = drawn(chance.stream("scheduler"))
    with _heap_at_rest():
        return _run(scheduler, seed, plans, drawn_limits(shape), mode=mode, plain=False, trace=trace)


def run_plain(seed: int = 0, tasks: int = 6, mode: str = "port") -> Outcome:
    """Run a sprint without any trouble, as fast as that goes: for measuring."""
    return run_plans([plain_plan(count=tasks)], mode=mode, seed=seed)


def run_plans(
    plans: list[Dag], *, mode: str, seed: int = 0, limits: Limits | None = None, trace: bool = False
) -> Outcome:
    """Run certain plans without any trouble."""
    with _heap_at_rest():
        return _run(Fifo(), seed, plans, limits or Limits(), mode=mode, plain=True, trace=trace)


def _run(
    scheduler: Scheduler, seed: int, plans: list[Dag], limits: Limits, *, mode: str, plain: bool, trace: bool
) -> Outcome:
    loop = SimLoop(scheduler, budget=BUDGET)
    if trace:
        loop.trace = deque(maxlen=TAIL)
    outcome = Outcome(seed=seed, mode=mode)
    chance = Chance(seed)
    worlds: list[World] = []

    async def main() -> None:
        async with anyio.create_task_group() as group:
            world = World(loop, group, chance, plans, limits, mode=mode, plain=plain)
            worlds.append(world)
            scenario = Scenario(world, chance.stream("scenario"), plain=plain)
            try:
                await scenario.run()
            finally:
                outcome.lives = scenario.lives
                outcome.crashes = scenario.crashes
                outcome.broken += world.checks.broken
            group.cancel_scope.cancel()

    with _logging_to(_into_trace(loop)):
        task = loop.create_task(main(), name="main")
        try:
            loop.run_until_complete(task)
        except Exception as error:  # a deadlock or a bug of ours is a finding like any other
            outcome.broken.append("".join(traceback.format_exception(error))[-6000:])
        outcome.broken += loop.errors
        outcome.digest, outcome.steps, outcome.seconds = loop.digest, loop.steps, loop.time()
        outcome.trace = [] if loop.trace is None else [_line(*entry) for entry in loop.trace]
        loop.finish()
    for world in worlds:
        outcome.faults = dict(world.trouble.counted)
        outcome.sprints = len(world.plans)
        world.disk.close()
    return outcome


def _line(step: int, micros: int, words: str) -> str:
    return f"{step:>8} {micros / 1e6:>14.6f}  {words}"


@contextmanager
def _heap_at_rest() -> Generator[None, None, None]:
    """Garbage is collected after a run, when nothing holds what it leaves, and never at a moment of its own."""
    collecting = gc.isenabled()
    gc.disable()
    gc.freeze()  # what is there already need not be looked through after every run
    try:
        yield
    finally:
        with unheard(), _logging_to(_nowhere):
            gc.collect()
        gc.unfreeze()
        if collecting:
            gc.enable()


@contextmanager
def _logging_to(keep: Processor) -> Generator[None, None, None]:
    before = structlog.get_config()
    structlog.configure(processors=[keep], cache_logger_on_first_use=False)
    try:
        yield
    finally:
        structlog.configure(**before)


def _nowhere(_logger: object, _name: str, _event: EventDict) -> EventDict:
    raise structlog.DropEvent


def _into_trace(loop: SimLoop) -> Processor:
    """Log lines go into the trace, if there is one."""

    def keep(_logger: object, _name: str, event: EventDict) -> EventDict:
        if loop.trace is not None:
            loop.trace.append((loop.steps, loop.micros, f"   {event.pop('event')} {event}"))
        raise structlog.DropEvent

    return keep
