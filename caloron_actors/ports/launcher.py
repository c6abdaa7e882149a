"""Agents as processes that outlive the service: run directories, claims, adoption and stopping."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from caloron_actors.domain.ids import AgentId, SprintId, TaskId


class RunId(msgspec.Struct, frozen=True, order=True):
    """One run of an agent's process. `ordinal` counts the runs of that agent's part in that task, from 1."""

    sprint: SprintId
    task: TaskId
    agent: AgentId
    ordinal: int

    def __str__(self) -> str:
        return f"{self.sprint}/{self.task}/{self.agent}/{self.ordinal}"


class LaunchOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What to run. `argv[0]` is absolute; `env` is the agent's whole environment; the prompt arrives on stdin."""

    run: RunId
    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    prompt: str
    wall_time: timedelta | None = None


class Absent(msgspec.Struct, frozen=True, tag=True):
    """No harness has claimed this run, and none was told never to."""


class GivenUp(msgspec.Struct, frozen=True, tag=True):
    """The run was given up before its claim: a tombstone holds its slot, a late harness exits."""


class Alive(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A harness has claimed the run and its process lives. `pid` is the harness's; `nonce` authenticates its beats."""

    pid: int
    nonce: str


class Ended(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The run is over and nothing of it lives.

    `cause`: `exited` (by itself, see `code`/`signal`), `wall_time`, `stopped` (we asked), `orphaned` (no lease),
    `not_started` (the harness could not start the command, see `detail`), `lost` (the harness died without a record).
    `started` tells whether the agent's command was started.
    """

    cause: Literal["exited", "wall_time", "stopped", "orphaned", "not_started", "lost"]
    started: bool
    code: int | None = None
    signal: int | None = None
    detail: str = ""


RunState = Absent | GivenUp | Alive | Ended


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """What a run printed: the end of stdout and of stderr, at most the asked number of bytes each, as UTF-8."""

    stdout: str
    stderr: str


class Launcher(Protocol):
    """Starts agents' processes and finds them again. Every call is safe to repeat."""

    async def launch(self, order: LaunchOrder) -> RunState:
        """Start the run unless its slot is taken already, and wait until it is claimed.

        Gives the state after that: `Alive`, `Ended` (it may be that quick) or `GivenUp`. Raises `Unavailable` when the
        harness did not claim in time or could not be started; the slot is then given up, unless it says `ambiguous`:
        then the run may live, and the launch has to be repeated.
        """
        ...

    async def look(self, run: RunId) -> RunState:
        """The run's state now, from its directory and the process table."""
        ...

    async def runs(self, sprint: SprintId) -> list[RunId]:
        """Every run of a sprint that was ever begun or given up, in the order of their names."""
        ...

    async def wait(self, run: RunId) -> Ended | GivenUp | Absent:
        """Wait until the run is over (returns at once when it is, or was never claimed)."""
        ...

    async def stop(self, run: RunId, grace: timedelta) -> RunState:
        """End the run and prove its process tree empty: TERM, `grace`, KILL. An unclaimed run is given up."""
        ...

    async def renew_lease(self, run: RunId) -> None:
        """Tell the run's harness that somebody still wants it."""
        ...

    async def output(self, run: RunId, limit: int) -> Output:
        """The end of what the run printed, `limit` bytes of each stream."""
        ...
