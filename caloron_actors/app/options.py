"""What a service is run with, whoever starts it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from caloron_actors.domain.events import Limits
from caloron_actors.domain.sprint.state import Sprint
from caloron_actors.ports.commands import Commands
from caloron_actors.ports.watching import Watcher


@dataclass(frozen=True, kw_only=True)
class HostOptions:
    """The options of one service. `commands_of` gives a stored sprint's command lines; `wall_time` limits every run of
    an agent whose task sets no limit, so that nothing waits for a hanging one for ever."""

    state: Path
    limits: Limits
    commands_of: Callable[[Sprint], Commands]
    watcher: Watcher
    http_port: int = 0
    http_host: str = "127.0.0.1"
    http_token: str | None = None
    wall_time: timedelta = timedelta(hours=2)
    orphan_limit: timedelta = timedelta(minutes=30)
    poll_active: timedelta = timedelta(seconds=2)
    poll_idle: timedelta = timedelta(seconds=60)
