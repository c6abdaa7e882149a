"""The handle to a running factory: start, stop and address its children by key."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .cell import Cell
from .errors import ActorGone, AlreadyStarted, AskCycle, StartFailed
from .kernel import Kernel
from .origin import VOICE
from .ref import Ref
from .spec import FactorySpec

if TYPE_CHECKING:
    from .dynamic import DynamicSupervisor

A = TypeVar("A")
Arg = TypeVar("Arg")


BESIDE = 256
"""Starts that are made beside each other."""


class Factory(Generic[Arg, A]):
    """A logical handle: it outlives the factory's restarts, and may be made before the first start."""

    def __init__(self, kernel: Kernel, spec: FactorySpec[Arg, A], path: str) -> None:
        self._kernel = kernel
        self._spec = spec
        self.path = path

    async def start_child(self, key: str, arg: Arg) -> Ref[A]:
        """Start a child and wait for its acknowledgement.

        Raises AlreadyStarted, StartFailed (its init failed, or max_children is reached), ActorGone when the factory
        itself is not running, and ValueError for a key that is empty or has a slash.
        """
        if not key or "/" in key:
            raise ValueError(f"a key is not empty and has no slash: {key!r}")
        running = self._running()
        if running.has(key):
            raise AlreadyStarted(self.ref(key))
        cell, started = running.start_child(key, arg)
        await started
        return Ref(cell)

    async def start_children(
        self, args: Mapping[str, Arg]
    ) -> dict[str, Ref[A] | StartFailed | AlreadyStarted]:
        """Start one child for each key, many beside each other; what became of each is a value.

        Raises ActorGone when the factory is not running, and ValueError for a key that is empty or has a slash.
        """
        for key in args:
            if not key or "/" in key:
                raise ValueError(f"a key is not empty and has no slash: {key!r}")
        running = self._running()
        outcomes: dict[str, Ref[A] | StartFailed | AlreadyStarted] = {}
        begun: dict[str, tuple[Cell, asyncio.Future[None]]] = {}
        for key, arg in args.items():
            if running.has(key):
                outcomes[key] = AlreadyStarted(self.ref(key))
                continue
            try:
                begun[key] = running.start_child(key, arg)
            except StartFailed as failed:
                outcomes[key] = failed
            if len(begun) >= BESIDE:
                outcomes.update({each: await _outcome(start) for each, start in begun.items()})
                begun.clear()
        outcomes.update({each: await _outcome(start) for each, start in begun.items()})
        return outcomes

    async def terminate_child(self, key: str) -> None:
        """Stop the child and forget it; nothing happens when it is not there.

        Raises ActorGone when the factory is not running, and AskCycle when a child's handler would wait for its own
        end (it may call `ctx.stop` instead).
        """
        voice = VOICE.get()
        path = f"{self.path}/{key}"
        if voice is not None and voice.in_handler and voice.cell.path == path:
            raise AskCycle(path, path)
        await self._running().terminate_child(key)

    def ref(self, key: str) -> Ref[A]:
        """The address of the child of that key, whether it runs or not."""
        return Ref(self._kernel.registry.cell(f"{self.path}/{key}"))

    def keys(self) -> tuple[str, ...]:
        """Keys of the children that run or are being started or restarted, in the order of their first start."""
        running = self._kernel.factories.get(self.path)
        return () if running is None else running.keys

    def _running(self) -> "DynamicSupervisor":
        voice = VOICE.get()
        if voice is not None and voice.fenced:
            raise ActorGone(voice.cell.path)
        running = self._kernel.factories.get(self.path)
        if running is None:
            raise ActorGone(self.path)
        return running


async def _outcome(start: "tuple[Cell, asyncio.Future[None]]") -> "Ref[Any] | StartFailed":
    cell, started = start
    try:
        await started
    except StartFailed as failed:
        return failed
    return Ref(cell)
