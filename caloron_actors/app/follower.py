"""Whoever waits for what a sprint comes to."""

import anyio

from caloron_actors.domain.events import Event
from caloron_actors.domain.sprint.state import Sprint
from caloron_actors.ports.watching import Watcher


class Follower(Watcher):
    """Lets the run wait for what the sprint comes to, and passes every step on to whoever shows it."""

    def __init__(self, shown: Watcher) -> None:
        self._shown = shown
        self._moved = anyio.Event()
        self.sprint: Sprint | None = None

    def moved(self, sprint: Sprint, event: Event) -> None:
        """Keep the newest state and wake the waiter."""
        self.sprint = sprint
        self._shown.moved(sprint, event)
        self._moved.set()
        self._moved = anyio.Event()

    async def next(self, known: Sprint | None) -> None:
        """Wait for a state other than `known`."""
        while self.sprint is known:
            await self._moved.wait()
