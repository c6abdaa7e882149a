"""What is wrong without having ended: handlers that go on for too long, and a loop that stands still."""

import sys
import threading
import traceback
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable, Iterable
from types import CoroutineType, FrameType
from typing import Protocol

import msgspec

from .clock import Clock


class Frozen(msgspec.Struct, frozen=True):
    """An actor is with the same message for at least `seconds`; `stack` shows where it waits."""

    path: str
    incarnation: int
    message: object
    seconds: float
    stack: str


class LoopStalled(msgspec.Struct, frozen=True):
    """The event loop has not turned for at least `seconds`; `stack` shows what its thread was doing."""

    seconds: float
    stack: str


Alarm = Frozen | LoopStalled


class AlarmPolicy(msgspec.Struct, frozen=True):
    """Whom to tell, and after how many seconds (None: never).

    Frozen comes on the loop. LoopStalled comes at once, in a thread of its own, because a loop that hangs for good
    would never get to it; the callee must be ready for that.
    """

    on_alarm: Callable[[Alarm], None]
    frozen_after: float | None = 60.0
    stall_after: float | None = 1.0


class InWork(Protocol):
    """An incarnation that is with a message, as the search for frozen handlers sees it."""

    @property
    def serial(self) -> int:
        """Differs from message to message."""
        ...

    def frozen(self, seconds: float) -> Frozen: ...


class FrozenSearch:
    """Notes who is with which message; one alarm for each that is still there `limit` seconds later."""

    def __init__(self, clock: Clock, limit: float) -> None:
        self._clock = clock
        self._limit = limit
        self._seen: dict[InWork, tuple[int, float]] = {}
        self._told: dict[InWork, int] = {}

    def sweep(self, in_work: Iterable[InWork]) -> list[Frozen]:
        """Look once. An alarm comes at most one sweep late."""
        now = self._clock.monotonic()
        seen: dict[InWork, tuple[int, float]] = {}
        told: dict[InWork, int] = {}
        found: list[Frozen] = []
        for one in in_work:
            serial, since = self._seen.get(one, (one.serial, now))
            seen[one] = (serial, since) if serial == one.serial else (one.serial, now)
            if self._told.get(one) == one.serial:
                told[one] = one.serial
            elif serial == one.serial and now - since >= self._limit:
                told[one] = serial
                found.append(one.frozen(now - since))
        self._seen, self._told = seen, told
        return found


class LoopWatch:
    """A thread that sees whether the loop still turns, and calls `alarm` once for each time it does not."""

    def __init__(self, limit: float, alarm: Callable[[LoopStalled], None]) -> None:
        self._limit = limit
        self._alarm = alarm
        self._beats = 0
        self._over = threading.Event()
        self._beat: TimerHandle | None = None
        self._thread: threading.Thread | None = None

    def start(self, loop: AbstractEventLoop) -> None:
        """Watch the loop that runs in the calling thread."""
        self._pulse(loop)
        arguments = (threading.get_ident(),)
        self._thread = threading.Thread(target=self._watch, args=arguments, name="loop watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it; it does nothing that takes long."""
        self._over.set()
        if self._beat is not None:
            self._beat.cancel()
        if self._thread is not None:
            self._thread.join()

    def _pulse(self, loop: AbstractEventLoop) -> None:
        self._beats += 1
        self._beat = loop.call_later(self._limit / 4, self._pulse, loop)

    def _watch(self, ident: int) -> None:
        beats, told = self._beats, False
        while not self._over.wait(self._limit):
            if self._beats != beats:
                beats, told = self._beats, False
            elif not told:
                told = True
                frame = _thread_frames().get(ident)
                stack = "" if frame is None else "".join(traceback.format_stack(frame))
                self._alarm(LoopStalled(self._limit, stack))


_thread_frames: Callable[[], dict[int, FrameType]] = getattr(sys, "_current_frames")  # noqa: B009  documented


def stack_of(coroutine: object) -> str:
    """Where a suspended coroutine waits, from the outside in; a task's own stack shows its outermost frame only."""
    lines: list[str] = []
    while isinstance(coroutine, CoroutineType):
        frame: FrameType | None = coroutine.cr_frame
        if frame is not None:
            code = frame.f_code
            lines.append(f'  File "{code.co_filename}", line {frame.f_lineno}, in {code.co_name}\n')
        coroutine = coroutine.cr_await
    return "".join(lines)
