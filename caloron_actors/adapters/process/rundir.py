"""One run's directory: its files made durable, its slot claimed by nobody or buried, its records read."""

import contextlib
import itertools
import os
from datetime import timedelta
from pathlib import Path

import msgspec

from caloron_actors.adapters.process import records
from caloron_actors.adapters.process.records import Claim, Damaged, Exit, Ordered, Started
from caloron_actors.domain.ids import AgentId, SprintId, TaskId, is_id
from caloron_actors.ports.errors import Rejected
from caloron_actors.ports.launcher import RunId

CLAIM = "pid.json"
_SERIAL = itertools.count()
"""Keeps apart the temporary files of calls that run at once."""


class RunDirectory:
    """The files below `RUNS/sprint/task/agent/ordinal`. Every call blocks; OSError passes through."""

    def __init__(self, runs: Path, run: RunId) -> None:
        """Name the directory; nothing is created. Raises Rejected for a run whose parts are no ids."""
        if not all(map(is_id, (run.sprint, run.task, run.agent))) or run.ordinal < 1:
            raise Rejected(f"not the name of a run: {run}")
        self._runs = runs
        self._parts = (run.sprint, run.task, run.agent, str(run.ordinal))
        self.path = runs.joinpath(*self._parts)

    def prepare(self, order: bytes, prompt: bytes) -> None:
        """Put the order, the prompt and a first lease on disk, durably."""
        self.make()
        self.write("prompt", prompt)
        self.write("lease", b"1\n")
        self.write("order.json", order)

    def make(self) -> None:
        """Create the directory, 0700 at every level, durably. It may exist: the claim is what is exclusive."""
        path = self._runs
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        for part in self._parts:
            path = path / part
            with contextlib.suppress(FileExistsError):
                path.mkdir(mode=0o700)
                _sync(path.parent)

    def bury(self) -> bool:
        """Put a tombstone into the slot. False when a harness has claimed it (or a tombstone is there)."""
        self.make()
        return self._link(CLAIM, records.encode(Claim(version=records.PROTOCOL, tombstone=True)))

    def record_end(self, end: Exit) -> None:
        """Put an end on record for a harness that died without doing so, or whose record is damaged."""
        self.write("exit.json", records.encode(end))

    def stop_was_asked(self) -> bool:
        """Whether the harness was ever told to stop."""
        return (self.path / "stop.json").exists()

    def ask_to_stop(self, grace: timedelta) -> None:
        """Leave word of the grace, in front of the signal."""
        self.write("stop.json", msgspec.json.encode({"grace": grace.total_seconds()}))

    def claim(self) -> Claim | Damaged | None:
        """Who holds the slot."""
        return records.read(self.path / CLAIM, Claim)

    def started(self) -> Started | Damaged | None:
        """The agent's process."""
        return records.read(self.path / "started.json", Started)

    def end(self) -> Exit | Damaged | None:
        """How the run ended."""
        return records.read(self.path / "exit.json", Exit)

    def environment(self) -> dict[str, str]:
        """The environment that was ordered, empty when the order cannot be read."""
        order = records.read(self.path / "order.json", Ordered)
        return order.env if isinstance(order, Ordered) else {}

    def renew_lease(self) -> None:
        """Change the lease. A run without a directory has nobody to tell."""
        with contextlib.suppress(FileNotFoundError):
            os.utime(self.path / "lease", follow_symlinks=False)

    def write(self, name: str, content: bytes) -> None:
        """Put a file in place, 0600, whole and durable."""
        temporary = self._temporary(name, content)
        temporary.replace(self.path / name)
        _sync(self.path)

    def _link(self, name: str, content: bytes) -> bool:
        temporary = self._temporary(name, content)
        try:
            os.link(temporary, self.path / name)
        except FileExistsError:
            return False
        finally:
            temporary.unlink()
        _sync(self.path)
        return True

    def _temporary(self, name: str, content: bytes) -> Path:
        temporary = self.path / f"{name}.{os.getpid()}.{next(_SERIAL)}.tmp"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return temporary


def runs_of(runs: Path, sprint: SprintId) -> list[RunId]:
    """The runs of a sprint that have a directory."""
    found: list[RunId] = []
    for path in (runs / sprint).glob("*/*/*"):
        task, agent, ordinal = path.relative_to(runs / sprint).parts
        if is_id(task) and is_id(agent) and ordinal.isascii() and ordinal.isdecimal() and ordinal != "0":
            found.append(RunId(sprint, TaskId(task), AgentId(agent), int(ordinal)))
    return sorted(found)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
