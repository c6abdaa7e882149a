"""What the operator may set: every section, its keys, their types and defaults, and the variable that sets each.

Reads nothing; where values come from is not known here.
"""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from caloron_actors.domain.events import Limits

Count = Annotated[int, msgspec.Meta(ge=1)]
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Level = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["auto", "json", "console"]
Command = tuple[str, ...]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys that belong together: a table of the file."""


class State(Section, frozen=True, kw_only=True):
    """`directory` holds everything the service keeps."""

    directory: Path


class Http(Section, frozen=True, kw_only=True):
    """Where the listener listens; port 0 takes any free one. `token_file` None: a token is made."""

    host: str = "127.0.0.1"
    port: Port = 7710
    token_file: Path | None = None


class Agents(Section, frozen=True, kw_only=True):
    """How agents run. A command is split into words already; None leaves it to the agent's framework."""

    max_agents: Count = 4
    command: Command | None = None
    reviewer_command: Command | None = None
    stop_grace: timedelta = timedelta(seconds=10)
    orphan_limit: timedelta = timedelta(minutes=30)
    wall_time: timedelta = timedelta(hours=2)
    failed_attempts: Count = 3
    retry_first: timedelta = timedelta(seconds=1)
    retry_cap: timedelta = timedelta(seconds=30)
    reviewer_asks: Count = 3
    conflict_rounds: Count = 3
    launch_attempts: Count = 5

    def limits(self) -> Limits:
        """The part of these that a sprint is started with."""
        return Limits(
            max_agents=self.max_agents,
            failed_attempts=self.failed_attempts,
            reviewer_asks=self.reviewer_asks,
            conflict_rounds=self.conflict_rounds,
            launch_attempts=self.launch_attempts,
            retry_first=self.retry_first,
            retry_cap=self.retry_cap,
            stop_grace=self.stop_grace,
        )


class Forge(Section, frozen=True, kw_only=True):
    """How often the forge is asked what changed: right after activity, and when nothing moves."""

    poll_interval: timedelta = timedelta(seconds=2)
    poll_idle: timedelta = timedelta(seconds=60)


class Log(Section, frozen=True, kw_only=True):
    """What is logged and how; `auto` is `console` on a terminal and `json` otherwise."""

    level: Level = "info"
    format: LogFormat = "auto"


class Settings(Section, frozen=True, kw_only=True):
    """Every setting of the service."""

    state: State
    http: Http = Http()
    agents: Agents = Agents()
    forge: Forge = Forge()
    log: Log = Log()


SECTIONS: Mapping[str, type[Section]] = {
    "state": State,
    "http": Http,
    "agents": Agents,
    "forge": Forge,
    "log": Log,
}


def variable(section: str, key: str) -> str:
    """The environment variable that sets `key` of `section`."""
    return f"CALORON_{section}_{key}".upper()
