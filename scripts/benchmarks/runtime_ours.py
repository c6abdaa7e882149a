"""The actor kernel's side of the runtime benchmark: supervised, bounded, counted actors, asks with their deadline."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import ClassVar

from caloron_actors.adapters.system import SystemClock
from caloron_actors.runtime import (
    Actor,
    Ask,
    Ctx,
    Factory,
    MailboxPolicy,
    Ref,
    Report,
    System,
    Tell,
    factory,
    supervisor,
)


class Sink:
    """Takes reports and renders none: that is the observer's own time."""

    def report(self, report: Report) -> None:
        pass


class Done:
    """Resolves once it has been called `left` times."""

    def __init__(self, left: int) -> None:
        self.left = left
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def one(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.future.set_result(None)


class Counter(Actor["Done | None", None]):
    """Counts what it gets."""

    mailbox: ClassVar[MailboxPolicy] = MailboxPolicy(capacity=1_000_000)

    def __init__(self) -> None:
        self.seen = 0
        self.next: Ref[Counter] | None = None

    async def init(self, ctx: Ctx["Counter"], arg: "Done | None", restored: None) -> None:
        if arg is not None:
            arg.one()


class Add(Tell[Counter], frozen=True):
    """Counts one; the last one resolves."""

    done: Done

    async def run(self, actor: Counter, ctx: Ctx[Counter]) -> None:
        actor.seen += 1
        self.done.one()


class Get(Ask[Counter, int], frozen=True):
    """Replies with the count."""

    async def run(self, actor: Counter, ctx: Ctx[Counter]) -> int:
        return actor.seen


class Crash(Tell[Counter], frozen=True):
    """Raises."""

    async def run(self, actor: Counter, ctx: Ctx[Counter]) -> None:
        raise ValueError("boom")


class Link(Tell[Counter], frozen=True):
    """Names the next of the ring."""

    next: Ref[Counter]

    async def run(self, actor: Counter, ctx: Ctx[Counter]) -> None:
        actor.next = self.next


class Hop(Tell[Counter], frozen=True):
    """Goes round."""

    left: int
    done: Done

    async def run(self, actor: Counter, ctx: Ctx[Counter]) -> None:
        if self.left == 0:
            self.done.one()
        elif actor.next is not None:
            actor.next.tell(Hop(self.left - 1, self.done))


@asynccontextmanager
async def running() -> AsyncIterator[Factory["Done | None", Counter]]:
    """A factory below a root supervisor that allows any number of crashes."""
    system = System(clock=SystemClock(), observer=Sink())
    spec = factory(Counter, id="f", restart="permanent", intensity=1_000_000, period=1.0)
    async with asyncio.TaskGroup() as group:
        group.create_task(system.run(supervisor(spec, id="root")))
        handle = system.factory(spec, "root/f")
        await handle_is_up(system)
        yield handle
        await system.stop()


async def handle_is_up(system: System) -> None:
    while system.tree().state != "running":  # noqa: ASYNC110
        await asyncio.sleep(0)


async def start(handle: Factory["Done | None", Counter], number: int) -> list[Ref[Counter]]:
    return [await handle.start_child(str(key), None) for key in range(number)]


async def tell_burst(number: int) -> float:
    async with running() as handle:
        (ref,) = await start(handle, 1)
        done = Done(number)
        msg = Add(done)
        began = time.perf_counter()
        for _ in range(number):
            ref.tell(msg)
        await done.future
        return number / (time.perf_counter() - began)


async def tell_singly(number: int) -> float:
    async with running() as handle:
        (ref,) = await start(handle, 1)
        done = Done(number)
        msg = Add(done)
        began = time.perf_counter()
        for _ in range(number):
            ref.tell(msg)
            await asyncio.sleep(0)
        await done.future
        return number / (time.perf_counter() - began)


async def ask_alone(number: int) -> float:
    async with running() as handle:
        (ref,) = await start(handle, 1)
        msg = Get()
        began = time.perf_counter()
        for _ in range(number):
            await ref.ask(msg)
        return number / (time.perf_counter() - began)


async def ask_64(number: int) -> float:
    async with running() as handle:
        (ref,) = await start(handle, 1)
        msg = Get()

        async def some() -> None:
            for _ in range(number // 64):
                await ref.ask(msg)

        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(64):
                group.create_task(some())
        return number / (time.perf_counter() - began)


async def ring(size: int, hops: int) -> float:
    async with running() as handle:
        refs = await start(handle, size)
        for here, there in zip(refs, refs[1:] + refs[:1], strict=True):
            here.tell(Link(there))
        await refs[-1].ask(Get())
        done = Done(1)
        began = time.perf_counter()
        refs[0].tell(Hop(hops, done))
        await done.future
        return hops / (time.perf_counter() - began)


async def fan_out(size: int) -> float:
    async with running() as handle:
        refs = await start(handle, size)
        done = Done(size)
        msg = Add(done)
        began = time.perf_counter()
        for ref in refs:
            ref.tell(msg)
        await done.future
        return size / (time.perf_counter() - began)


async def spawn(number: int) -> float:
    async with running() as handle:
        began = time.perf_counter()
        started = await handle.start_children({str(key): None for key in range(number)})
        rate = number / (time.perf_counter() - began)
        if not all(isinstance(one, Ref) for one in started.values()):
            raise RuntimeError("some did not start")
        return rate


async def spawn_singly(number: int) -> float:
    async with running() as handle:
        began = time.perf_counter()
        await start(handle, number)
        return number / (time.perf_counter() - began)


async def crash_to_running(number: int) -> float:
    """Microseconds, the median of so many crashes one after another."""
    async with running() as handle:
        return await crashes(handle, number)


async def crashes(
    handle: Factory["Done | None", Counter], number: int, now: Callable[[], float] = time.perf_counter
) -> float:
    """The same for one more child of that factory."""
    took: list[float] = []
    ended = Done(1)
    ref = await handle.start_child("crashing", ended)
    for _ in range(number):
        ended.left, ended.future = 1, asyncio.get_running_loop().create_future()
        began = now()
        ref.tell(Crash())
        await ended.future
        took.append(now() - began)
    return statistics.median(took) * 1e6


async def storm(number: int) -> tuple[float, float]:
    """Seconds until all run again, and the 99th percentile of another actor's asks meanwhile in milliseconds."""
    async with running() as handle:
        other = await handle.start_child("other", None)
        done = Done(number)
        refs = [await handle.start_child(str(key), done) for key in range(number)]
        done.left, done.future = number, asyncio.get_running_loop().create_future()
        took: list[float] = []
        began = time.perf_counter()
        for ref in refs:
            ref.tell(Crash())
        while not done.future.done():
            asked = time.perf_counter()
            await other.ask(Get())
            took.append(time.perf_counter() - asked)
        spent = time.perf_counter() - began
        return spent, sorted(took)[int(len(took) * 0.99)] * 1e3
