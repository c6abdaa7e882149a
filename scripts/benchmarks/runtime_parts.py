"""What the parts cost here, one by one: the limits that the rows of the runtime benchmark run into."""

import asyncio
import gc
import queue
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any

import runtime_ours as ours

from caloron_actors.runtime.incarnation import Incarnation
from caloron_actors.runtime.mailbox import Call

TIMES = 20_000
ROUNDS = 5


class Parts:
    """Nanoseconds of processor time each, if not said otherwise."""

    def __init__(self) -> None:
        self.call = _least(_awaited)
        self.turn = _least(_turns)
        self.wake = _least(_wakes)
        self.thread = _threads()
        self.step = self.future = self.enqueue = self.handle = self.life = 0.0
        asyncio.run(self._inside())
        self.raised = _each(_raise)
        self.collected = _collected()
        self.objects = asyncio.run(_objects())

    async def _inside(self) -> None:
        """What needs a running tree."""
        async with ours.running() as handle:
            (ref,) = await ours.start(handle, 1)
            await ref.ask(ours.Get())
            cell, msg, get = ref._cell, ours.Add(ours.Done(-1)), ours.Get()  # noqa: SLF001
            one, mailbox, loop = cell.mailbox.reader, cell.mailbox, asyncio.get_running_loop()
            context = Context()
            reply = loop.create_future()

            def step() -> None:
                _finish(context, _nothing())

            def handle_one() -> None:
                mailbox.reader = None
                mailbox.queue.append(Call(get, reply))
                _finish(one.context, one.turn(one))

            def enqueue() -> None:
                ref.tell(msg)
                mailbox.queue.clear()

            self.step, self.future = _each(step), _each(loop.create_future)
            self.handle = _each(handle_one)
            mailbox.reader = None
            self.enqueue = _each(enqueue)
            mailbox.reader = one
            self.life = _each(
                lambda: Incarnation(cell.kernel, one.spec, cell, number=1, restored=None, owner=one.owner)
            )


async def _nothing() -> None:
    pass


def _finish(context: Context, step: Coroutine[Any, Any, None]) -> None:
    try:
        context.run(step.send, None)
    except StopIteration:
        return


def _each(work: Callable[[], object]) -> float:
    """Of one call, the least of some rounds."""
    took = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(TIMES):
            work()
        took.append((time.process_time() - began) / TIMES)
    return min(took) * 1e9


def _least(work: Callable[[int], Coroutine[Any, Any, None]]) -> float:
    """Of one of many in a coroutine, the least of some rounds."""

    async def timed() -> float:
        began = time.process_time()
        await work(TIMES)
        return (time.process_time() - began) / TIMES

    return min(asyncio.run(timed()) for _ in range(ROUNDS)) * 1e9


async def _awaited(number: int) -> None:
    for _ in range(number):
        await _nothing()


async def _turns(number: int) -> None:
    """A callback that schedules itself: the least that a turn of the loop costs."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def again(left: int) -> None:
        if left:
            loop.call_soon(again, left - 1)
        else:
            done.set_result(None)

    again(number)
    await done


async def _wakes(number: int) -> None:
    """A task that waits for a future which a callback resolves: the least that waiting for anybody costs."""
    loop = asyncio.get_running_loop()
    for _ in range(number):
        future = loop.create_future()
        loop.call_soon(future.set_result, None)
        await future


def _threads() -> float:
    """There and back between two threads, by the clock: pykka's price of an ask before it does anything itself."""
    there: queue.SimpleQueue[int | None] = queue.SimpleQueue()
    back: queue.SimpleQueue[int] = queue.SimpleQueue()

    def reply() -> None:
        while (item := there.get()) is not None:
            back.put(item)

    thread = threading.Thread(target=reply)
    thread.start()
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(2000):
            there.put(1)
            back.get()
        took.append((time.perf_counter() - began) / 2000)
    there.put(None)
    thread.join()
    return min(took) * 1e9


def _raise() -> None:
    """An exception through as many frames as one of a handler."""

    def inner() -> None:
        raise ValueError("boom")

    try:
        inner()
    except ValueError as error:
        f"{type(error).__name__}: {error}"


def _collected() -> float:
    """The collector's share of starting many actors, 0 to 1."""
    with_it = max(asyncio.run(ours.spawn(10_000)) for _ in range(ROUNDS))
    gc.disable()
    try:
        without = max(asyncio.run(ours.spawn(10_000)) for _ in range(ROUNDS))
    finally:
        gc.enable()
    return max(0.0, 1.0 - with_it / without)


async def _objects() -> list[tuple[str, int]]:
    """What one idle actor consists of, and the bytes of each, the collector's headers included."""
    async with ours.running() as handle:
        ref = await handle.start_child("key", None)
        cell = ref._cell  # noqa: SLF001
        one = cell.mailbox.reader
        place = one.owner
        held = [one, one.context, one.voice, one.ctx, one.acknowledged, one.actor, one.actor.__dict__]
        parts = {
            "incarnation and context": [*held[:5], place._cells],  # noqa: SLF001
            "address and mailbox": [cell, cell.mailbox, cell.path, ref],
            "place and specification": [place, place.spec, place.path],
            "the actor itself": held[5:],
        }
        return [
            (name, sum(map(_size, {id(each): each for each in some}.values())))
            for name, some in parts.items()
        ]


def _size(each: object) -> int:
    return sys.getsizeof(each)
