"""Anything that runs under a supervisor, an actor or a supervisor, as that supervisor sees it."""

from abc import ABC, abstractmethod
from typing import Protocol

from .exits import Crashed, Exit, without_cause
from .latch import Latch
from .telemetry import Node


class Owner(Protocol):
    """Whoever is told of a start and of an end."""

    def heard(self, running: "Running") -> None:
        """The start went through or failed."""

    def ended(self, running: "Running") -> None: ...


class Running(ABC):
    """`acknowledged` holds None when the start went well, else the reason; `ended` the reason of the end."""

    __slots__ = ("_ended", "acknowledged")

    def __init__(self) -> None:
        self.acknowledged: Latch[Exit | None] = Latch()
        self._ended: Latch[Exit] | None = None

    @property
    def ended(self) -> Latch[Exit]:
        if self._ended is None:
            self._ended = Latch()
        return self._ended

    @abstractmethod
    def launch(self) -> None:
        """Start; returns at once."""

    @abstractmethod
    def request_stop(self, reason: Exit) -> None:
        """End in order, as soon as possible. The first reason given stands."""

    def settle(self) -> None:
        """Its supervisor has seen to its end. Frees the frames of a crash, which would keep it alive in a circle."""
        for latch in (self.acknowledged, self._ended):
            if latch is not None and isinstance(latch.value, Crashed):
                latch.amend(without_cause(latch.value))

    def abort_start(self, reason: Exit) -> None:
        """End although the start is not acknowledged yet."""
        self.request_stop(reason)

    @abstractmethod
    def kill(self) -> None:
        """End without asking. `ended` is set in bounded time, whatever the task does."""

    @property
    def busy(self) -> bool:
        return False

    @property
    def last_message(self) -> object:
        return None

    @property
    def handled(self) -> int:
        """Messages that it has handled or begun."""
        return 0

    @property
    def restarts(self) -> int:
        return 0

    @property
    def nodes(self) -> tuple[Node, ...]:
        return ()
