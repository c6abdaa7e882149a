"""A thousand systems are started, kept busy and ended in every way, and nothing of them is left."""

import asyncio
import gc
import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal

import anyio
import msgspec
from hypothesis import strategies as st

from caloron_actors.adapters.memory.clock import ManualClock
from caloron_actors.runtime import (
    Actor,
    Ask,
    Ctx,
    Report,
    StartFailed,
    SupervisorSpec,
    System,
    Tell,
    child,
    supervisor,
)

from .playing import settle
from .searching import Search

CYCLES = 1000
Deed = Literal["rests", "side", "timer", "stuck", "asks", "watches", "slow_start", "bad_start", "crashes"]
DEEDS: tuple[Deed, ...] = (
    *("rests", "side", "timer", "stuck", "asks", "watches"),
    *("slow_start", "bad_start", "crashes"),
)


class Cycle(msgspec.Struct, frozen=True):
    """One system: what its actors do, how they are grouped, and how it is ended."""

    deeds: tuple[Deed, ...]
    nested: bool
    ending: Literal["stop", "cancel"]


class Busy(Actor[Deed, None]):
    """Does its deed when told to."""

    deed: Deed

    async def init(self, ctx: Ctx["Busy"], arg: Deed, restored: None) -> None:
        self.deed = arg
        if arg == "slow_start":
            await anyio.sleep_forever()
        if arg == "bad_start" and ctx.incarnation > 1:
            raise ValueError("no restart")


class Reply(Ask[Busy, int], frozen=True):
    """Asks for anything."""

    async def run(self, actor: Busy, ctx: Ctx[Busy]) -> int:
        return 1


class Begin(Tell[Busy], frozen=True):
    """Starts the deed; `peer` is the path of another actor."""

    peer: Callable[[], Any]

    async def run(self, actor: Busy, ctx: Ctx[Busy]) -> None:
        match actor.deed:
            case "side":
                ctx.spawn(anyio.sleep_forever, lambda _result: None)
                ctx.spawn(lambda: self.peer().ask(Reply(), timeout=None), lambda _result: None)
            case "timer":
                ctx.after(timedelta(hours=1), self)
            case "stuck":
                await anyio.sleep_forever()
            case "asks":
                await self.peer().ask(Reply(), timeout=None)
            case "watches":
                ctx.monitor(self.peer())
            case "crashes" | "bad_start":
                raise ValueError("crash")
            case "rests" | "slow_start":
                pass


class Nobody:
    """Takes reports and keeps none."""

    def report(self, report: Report) -> None:
        pass


def tree(cycle: Cycle) -> tuple[SupervisorSpec, list[str]]:
    """Its specification, and where its actors are."""
    actors = [child(Busy, deed, id=f"a{n}") for n, deed in enumerate(cycle.deeds)]
    if not cycle.nested:
        return supervisor(*actors, id="root"), [f"root/{spec.id}" for spec in actors]
    half = len(actors) // 2
    left = supervisor(*actors[:half], id="left", strategy="one_for_all")
    right = supervisor(*actors[half:], id="right", strategy="rest_for_one")
    paths = [f"root/{'left' if n < half else 'right'}/{spec.id}" for n, spec in enumerate(actors)]
    return supervisor(left, right, id="root", intensity=3), paths


async def live(cycle: Cycle) -> None:
    """Start, keep busy, end; the clock moves on only when nothing else does."""
    clock = ManualClock()
    system = System(clock=clock, observer=Nobody())
    root, paths = tree(cycle)
    over = False

    async def run() -> None:
        nonlocal over
        try:
            await system.run(root)
        except StartFailed:
            pass
        finally:
            over = True

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        await settle()
        for number, path in enumerate(paths):
            peer = paths[(number + 1) % len(paths)]
            system.ref(Busy, path).tell(Begin(lambda peer=peer: system.ref(Busy, peer)))  # type: ignore[misc]
        await settle()
        if cycle.ending == "cancel":
            group.cancel_scope.cancel()
        else:
            group.start_soon(system.stop)
        with anyio.CancelScope(shield=True):
            await settle()
            while not over and (due := clock.next_due()) is not None:
                clock.advance(due)
                await settle()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"left behind: {left}"
    assert not system.abandoned


def census() -> Counter[str]:
    """Living tasks, futures, scopes and parts of the kernel, by type."""
    gc.collect()
    kinds = (type(item) for item in gc.get_objects())
    return Counter(
        kind.__qualname__
        for kind in kinds
        if kind.__name__ in {"Task", "Future", "CancelScope"}
        or str(kind.__module__).startswith("caloron_actors.runtime")
    )


cycles = st.builds(
    Cycle,
    st.lists(st.sampled_from(DEEDS), max_size=5).map(tuple),
    st.booleans(),
    st.sampled_from(["stop", "cancel"]),
)


def test_a_thousand_systems_leave_nothing() -> None:
    """Ours: no task, scope, thread or part of the kernel outlives its system, however it ended."""

    def once(cycle: Cycle) -> None:
        runner.run(live(cycle))

    with asyncio.Runner() as runner:
        runner.run(live(Cycle(DEEDS, nested=True, ending="stop")))
        before, threads = census(), threading.active_count()
        Search().run(once, cycles, CYCLES)
        after = census()
    assert threading.active_count() == threads
    assert after - before == Counter()
