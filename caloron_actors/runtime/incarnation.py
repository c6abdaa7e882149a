"""One life of an actor: init, its messages one at a time, terminate; and the end, whatever caused it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from anyio import CancelScope

from .actor import Actor, Ctx
from .alarms import Frozen, stack_of
from .cell import Cell
from .clock import Timer
from .crashes import message_of, report_crash
from .errors import ActorGone, Stashed
from .exits import Crashed, Exit, Killed, crashed
from .kernel import KILL_GRACE, Kernel
from .mailbox import Call, Entry, Own
from .messages import Down, Tell
from .origin import VOICE, Origin, Voice
from .ref import Ref
from .running import Running
from .side import SideTasks
from .spec import ChildSpec
from .stash import Stash
from .telemetry import Stopped

BATCH = 64
"""Messages handled before other tasks get a turn, when no handler waits by itself."""

NO_SNAPSHOT = Actor[Any, Any].snapshot
UNKILLABLE = Killed("unkillable")


class Incarnation(Running):
    """Runs one actor from its start to its end; `acknowledged` and `ended` are what its supervisor waits for."""

    def __init__(
        self,
        kernel: Kernel,
        spec: ChildSpec,
        cell: Cell,
        *,
        number: int,
        restored: object,
        on_end: Callable[[Running], None],
    ) -> None:
        super().__init__()
        self.kernel = kernel
        self.id = spec.id
        self.cell = cell
        self.number = number
        self.saved: Any = restored
        self.origin = Origin(cell, number)
        self.side = SideTasks(self)
        self.over = False
        self._spec = spec
        self._on_end = on_end
        self._stop: Exit | None = None
        self._killed: Exit = Killed()
        self._hard = False
        self._scope = CancelScope()
        self._terminating = CancelScope(shield=True)
        self._timers: set[Timer] = set()
        self._limits: list[Timer] = []
        self._init_limit: Timer | None = None
        self._actor: Actor[Any, Any] | None = None
        self._doing: Entry | None = None
        self._held: tuple[Call, object] | None = None
        self._during = "init"
        self.stash = Stash(cell.mailbox, cell.path)
        self._task: asyncio.Task[None] | None = None
        self.serial = 0
        self.patience = 0

    def launch(self) -> None:
        """Start its task; `acknowledged` is set when init is through, failed or over time."""
        self.cell.started(self.number)
        self._init_limit = self.kernel.timers.after(self._spec.init_timeout, self._init_overdue)
        self._limits.append(self._init_limit)
        self.kernel.lives.add(self)
        self._task = self.kernel.spawn(self._run(), f"{self.cell.path}#{self.number}")

    def request_stop(self, reason: Exit) -> None:
        if self._stop is None:
            self._stop = reason
            self.cell.mailbox.wake()

    def abort_start(self, reason: Exit) -> None:
        # An init that gets through all the same has something to clean up: terminate follows.
        self._killed = reason
        self.request_stop(reason)
        self._scope.cancel()
        self._limits.append(self.kernel.timers.after(KILL_GRACE, self._fence_start))

    def kill(self) -> None:
        if self._hard or self.over:
            return
        self._hard = True
        self.request_stop(self._killed)
        self._scope.cancel()
        self._terminating.cancel()
        self._limits.append(self.kernel.timers.after(KILL_GRACE, self._fence))

    def after(self, seconds: float, msg: Tell[Any]) -> Timer:
        """A timer that dies with this incarnation."""

        def fire() -> None:
            self._timers.discard(timer)
            self.cell.mailbox.put_own(Own(self.number, msg))

        timer = self.kernel.timers.after(seconds, fire)
        if self.over:
            timer.cancel()
        else:
            self._timers.add(timer)
        return timer

    def put_aside(self) -> Stashed:
        """What to raise to put the message in work aside."""
        return self.stash.check(self._doing)

    def frozen(self, seconds: float) -> Frozen:
        stack = "" if self._task is None else stack_of(self._task.get_coro())
        return Frozen(self.cell.path, self.number, self.last_message, seconds, stack)

    def fail(self, reason: Crashed, during: str) -> None:
        """Something beside the mailbox failed: end as crashed after the present message."""
        if not self.over:
            self._report_crash(reason, during)
            self.request_stop(reason)

    @property
    def busy(self) -> bool:
        return self._doing is not None

    @property
    def last_message(self) -> object:
        """The message in work, or the one that crashed it."""
        return message_of(self._doing)

    async def _run(self) -> None:
        VOICE.set(Voice(self.origin, in_handler=True))
        reason = self._killed
        try:
            with self._scope:
                reason = await self._live()
            if self._scope.cancel_called:
                reason = self._killed
            await self._end_side_tasks()
        except BaseException as error:
            # Not the kernel's doing: Ctrl-C, or the loop is closing and cancels every task.
            reason = crashed(error)
            raise
        finally:
            self._finish(reason)

    async def _live(self) -> Exit:
        ctx: Ctx[Any] = Ctx(self, Ref(self.cell))
        failed = await self._guard(self._init(ctx))
        actor = self._actor
        if failed is not None or actor is None:
            self.saved = None  # it may be what init choked on
            return failed or self._killed
        if self._init_limit is not None:
            self._init_limit.cancel()
        if not self._scope.cancel_called:
            self.kernel.started += 1
            self.acknowledged.set(None)
        reason = await self._serve(actor, ctx)
        return reason if self._hard else await self._terminate(actor, reason)

    async def _init(self, ctx: Ctx[Any]) -> None:
        actor = self._spec.actor()
        await actor.init(ctx, self._spec.arg, self.saved)
        self._actor = actor

    async def _serve(self, actor: Actor[Any, Any], ctx: Ctx[Any]) -> Exit:
        mailbox = self.cell.mailbox
        keeps = type(actor).snapshot is not NO_SNAPSHOT
        self._during = "message"
        handled = 0
        while self._stop is None:
            entry = mailbox.take()
            if entry is None:
                handled = 0
                await mailbox.wait()
                continue
            self._doing = entry
            self.serial += 1
            failed = await self._guard(self._handle(entry, actor, ctx))
            if failed is not None:
                return failed
            self._doing = None
            self.cell.handled += 1
            if keeps:
                self._save(actor)
            handled += 1
            if handled >= BATCH:
                handled = 0
                await asyncio.sleep(0)
        return self._stop

    async def _handle(self, entry: Entry, actor: Actor[Any, Any], ctx: Ctx[Any]) -> None:
        if isinstance(entry, Call):
            value = await entry.msg.run(actor, ctx)
            if self._stop is None:
                entry.answer(value)
            else:
                self._held = (entry, value)  # as in OTP, the reply follows terminate
        elif isinstance(entry, Own):
            if entry.incarnation != self.number:
                return
            if isinstance(entry.msg, Down):
                await actor.on_down(ctx, entry.msg)
            else:
                await entry.msg.run(actor, ctx)
        else:
            await entry.run(actor, ctx)

    async def _terminate(self, actor: Actor[Any, Any], reason: Exit) -> Exit:
        self._during = "terminate"
        limit = KILL_GRACE if self._spec.shutdown == "kill" else self._spec.shutdown
        with self._terminating:
            if limit is not None:
                self._limits.append(self.kernel.timers.after(limit, self._terminating.cancel))
            await self._end_side_tasks()
            reason = await self._guard(actor.terminate(reason)) or reason
        if self._terminating.cancel_called:
            return Killed("terminate took too long")
        if self._held is not None and not isinstance(reason, Crashed):
            call, value = self._held
            call.answer(value)
        return reason

    async def _guard(self, work: Awaitable[None]) -> Crashed | None:
        """Run user code; whatever escapes it, except the cancellation of this task and Ctrl-C, is a crash."""
        try:
            await work
        except Stashed:
            self.stash.put(self._doing)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if self._scope.cancel_called or task is None or task.cancelling():
                raise
            reason = crashed(error)  # it awaited something that others have cancelled
            self._report_crash(reason, self._during)
            return reason
        except (Exception, SystemExit, BaseExceptionGroup) as error:
            if isinstance(error, BaseExceptionGroup) and error.subgroup(KeyboardInterrupt):
                raise KeyboardInterrupt from error
            reason = crashed(error)
            if not self._scope.cancel_called:
                self._report_crash(reason, self._during)
            return reason
        return None

    def _save(self, actor: Actor[Any, Any]) -> None:
        try:
            self.saved = actor.snapshot()
        except Exception as error:
            self._report_crash(crashed(error), "snapshot")

    async def _end_side_tasks(self) -> None:
        if len(self.side) and not await self.side.end(KILL_GRACE):
            self.origin.fenced = True
            self._report_crash(UNKILLABLE, "side task")

    def _init_overdue(self) -> None:
        self.abort_start(Crashed(f"init took longer than {self._spec.init_timeout} s"))

    def _fence_start(self) -> None:
        if self._during == "init":
            self._fence()

    def _fence(self) -> None:
        if not self.over:
            self.origin.fenced = True
            self.kernel.abandon(f"{self.cell.path}#{self.number}")
            self._finish(UNKILLABLE)

    def _finish(self, reason: Exit) -> None:
        if self.over:
            return
        self.over = True
        self.kernel.lives.discard(self)
        self.kernel.ended += 1
        self.kernel.crashed += isinstance(reason, Crashed)
        for timer in (*self._limits, *self._timers):
            timer.cancel()
        if isinstance(self._doing, Call):
            self._doing.fail(ActorGone(self.cell.path, reason))
        self.stash.put_back()
        self.cell.ended_with(reason)
        self.kernel.report(Stopped(self.cell.path, self.number, reason))
        self.acknowledged.set(reason)
        self.ended.set(reason)
        self._on_end(self)

    def _report_crash(self, reason: Exit, during: str) -> None:
        report_crash(self.cell, self._actor, self._doing, self.number, reason, during=during)
