"""Who is told how a sprint moves: a terminal's table, a log, whoever waits for its end."""

from typing import Protocol

from caloron_actors.domain.events import Event
from caloron_actors.domain.sprint.state import Sprint


class Watcher(Protocol):
    """Is told of every step after it is durable. Must not block and must not raise."""

    def moved(self, sprint: Sprint, event: Event) -> None: ...
