"""Anything that runs under a supervisor, an actor or a supervisor, as that supervisor sees it."""

from abc import ABC, abstractmethod

from .exits import Exit
from .latch import Latch
from .telemetry import Node


class Running(ABC):
    """`acknowledged` holds None when the start went well, else the reason; `ended` the reason of the end."""

    def __init__(self) -> None:
        self.acknowledged: Latch[Exit | None] = Latch()
        self.ended: Latch[Exit] = Latch()

    @abstractmethod
    def launch(self) -> None:
        """Start; returns at once."""

    @abstractmethod
    def request_stop(self, reason: Exit) -> None:
        """End in order, as soon as possible. The first reason given stands."""

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
    def restarts(self) -> int:
        return 0

    @property
    def nodes(self) -> tuple[Node, ...]:
        return ()
