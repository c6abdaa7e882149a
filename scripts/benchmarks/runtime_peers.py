"""The peers of the runtime benchmark: a bare asyncio.Queue loop, anyio memory streams, pykka, and an awaited call.

None of them supervises, bounds or counts anything, and their asks have no deadline: each is the least that works.
"""

import asyncio
import importlib.util
import threading
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


def pykka_is_here() -> bool:
    return importlib.util.find_spec("pykka") is not None


class Pykka:
    """pykka's threading actors, if pykka can be imported."""

    def __init__(self) -> None:
        import pykka  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415

        class Counting(pykka.ThreadingActor):  # type: ignore[misc, unused-ignore]
            def __init__(self, left: int, done: threading.Event) -> None:
                super().__init__()
                self.left = left
                self.done = done
                self.next: Any = None

            def on_receive(self, message: Any) -> Any:  # noqa: ANN401
                if isinstance(message, pykka.ActorRef):
                    self.next = message
                    return None
                if message is not None and self.next is not None:
                    if message == 0:
                        self.done.set()
                    else:
                        self.next.tell(message - 1)
                    return None
                self.left -= 1
                if self.left == 0:
                    self.done.set()
                return self.left

        self._actor: Any = Counting
        self._stop_all: Callable[[], object] = pykka.ActorRegistry.stop_all

    def _some(self, number: int, left: int) -> tuple[list[Any], threading.Event]:
        done = threading.Event()
        return [self._actor.start(left, done) for _ in range(number)], done

    def tell_burst(self, number: int) -> float:
        (ref,), done = self._some(1, number)
        began = time.perf_counter()
        for _ in range(number):
            ref.tell(None)
        done.wait()
        return self._rate(number, began)

    def ask_alone(self, number: int) -> float:
        (ref,), _ = self._some(1, -1)
        began = time.perf_counter()
        for _ in range(number):
            ref.ask(None)
        return self._rate(number, began)

    def ask_64(self, number: int) -> float:
        (ref,), _ = self._some(1, -1)
        began = time.perf_counter()
        for _ in range(number // 64):
            for reply in [ref.ask(None, block=False) for _ in range(64)]:
                reply.get()
        return self._rate(number, began)

    def ring(self, size: int, hops: int) -> float:
        refs, done = self._some(size, -1)
        for here, there in zip(refs, refs[1:] + refs[:1], strict=True):
            here.ask(there)
        began = time.perf_counter()
        refs[0].tell(hops)
        done.wait()
        return self._rate(hops, began)

    def fan_out(self, size: int) -> float:
        refs, _ = self._some(size, -1)
        began = time.perf_counter()
        for ref in refs:
            ref.tell(None)
        for ref in refs:
            ref.ask(None)
        return self._rate(size, began)

    def spawn(self, number: int) -> float:
        began = time.perf_counter()
        for _ in range(number):
            self._actor.start(-1, threading.Event()).ask(None)
        return self._rate(number, began)

    def _rate(self, number: int, began: float) -> float:
        rate = number / (time.perf_counter() - began)
        self._stop_all()
        return rate


def run(work: Awaitable[float]) -> float:
    """Run one measurement on a loop of its own, the stock one."""

    async def main() -> float:
        return await work

    return asyncio.run(main())
