"""Side tasks of one incarnation: work beside its mailbox that comes back as a message and ends with it."""

from asyncio import CancelledError, current_task
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, TypeVar

from anyio import CancelScope

from .exits import crashed
from .latch import Latch
from .mailbox import Own
from .messages import Tell
from .origin import VOICE, Voice

if TYPE_CHECKING:
    from .incarnation import Incarnation

T = TypeVar("T")


class SideTasks:
    """All side tasks of one incarnation."""

    __slots__ = ("_owner", "_running", "_serial", "voice")

    def __init__(self, owner: "Incarnation") -> None:
        self._owner = owner
        self.voice = Voice(owner.cell, in_handler=False)
        self._running: dict[CancelScope, tuple[str, Latch[None]]] = {}
        self._serial = 0

    def __len__(self) -> int:
        return len(self._running)

    def spawn(
        self, work: Callable[[], Awaitable[T]], then: "Callable[[T | Exception], Tell[Any] | None]"
    ) -> None:
        """Start `work`; refused silently once the incarnation is over."""
        owner = self._owner
        if owner.over:
            return
        self._serial += 1
        scope, done = CancelScope(), Latch[None]()
        context = copy_context()
        context.run(VOICE.set, self.voice)
        name = f"{owner.cell.path}#{owner.number}.{self._serial}"
        self._running[scope] = (name, done)
        owner.kernel.spawn(self._run(work, then, scope, done), name, context)

    async def end(self, grace: float) -> bool:
        """Cancel all and wait for their end, at most `grace` seconds; False when some would not go."""
        for scope in self._running:
            scope.cancel()
        timers = self._owner.kernel.timers
        all_gone = True
        for scope, (name, done) in list(self._running.items()):
            if not await done.wait_for(grace, timers):
                all_gone = False
                self._running.pop(scope, None)
                self._owner.kernel.abandon(name)
        return all_gone

    async def _run(
        self,
        work: Callable[[], Awaitable[T]],
        then: "Callable[[T | Exception], Tell[Any] | None]",
        scope: CancelScope,
        done: Latch[None],
    ) -> None:
        try:
            with scope:
                await self._work(work, then, scope)
        finally:
            self._running.pop(scope, None)
            done.set(None)

    async def _work(
        self,
        work: Callable[[], Awaitable[T]],
        then: "Callable[[T | Exception], Tell[Any] | None]",
        scope: CancelScope,
    ) -> None:
        result: T | Exception
        try:
            result = await work()
        except Exception as error:
            result = error
        except CancelledError as error:
            task = current_task()
            if scope.cancel_called or task is None or task.cancelling():
                raise
            result = RuntimeError(f"a side task waited for something that was cancelled: {error}")
        except SystemExit as error:
            result = RuntimeError(f"a side task called exit: {error}")
        owner = self._owner
        try:
            msg = then(result)
        except Exception as error:
            owner.fail(crashed(error), "side task")
            return
        if msg is not None and not owner.over:
            owner.cell.mailbox.put_own(Own(owner.number, msg))
