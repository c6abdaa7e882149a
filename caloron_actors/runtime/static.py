"""A supervisor of a listed set: ordered start, the three strategies, reverse stop, changes by request. One at a time."""

from collections.abc import Callable
from typing import assert_never

from .children import Child, MakeSubtree, restart_of
from .errors import ActorGone, AlreadyStarted, ChildRefused, StartFailed
from .exits import Exit, Killed, Normal, Shutdown, describe
from .kernel import Kernel
from .ref import Ref
from .restarts import RestartWindow
from .running import Running
from .spec import AnySpec, SupervisorSpec, check_child_of
from .supervising import Acknowledged, Ended, Event, Failed, PauseOver, Request, Retry, Supervising
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
        self._make_subtree = make_subtree
        self._children = [self._child(inner) for inner in spec.children]

    @property
    def nodes(self) -> tuple[Node, ...]:
        return tuple(child.node() for child in self._children)

    @property
    def children(self) -> tuple[Child, ...]:
        return tuple(self._children)

    async def live(self) -> Exit:
        for child in self._children:
            failure = await child.start()
            if failure is not None:
                child.report("start_error", failure, self.restarts)
                return Shutdown(f"{child.path} did not start: {describe(failure)}")
        self.acknowledged.set(None)
        over: Exit | None = None
        while over is None:
            over = await self._handle(await self.next_event())
        return over

    async def stop_children(self) -> None:
        for child in reversed(self._children):
            await child.stop(self.restarts)

    async def _handle(self, event: Event) -> Exit | None:
        match event:
            case Ended(child, running):
                if child.running is running:
                    return await self._child_ended(child, running.ended.value or Normal())
            case Retry(child):
                if child.state == "restarting":
                    return await self._retry(child)
            case PauseOver(child):
                if child.state == "restarting":
                    await self._start_group(child)
            case Request():
                await self._serve(event)
            case Acknowledged():
                pass  # its starts are awaited
            case Failed(reason):
                return reason
            case _:
                assert_never(event)
        return None

    async def _child_ended(self, child: Child, reason: Exit) -> Exit | None:
        child.forget("down")
        if self.wants_restart(child, reason):
            return await self._restart(child)
        child.close()
        if restart_of(child.spec) == "temporary":
            self._children.remove(child)
        return self._auto_shutdown(child)

    async def _restart(self, child: Child) -> Exit | None:
        """Count a restart and do it; a start that fails is tried again through the queue."""
        child.state = "restarting"
        verdict = self.spend(child)
        if verdict == "parked":
            return None
        if verdict != "restart":
            return verdict
        await self._stop_others(child)
        pause = child.pause()
        if pause > 0:
            child.after_pause(pause, lambda: self.post(PauseOver(child)))
        else:
            await self._start_group(child)
        return None

    async def _retry(self, child: Child) -> Exit | None:
        over = await self._restart(child)
        if child.state == "parked":
            await self._start_group(child)  # those of its group that were to start after it
        return over

    async def _stop_others(self, child: Child) -> None:
        for other in reversed(self._group(child)):
            if other is not child and other.state != "parked":
                await other.stop(self.restarts)
                if restart_of(other.spec) == "temporary":
                    self._remove(other)

    async def _start_group(self, child: Child) -> None:
        for other in self._group(child):
            if other.running is not None or other.state == "parked":
                continue
            failure = await other.start()
            if failure is not None:
                other.report("start_error", failure, self.restarts)
                other.state = "restarting"
                self.post(Retry(other))
                break

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

    async def _serve(self, request: Request) -> None:
        """Do what is asked for, or say why not. The supervisor goes on in either case."""
        try:
            if not isinstance(request.subject, str):
                await self._add(request.subject)
            elif request.kind == "terminate":
                await self._terminate(self._get(request.subject))
            elif request.kind == "restart":
                await self._resume(self._get(request.subject))
            else:
                self._delete(self._get(request.subject))
        except Exception as error:
            request.refuse(error)
        except BaseException:
            request.refuse(ActorGone(self.path, self.stopping))
            raise
        else:
            request.succeed()

    async def _add(self, spec: AnySpec) -> None:
        present = self.find(spec.id)
        if present is not None:
            if present.running is None and present.state != "restarting":
                raise ChildRefused(present.path, "already_present")
            raise AlreadyStarted(Ref[object](self.kernel.registry.cell(present.path)))
        check_child_of(self._spec, spec)
        child = self._child(spec)
        self._children.append(child)
        failure = await child.start()
        if failure is not None:
            child.report("start_error", failure, self.restarts)
            self._remove(child)
            raise StartFailed(child.path, failure)

    async def _terminate(self, child: Child) -> None:
        await child.stop(self.restarts)
        child.state = "down"
        child.close()
        if restart_of(child.spec) == "temporary":
            self._remove(child)

    async def _resume(self, child: Child) -> None:
        _check_idle(child)
        parked = child.state == "parked"
        child.renew()
        failure = await child.start()
        if failure is None:
            return
        child.report("start_error", failure, self.restarts)
        child.state = "parked" if parked else "down"
        child.close()
        raise StartFailed(child.path, failure)

    def _delete(self, child: Child) -> None:
        _check_idle(child)
        self._remove(child)

    def _get(self, id_: str) -> Child:
        child = self.find(id_)
        if child is None:
            raise ChildRefused(f"{self.path}/{id_}", "not_found")
        return child

    def _remove(self, child: Child) -> None:
        child.close()
        self._children.remove(child)

    def _child(self, spec: AnySpec) -> Child:
        return Child(self.kernel, spec, self.path, self._make_subtree, self.child_ended)


def abort_start(child: Child) -> None:
    """Cut off the start of a child that somebody wants down; its supervisor then hears of a failed start."""
    if child.state == "starting" and child.running is not None:
        child.running.abort_start(Killed())


def _check_idle(child: Child) -> None:
    """Raises ChildRefused for a child that runs or is about to."""
    if child.running is not None:
        raise ChildRefused(child.path, "running")
    if child.state == "restarting":
        raise ChildRefused(child.path, "restarting")
