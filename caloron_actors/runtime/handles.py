"""The handle to a running supervisor: OTP's calls to look at its children and to change them."""

import msgspec

from .children import kind_of
from .errors import ActorGone, AskCycle, ChildRefused
from .kernel import Kernel
from .origin import VOICE
from .spec import AnySpec, ChildSpec, FactorySpec, SupervisorSpec
from .static import StaticSupervisor, abort_start
from .supervising import Supervising
from .telemetry import Node


class ChildCounts(msgspec.Struct, frozen=True):
    """Children by kind; one that is being restarted counts in its kind, not as active."""

    specs: int
    active: int
    supervisors: int
    workers: int


class Supervisor:
    """A logical handle: it outlives the supervisor's restarts. Looking never waits; changes are done one at a time.

    Every call raises ActorGone when the supervisor is not running or ends meanwhile, and AskCycle when the caller's
    handler would wait for its own end.
    """

    def __init__(self, kernel: Kernel, path: str) -> None:
        self._kernel = kernel
        self.path = path

    async def start_child(self, spec: ChildSpec | SupervisorSpec | FactorySpec[object, object]) -> None:
        """Add a child to a listed set and start it; it is gone again when the supervisor itself restarts.

        Raises AlreadyStarted, ChildRefused (already_present: restart it instead), StartFailed (the specification is
        not kept), ValueError for a specification this supervisor cannot have, and TypeError for a factory, whose
        children are started by key.
        """
        running = self._running()
        if not isinstance(running, StaticSupervisor):
            raise TypeError(f"{self.path} is a factory: start its children by key")
        await running.request("start", spec)

    async def terminate_child(self, id_: str) -> None:
        """Stop a child; also one that is starting or waits for its restart. A temporary one is forgotten.

        Raises ChildRefused (not_found).
        """
        running = self._running()
        child = running.find(id_)
        if child is not None:
            _check_not_own(child.path)
            if running.acknowledged.is_set:  # at boot the others wait for this start
                abort_start(child)
        try:
            await running.request("terminate", id_)
        except ChildRefused:
            if child is None:
                raise  # else it has gone by itself meanwhile

    async def restart_child(self, id_: str) -> None:
        """Start a child that is down or parked, with a fresh budget. Its specification stays when that fails.

        Raises ChildRefused (not_found, running, restarting) and StartFailed.
        """
        await self._running().request("restart", id_)

    async def delete_child(self, id_: str) -> None:
        """Forget a child that is down or parked. Raises ChildRefused (not_found, running, restarting)."""
        await self._running().request("delete", id_)

    def which_children(self) -> tuple[Node, ...]:
        """The children as they are now, the latest started first."""
        return self._running().nodes[::-1]

    def count_children(self) -> ChildCounts:
        """How many there are. A factory has one specification."""
        running = self._running()
        children = running.children
        supervisors = sum(kind_of(child.spec) != "actor" for child in children)
        active = sum(child.running is not None for child in children)
        specs = len(children) if isinstance(running, StaticSupervisor) else 1
        return ChildCounts(specs, active, supervisors, len(children) - supervisors)

    def get_childspec(self, id_: str) -> AnySpec:
        """The full specification. Raises ChildRefused (not_found)."""
        child = self._running().find(id_)
        if child is None:
            raise ChildRefused(f"{self.path}/{id_}", "not_found")
        return child.spec

    def _running(self) -> Supervising:
        voice = VOICE.get()
        if voice is not None and voice.fenced:
            raise ActorGone(voice.cell.path)
        running = self._kernel.supervisors.get(self.path)
        if running is None:
            raise ActorGone(self.path)
        return running


def _check_not_own(path: str) -> None:
    voice = VOICE.get()
    if voice is None or not voice.in_handler:
        return
    own = voice.cell.path
    if own == path or own.startswith(f"{path}/"):
        raise AskCycle(path, own)
