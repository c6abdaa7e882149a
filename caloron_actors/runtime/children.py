"""A supervisor's record of one child: what runs there now, its number, its last snapshot, and how it is stopped."""

from collections.abc import Callable
from typing import Any

from .cell import Cell
from .clock import Timer
from .exits import Exit, Killed, Normal, Shutdown
from .incarnation import UNKILLABLE, Incarnation
from .kernel import Kernel
from .restarts import RestartWindow
from .running import Running
from .spec import AnySpec, ChildSpec, FactorySpec, Limit, Restart, SupervisorSpec
from .telemetry import ChildInfo, ErrorContext, Kind, Node, Progress, State, SupervisorReport

MakeSubtree = Callable[
    [Kernel, "SupervisorSpec | FactorySpec[Any, Any]", str, int, Callable[[Running], None]], Running
]
"""Makes, but does not launch, the supervisor of a specification: path, number, and what to call at its end."""


class Child:
    """One place under a supervisor. `running` is None whenever nothing runs there."""

    __slots__ = (
        "_cells",
        "_failures",
        "_kernel",
        "_make_subtree",
        "_on_end",
        "_on_heard",
        "_parent",
        "_pause",
        "_saved",
        "_up_since",
        "number",
        "path",
        "running",
        "spec",
        "state",
        "window",
    )

    def __init__(
        self,
        kernel: Kernel,
        spec: AnySpec,
        parent: str,
        make_subtree: MakeSubtree,
        on_end: "Callable[[Child, Running], None]",
        *,
        on_heard: "Callable[[Child, Running], None] | None" = None,
    ) -> None:
        self.spec = spec
        self.path = address(spec, parent)
        self.state: State = "waiting"
        self.number = 0
        self.running: Running | None = None
        self._kernel = kernel
        self._parent = parent
        self._make_subtree = make_subtree
        self._on_end = on_end
        self._on_heard = on_heard
        self.window = None if spec.budget is None else RestartWindow(spec.budget.restarts, spec.budget.period)
        self._failures = 0
        self._up_since: float | None = None
        self._pause: Timer | None = None
        self._saved: Any = None
        self._cells: tuple[Cell, ...] = ()
        self.open()

    def open(self) -> None:
        """Take messages for every actor that this specification names, whether it runs yet or not."""
        if isinstance(self.spec, ChildSpec):
            if not self._cells:
                self._cells = (self._kernel.registry.cell(self.path),)
            self._cells[0].mailbox.open(self.spec.actor.mailbox)
        else:
            self._cells = tuple(open_cells(self._kernel, self.spec, self._parent))

    @property
    def cell(self) -> Cell:
        """An actor's address."""
        return self._cells[0]

    def close(self) -> None:
        """It will not run again: turn messages away."""
        for cell in self._cells:
            cell.close()

    def launch(self) -> Running:
        """Start the next incarnation; its `acknowledged` tells how that went."""
        self.number += 1
        self.state = "starting"
        if self._pause is not None:
            self.end_pause()
        if self.number > 1:
            self.open()
        self.running = running = self._make()
        running.launch()
        return running

    async def start(self) -> Exit | None:
        """Launch and wait for the acknowledgement; the reason when it failed."""
        running = self.launch()
        await running.acknowledged.wait()
        return self.settle_start(running)

    def settle_start(self, running: Running) -> Exit | None:
        """Note how the start went, and report it when it went well."""
        failure = running.acknowledged.value
        if failure is None:
            self.state = "running"
            if self.spec.backoff is not None:
                self._up_since = self._kernel.clock.monotonic()
            self._kernel.report(Progress(self._parent, self.info()))
        else:
            self.forget("waiting")
        return failure

    async def stop(self, restarts: int) -> None:
        """Stop what runs here, by the child's shutdown rule, and report an end that was not the expected one."""
        running = self.running
        if running is None:
            self.end_pause()
            if self.state != "parked":
                self.state = "down"
            return
        starting = not running.acknowledged.is_set  # its state lags behind while the event is queued
        self.state = "stopping"
        limit = shutdown_limit(self.spec)
        if limit == "kill":
            running.kill()
        else:
            if starting:
                running.abort_start(Killed())
            else:
                running.request_stop(Shutdown())
            if not await running.ended.wait_for(limit, self._kernel.timers):
                running.kill()
        await running.ended.wait()
        if self.running is not running:
            return  # another stop of it has seen to the rest
        reason = running.ended.value or Normal()
        self.forget("down")
        if reason == UNKILLABLE:
            self.report("unkillable", reason, restarts)
        elif not starting and not self._expected(reason, limit):
            self.report("shutdown_error", reason, restarts)

    def pause(self) -> float:
        """Seconds to wait before the restart that is due now, by the child's backoff."""
        backoff = self.spec.backoff
        if backoff is None:
            return 0.0
        up_since, self._up_since = self._up_since, None
        if up_since is not None and self._kernel.clock.monotonic() - up_since >= backoff.cap:
            self._failures = 0
        self._failures += 1
        return backoff.delay(self._failures - 1, self._kernel.draw())

    def after_pause(self, seconds: float, call: Callable[[], None]) -> None:
        """Run `call` after so many seconds, unless the child is stopped or started before."""
        self._pause = self._kernel.timers.after(seconds, call)

    def end_pause(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None

    def park(self, reason: Exit, restarts: int) -> None:
        """Its budget is spent: it stays down and turns messages away until it is restarted by hand."""
        self.forget("parked")
        self.close()
        self.report("parked", reason, restarts)

    def renew(self) -> None:
        """Give it a fresh budget and a fresh row of delays."""
        self._failures = 0
        if self.window is not None:
            self.window.clear()

    def forget(self, state: State) -> None:
        """Nothing runs here any more; its snapshot stays for the next incarnation."""
        if isinstance(self.running, Incarnation):
            self._saved = self.running.saved
        if self.running is not None:
            self.running.settle()
        self.running = None
        self.state = state

    def report(self, context: ErrorContext, reason: Exit, restarts: int) -> None:
        """Report a failure of this child in its supervisor's name."""
        self._kernel.report(SupervisorReport(self._parent, context, reason, self.info(), restarts))

    def info(self) -> ChildInfo:
        spec = self.spec
        if isinstance(spec, ChildSpec):
            return ChildInfo(self.path, "actor", self.number, spec.restart, spec.shutdown, spec.significant)
        return ChildInfo(
            self.path, kind_of(spec), self.number, restart_of(spec), shutdown_limit(spec), spec.significant
        )

    def node(self) -> Node:
        """This place as it is now."""
        spec, running, kind = self.spec, self.running, kind_of(self.spec)
        if isinstance(spec, ChildSpec):
            mailbox = self._cells[0].mailbox
            poison = self._cells[0].poison
            last = None if running is None else running.last_message
            return Node(
                spec.id,
                self.path,
                kind,
                self.state,
                self.number,
                mailbox=len(mailbox),
                dropped=mailbox.dropped,
                last_message=None if last is None else type(last).__name__,
                busy=running is not None and running.busy,
                handled=self._cells[0].handled + (0 if running is None else running.handled),
                poisoned=0 if poison is None else len(poison),
            )
        if running is None:
            return Node(spec.id, self.path, kind, self.state, self.number)
        return Node(
            spec.id,
            self.path,
            kind,
            self.state,
            self.number,
            restarts=running.restarts,
            children=running.nodes,
        )

    def _make(self) -> Running:
        spec = self.spec
        if isinstance(spec, ChildSpec):
            return Incarnation(
                self._kernel,
                spec,
                self._cells[0],
                number=self.number,
                restored=self._saved,
                owner=self,
            )
        return self._make_subtree(self._kernel, spec, self.path, self.number, self.ended)

    def heard(self, running: Running) -> None:
        """The start of an actor went through or failed: tell the supervisor, if it does not wait for it."""
        if self._on_heard is not None:
            self._on_heard(self, running)

    def ended(self, running: Running) -> None:
        """What ran here is over: tell the supervisor."""
        self._on_end(self, running)

    def _expected(self, reason: Exit, limit: Limit) -> bool:
        if isinstance(reason, Killed) if limit == "kill" else reason == Shutdown():
            return True
        return isinstance(reason, Normal | Shutdown) and restart_of(self.spec) != "permanent"


def address(spec: AnySpec, parent: str) -> str:
    """Where the actor or supervisor of that specification is found."""
    name = spec.name if isinstance(spec, ChildSpec) else None
    return name or (f"{parent}/{spec.id}" if parent else spec.id)


def open_cells(kernel: Kernel, spec: AnySpec, parent: str) -> list[Cell]:
    """Open the mailboxes of every actor named in `spec`; what a factory will hold is not known yet."""
    path = address(spec, parent)
    if isinstance(spec, SupervisorSpec):
        return [cell for inner in spec.children for cell in open_cells(kernel, inner, path)]
    if isinstance(spec, FactorySpec):
        return []
    cell = kernel.registry.cell(path)
    cell.mailbox.open(spec.actor.mailbox)
    return [cell]


def kind_of(spec: AnySpec) -> Kind:
    if isinstance(spec, ChildSpec):
        return "actor"
    return "supervisor" if isinstance(spec, SupervisorSpec) else "factory"


def restart_of(spec: AnySpec) -> Restart:
    """How this child of its supervisor is restarted; a factory's own rule, not that of its children."""
    return spec.own_restart if isinstance(spec, FactorySpec) else spec.restart


def shutdown_limit(spec: AnySpec) -> Limit:
    """Supervisors get as long as their children need."""
    return spec.shutdown if isinstance(spec, ChildSpec) else None
