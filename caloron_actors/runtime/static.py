"""A supervisor of a fixed list: ordered start, the three strategies, reverse stop. One step at a time."""

from collections.abc import Callable

from .children import Child, MakeSubtree, restart_of
from .exits import Exit, Normal, Shutdown, describe
from .kernel import Kernel
from .restarts import RestartWindow
from .running import Running
from .spec import SupervisorSpec
from .supervising import Acknowledged, Ended, Failed, Retry, Supervising
from .telemetry import Node


class StaticSupervisor(Supervising):
    """Runs a SupervisorSpec."""

    def __init__(
        self,
        kernel: Kernel,
        spec: SupervisorSpec,
        *,
        path: str,
        number: int,
        make_subtree: MakeSubtree,
        on_end: Callable[[Running], None],
    ) -> None:
        super().__init__(kernel, path, number, RestartWindow(spec.intensity, spec.period), on_end)
        self._spec = spec
        self._children = [
            Child(kernel, inner, path, make_subtree, self.child_ended) for inner in spec.children
        ]

    @property
    def nodes(self) -> tuple[Node, ...]:
        return tuple(child.node() for child in self._children)

    async def live(self) -> Exit:
        for child in self._children:
            failure = await child.start()
            if failure is not None:
                child.report("start_error", failure, self.restarts)
                return Shutdown(f"{child.path} did not start: {describe(failure)}")
        self.acknowledged.set(None)
        over: Exit | None = None
        while over is None:
            event = await self.next_event()
            match event:
                case Ended(child, running):
                    if child.running is running:
                        over = await self._child_ended(child, running.ended.value or Normal())
                case Retry(child):
                    if child.state == "restarting":
                        over = await self._restart(child)
                case Acknowledged():
                    pass  # its starts are awaited
                case Failed(reason):
                    over = reason
        return over

    async def stop_children(self) -> None:
        for child in reversed(self._children):
            await child.stop(self.restarts)

    async def _child_ended(self, child: Child, reason: Exit) -> Exit | None:
        child.forget("down")
        if self.wants_restart(child, reason):
            return await self._restart(child)
        child.close()
        if restart_of(child.spec) == "temporary":
            self._children.remove(child)
        return self._auto_shutdown(child)

    async def _restart(self, child: Child) -> Exit | None:
        """Restart `child` and those that go with it; a start that fails is tried again through the queue."""
        child.state = "restarting"
        over = self.spend(child)
        if over is not None:
            return over
        group = self._group(child)
        for other in reversed(group):
            if other is not child:
                await other.stop(self.restarts)
                if restart_of(other.spec) == "temporary":
                    other.close()
                    self._children.remove(other)
        for other in [other for other in group if other in self._children]:
            failure = await other.start()
            if failure is not None:
                other.report("start_error", failure, self.restarts)
                other.state = "restarting"
                self.post(Retry(other))
                break
        return None

    def _group(self, child: Child) -> list[Child]:
        match self._spec.strategy:
            case "one_for_one":
                return [child]
            case "rest_for_one":
                return self._children[self._children.index(child) :]
            case "one_for_all":
                return list(self._children)

    def _auto_shutdown(self, child: Child) -> Exit | None:
        mode = self._spec.auto_shutdown
        if mode == "never" or not child.spec.significant:
            return None
        left = any(other.spec.significant and other.state != "down" for other in self._children)
        return None if mode == "all_significant" and left else Shutdown()
