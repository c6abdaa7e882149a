"""Whether the cost of a message or of a restart grows: with the mailbox's length, with siblings, with depth.

Time of the processor, the least of some rounds: what other programs take of the machine is no part of it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

import runtime_ours as ours

from caloron_actors.adapters.system import SystemClock
from caloron_actors.runtime import Ref, System, child, supervisor

ROUNDS = 5
MESSAGES = 50_000
Measure = Callable[[int], Awaitable[float]]


async def by_mailbox(length: int) -> float:
    """Nanoseconds for each message, told and handled, when so many wait at once."""
    async with ours.running() as handle:
        (ref,) = await ours.start(handle, 1)
        return await _bursts(ref, length)


async def by_siblings(number: int) -> float:
    """Nanoseconds for each message to one of so many children of a factory."""
    async with ours.running() as handle:
        await handle.start_children({str(key): None for key in range(number)})
        return await _bursts(handle.ref(str(number // 2)), 1000)


async def by_depth(depth: int) -> float:
    """Nanoseconds for each message to an actor below so many supervisors."""
    system = System(clock=SystemClock(), observer=ours.Sink())
    path = "/".join(["root", *(f"s{level}" for level in range(depth - 1)), "a"])
    spec = child(ours.Counter, None, id="a")
    tree = None
    for level in reversed(range(depth - 1)):
        tree = supervisor(tree or spec, id=f"s{level}")
    async with asyncio.TaskGroup() as group:
        group.create_task(system.run(supervisor(tree or spec, id="root")))
        while system.tree().state != "running":  # noqa: ASYNC110
            await asyncio.sleep(0)
        took = await _bursts(system.ref(ours.Counter, path), 1000)
        await system.stop()
        return took


async def restart_by_siblings(number: int) -> float:
    """Nanoseconds from a crash to running again, among so many children of a factory."""
    async with ours.running() as handle:
        await handle.start_children({str(key): None for key in range(number)})
        return await ours.crashes(handle, 500, time.process_time) * 1e3


async def _bursts(ref: Ref[ours.Counter], length: int) -> float:
    done = ours.Done(1)
    msg = ours.Add(done)
    bursts = max(1, MESSAGES // length)
    began = time.process_time()
    for _ in range(bursts):
        done.left, done.future = length, asyncio.get_running_loop().create_future()
        for _ in range(length):
            ref.tell(msg)
        await done.future
    return (time.process_time() - began) / (bursts * length) * 1e9


GROWTH: list[tuple[str, Measure, tuple[int, ...]]] = [
    ("message, messages waiting", by_mailbox, (100, 1_000, 10_000, 100_000)),
    ("message, siblings", by_siblings, (1, 100, 1_000, 10_000)),
    ("message, depth of the tree", by_depth, (1, 10, 30, 100)),
    ("crash to running, siblings", restart_by_siblings, (1, 100, 1_000, 10_000)),
]


def print_growth() -> None:
    """One line for each: the cost at each size, measured in turn, and the last against the first."""
    print("ns of processor time for one, as the number grows (1.0x: it does not grow)")
    for name, measure, sizes in GROWTH:
        seen: dict[int, list[float]] = {size: [] for size in sizes}
        for _ in range(ROUNDS):
            for size in sizes:
                seen[size].append(asyncio.run(_one(measure, size)))
        least = [min(seen[size]) for size in sizes]
        cells = "".join(f"{f'{size:,}: {took:,.0f}':>16}" for size, took in zip(sizes, least, strict=True))
        print(f"{name:<27}{cells}{least[-1] / least[0]:>8.2f}x")


async def _one(measure: Measure, size: int) -> float:
    return await measure(size)
