"""One life of an actor: init, its messages one at a time, terminate; and the end, whatever caused it.

It is stepped by drivers (see scheduler.py), one activation after another: `turn` makes the next one.
"""

from collections.abc import Callable
from contextvars import Context
from typing import Any

from .actor import Actor, Ctx
from .alarms import Frozen, stack_of
from .cell import Cell
from .clock import Timer
from .crashes import message_of, report_crash
from .driver import Driver, Step
from .errors import ActorGone, Stashed
from .exits import Crashed, Exit, Killed, without_cause
from .kernel import KILL_GRACE, Kernel
from .life import begin
from .mailbox import Call, Entry, Own
from .messages import Tell
from .origin import VOICE, Voice
from .running import Owner, Running
from .side import SideTasks
from .spec import ChildSpec
from .stash import Stash
from .telemetry import Stopped

KILLED = Killed()
UNKILLABLE = Killed("unkillable")


class Incarnation(Running):
    """Runs one actor from its start to its end; `acknowledged` and `ended` are what its supervisor waits for."""

    __slots__ = (
        "_fence_timer",
        "_limit",
        "_side",
        "_stash",
        "_timers",
        "actor",
        "cell",
        "context",
        "crash",
        "ctx",
        "cut",
        "doing",
        "driver",
        "due",
        "during",
        "hard",
        "held",
        "kernel",
        "killed",
        "number",
        "over",
        "overdue",
        "owner",
        "patience",
        "push",
        "reason",
        "saved",
        "saves",
        "serial",
        "spec",
        "stopping",
        "terminated",
        "turn",
        "voice",
    )

    def __init__(
        self,
        kernel: Kernel,
        spec: ChildSpec,
        cell: Cell,
        *,
        number: int,
        restored: object,
        owner: Owner,
    ) -> None:
        super().__init__()
        self.kernel = kernel
        self.cell = cell
        self.number = number
        self.saved: Any = restored
        self.over = False
        self.context = Context()
        self.voice = Voice(cell, in_handler=True)
        self.context.run(VOICE.set, self.voice)
        self.turn: Step = begin
        self.push: Callable[[Any], None] = kernel.push
        self.driver: Driver | None = None
        self.serial = 0
        self.patience = 0
        self.spec = spec
        self.actor: Actor[Any, Any] | None = None
        self.ctx: Ctx[Any] | None = None
        self.during = "init"
        self.doing: Entry | None = None
        self.held: tuple[Call, object] | None = None
        self.stopping: Exit | None = None
        self.reason: Exit = KILLED
        self.killed: Exit = KILLED
        self.saves = False
        self.crash: Crashed | None = None
        self.cut = self.hard = self.due = False
        self.overdue = self.terminated = False
        self.owner = owner
        self._limit: Timer | None = None
        self._fence_timer: Timer | None = None
        self._timers: set[Timer] | None = None
        self._side: SideTasks | None = None
        self._stash: Stash | None = None

    def launch(self) -> None:
        self.cell.started(self.number)
        self.kernel.scheduler.push_change(self)

    def request_stop(self, reason: Exit) -> None:
        if self.stopping is None:
            self.stopping = reason
            self.cell.mailbox.wake()

    def settle(self) -> None:
        super().settle()
        self.ctx = self.actor = self._side = None
        self.reason = without_cause(self.reason)

    def abort_start(self, reason: Exit) -> None:
        # An init that gets through all the same has something to clean up: terminate follows.
        self.killed = reason
        self.cut = True
        self.request_stop(reason)
        self.cancel()

    def kill(self) -> None:
        if self.hard or self.over:
            return
        self.cut = self.hard = True
        self.request_stop(self.killed)
        self.cancel()

    def after(self, seconds: float, msg: Tell[Any]) -> Timer:
        timers = self._timers
        if timers is None:
            timers = self._timers = set()

        def fire() -> None:
            timers.discard(timer)
            self.cell.mailbox.put_own(Own(self.number, msg))

        timer = self.kernel.timers.after(seconds, fire)
        if self.over:
            timer.cancel()
        else:
            timers.add(timer)
        return timer

    @property
    def side(self) -> SideTasks:
        if self._side is None:
            self._side = SideTasks(self)
        return self._side

    @property
    def stash(self) -> Stash:
        if self._stash is None:
            self._stash = Stash(self.cell.mailbox, self.cell.path)
        return self._stash

    def put_aside(self) -> Stashed:
        """What to raise to put the message in work aside."""
        return self.stash.check(self.doing)

    def frozen(self, seconds: float) -> Frozen:
        stack = "" if self.driver is None else stack_of(self.driver.step)
        return Frozen(self.cell.path, self.number, self.last_message, seconds, stack)

    def fail(self, reason: Crashed, during: str) -> None:
        """Something beside the mailbox failed: end as crashed after the present message."""
        if not self.over:
            self.report_crash(reason, during)
            self.request_stop(reason)

    @property
    def handled(self) -> int:
        return self.serial

    @property
    def busy(self) -> bool:
        return self.doing is not None

    @property
    def last_message(self) -> object:
        """The message in work, or the one that crashed it."""
        return message_of(self.doing)

    def waits(self, driver: Driver) -> None:
        """Its step has suspended: from now on it can be cancelled, and what is limited in time needs a timer."""
        self.driver = driver
        if self.over:
            return
        if self.during != "message" and self._limit is None:
            self._set_limit()
        if self.due:
            self.cancel()

    def cancel(self) -> None:
        """Cancel what it waits for until its driver is free; fenced when that takes too long."""
        driver = self.driver
        self.due = driver is None
        if driver is not None and not driver.scope.cancel_called:
            driver.scope.cancel()
            self._fence_timer = self.kernel.timers.after(KILL_GRACE, lambda: self._fence(driver))

    def end_limit(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    async def end_side_tasks(self) -> None:
        if self._side is not None and len(self._side) and not await self._side.end(KILL_GRACE):
            self._fence_off()
            self.report_crash(UNKILLABLE, "side task")

    @property
    def has_side_tasks(self) -> bool:
        return self._side is not None and len(self._side) > 0

    def finish(self, reason: Exit) -> None:
        """It is over: nothing of it is left, and everybody who waits for it is told."""
        if self.over:
            return
        self.over = True
        self.report_own_crash()
        kernel, cell = self.kernel, self.cell
        kernel.ended += 1
        kernel.crashed += isinstance(reason, Crashed)
        cell.handled += self.serial
        self._cancel_timers()
        for call in (self.doing, None if self.held is None else self.held[0]):
            if isinstance(call, Call):
                call.fail(ActorGone(cell.path, reason))
        if self._stash is not None:
            self._stash.put_back()
        cell.mailbox.reader = None
        cell.ended_with(reason)
        kernel.report(Stopped(cell.path, self.number, reason))
        if not self.acknowledged.is_set:
            self.acknowledged.set(reason)
            self.owner.heard(self)
        self.ended.set(reason)
        self.owner.ended(self)

    def report_own_crash(self) -> None:
        """Report what `judge` has found, once; after a message this waits for the turn that sees to the end."""
        crash, self.crash = self.crash, None
        if crash is not None:
            self.report_crash(crash, self.during)

    def report_crash(self, reason: Exit, during: str) -> None:
        report_crash(self.cell, self.actor, self.doing, self.number, reason, during=during)

    def _cancel_timers(self) -> None:
        self.end_limit()
        if self._fence_timer is not None:
            self._fence_timer.cancel()
        for timer in self._timers or ():
            timer.cancel()

    def _set_limit(self) -> None:
        if self.during == "init":
            self._limit = self.kernel.timers.after(self.spec.init_timeout, self._init_overdue)
        elif self.during == "terminate":
            limit = KILL_GRACE if self.spec.shutdown == "kill" else self.spec.shutdown
            if limit is not None:
                self._limit = self.kernel.timers.after(limit, self._terminate_overdue)

    def _init_overdue(self) -> None:
        self.abort_start(Crashed(f"init took longer than {self.spec.init_timeout} s"))

    def _terminate_overdue(self) -> None:
        self.overdue = True
        self.cancel()

    def _fence_off(self) -> None:
        self.voice.fenced = True
        if self._side is not None:
            self._side.voice.fenced = True

    def _fence(self, driver: Driver) -> None:
        if not self.over and self.driver is driver:
            self._fence_off()
            self.kernel.abandon(f"{self.cell.path}#{self.number}", driver.task)
            self.finish(UNKILLABLE)
