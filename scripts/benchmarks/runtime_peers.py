"""The peers of the runtime benchmark: a bare asyncio.Queue loop, anyio memory streams, and an awaited call.

None of them supervises, bounds or counts anything, and their asks have no deadline: each is the least that works.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

Put = Callable[[object], None]
Future = asyncio.Future[None]


class Loop:
    """One mailbox with its task. `handle` is called inline for each message."""

    def __init__(self, handle: Callable[[Any], None]) -> None:
        self.handle = handle
        self.task: asyncio.Task[None]
        self.put: Put

    def stop(self) -> None:
        self.task.cancel()


class QueueLoop(Loop):
    """`await queue.get()` in a loop."""

    def __init__(self, handle: Callable[[Any], None]) -> None:
        super().__init__(handle)
        self.queue: asyncio.Queue[Any] = asyncio.Queue()
        self.put = self.queue.put_nowait
        self.task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        while True:
            self.handle(await self.queue.get())


class StreamLoop(Loop):
    """`async for` over an anyio memory stream."""

    def __init__(self, handle: Callable[[Any], None]) -> None:
        super().__init__(handle)
        pair: tuple[MemoryObjectSendStream[Any], MemoryObjectReceiveStream[Any]]
        pair = anyio.create_memory_object_stream(float("inf"))
        self.send, self.receive = pair
        self.put = self.send.send_nowait
        self.task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        async with self.send, self.receive:
            async for item in self.receive:
                self.handle(item)


Make = Callable[[Callable[[Any], None]], Loop]


class Count:
    """Resolves after so many calls."""

    def __init__(self, left: int) -> None:
        self.left = left
        self.future: Future = asyncio.get_running_loop().create_future()

    def __call__(self, _item: object) -> None:
        self.left -= 1
        if self.left == 0:
            self.future.set_result(None)


def _reply(item: Future) -> None:
    item.set_result(None)


async def tell_burst(make: Make, number: int) -> float:
    count = Count(number)
    loop = make(count)
    await asyncio.sleep(0)
    began = time.perf_counter()
    for item in range(number):
        loop.put(item)
    await count.future
    loop.stop()
    return number / (time.perf_counter() - began)


async def tell_singly(make: Make, number: int) -> float:
    count = Count(number)
    loop = make(count)
    await asyncio.sleep(0)
    began = time.perf_counter()
    for item in range(number):
        loop.put(item)
        await asyncio.sleep(0)
    await count.future
    loop.stop()
    return number / (time.perf_counter() - began)


async def ask_alone(make: Make, number: int) -> float:
    loop = make(_reply)
    await asyncio.sleep(0)
    began = time.perf_counter()
    for _ in range(number):
        reply: Future = asyncio.get_running_loop().create_future()
        loop.put(reply)
        await reply
    loop.stop()
    return number / (time.perf_counter() - began)


async def ask_64(make: Make, number: int) -> float:
    loop = make(_reply)

    async def some() -> None:
        for _ in range(number // 64):
            reply: Future = asyncio.get_running_loop().create_future()
            loop.put(reply)
            await reply

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(64):
            group.create_task(some())
    loop.stop()
    return number / (time.perf_counter() - began)


async def ring(make: Make, size: int, hops: int) -> float:
    done: Future = asyncio.get_running_loop().create_future()
    loops: list[Loop] = []

    def passing(place: int) -> Callable[[int], None]:
        def handle(left: int) -> None:
            if left == 0:
                done.set_result(None)
            else:
                loops[place].put(left - 1)

        return handle

    loops.extend(make(passing((number + 1) % size)) for number in range(size))
    await asyncio.sleep(0)
    began = time.perf_counter()
    loops[0].put(hops)
    await done
    for loop in loops:
        loop.stop()
    return hops / (time.perf_counter() - began)


async def fan_out(make: Make, size: int) -> float:
    count = Count(size)
    loops = [make(count) for _ in range(size)]
    await asyncio.sleep(0)
    began = time.perf_counter()
    for loop in loops:
        loop.put(None)
    await count.future
    rate = size / (time.perf_counter() - began)
    for loop in loops:
        loop.stop()
    return rate


async def spawn(make: Make, number: int) -> float:
    """All beside each other, until each has replied once: a bare loop says in no other way that it is ready."""
    began = time.perf_counter()
    loops, replies = [], []
    for _ in range(number):
        loop = make(_reply)
        reply: Future = asyncio.get_running_loop().create_future()
        loop.put(reply)
        loops.append(loop)
        replies.append(reply)
    for reply in replies:
        await reply
    rate = number / (time.perf_counter() - began)
    for loop in loops:
        loop.stop()
    return rate


async def spawn_singly(make: Make, number: int) -> float:
    """One after another, each asked once: a bare loop says in no other way that it is ready."""
    loops: list[Loop] = []
    began = time.perf_counter()
    for _ in range(number):
        loop = make(_reply)
        reply: Future = asyncio.get_running_loop().create_future()
        loop.put(reply)
        await reply
        loops.append(loop)
    rate = number / (time.perf_counter() - began)
    for loop in loops:
        loop.stop()
    return rate


async def awaited_calls(number: int) -> float:
    """The limit: no mailbox, no task, nothing but `await`."""

    async def handle() -> None:
        pass

    began = time.perf_counter()
    for _ in range(number):
        await handle()
    return number / (time.perf_counter() - began)


def run(work: Awaitable[float]) -> float:
    """Run one measurement on a loop of its own, the stock one."""

    async def main() -> float:
        return await work

    return asyncio.run(main())
