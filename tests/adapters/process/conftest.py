"""A process launcher on a directory of its own, with ways to hear from the agents it starts."""

import os
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import anyio
import msgspec
import pytest

from caloron_actors.adapters.process import HarnessLimits, ProcessLauncher
from caloron_actors.adapters.system.clock import SystemClock
from caloron_actors.adapters.system.entropy import nonce
from caloron_actors.domain.ids import AgentId, SprintId, TaskId
from caloron_actors.ports.launcher import Alive, LaunchOrder, RunId

LIMIT = 60.0
LIMITS = HarnessLimits(
    leftover_grace=timedelta(milliseconds=100),
    stop_grace=timedelta(milliseconds=100),
    stop_margin=timedelta(seconds=10),
)


class Bench:
    """Run directories below `runs`, one worktree, and launchers on them."""

    def __init__(self, path: Path) -> None:
        self.runs = path / "runs"
        self.worktree = path / "worktree"
        self.worktree.mkdir()
        self.socket = path / "agents.sock"
        self.boot_id = SystemClock().now().boot_id
        # Opened for both directions, so that no side waits for the other's open and no end is ever seen.
        self._heard = _fifo(path / "heard")
        self._said = _fifo(path / "said")
        self.env = {"PATH": "/usr/bin:/bin", "HEAR": str(path / "heard"), "SAY": str(path / "said")}

    def launcher(self, limits: HarnessLimits = LIMITS, **changes: str) -> ProcessLauncher:
        """A launcher; several may be used after one another, as several lives of the service."""
        boot_id = changes.get("boot_id", self.boot_id)
        python = changes.get("python", sys.executable)
        return ProcessLauncher(
            self.runs, self.socket, nonce=nonce, boot_id=boot_id, python=python, limits=limits
        )

    def run(self, ordinal: int = 1) -> RunId:
        """A run's name."""
        return RunId(SprintId("sprint"), TaskId("task"), AgentId("agent"), ordinal)

    def directory(self, ordinal: int = 1) -> Path:
        """A run's directory."""
        return self.runs / "sprint" / "task" / "agent" / str(ordinal)

    def order(self, script: str, *, ordinal: int = 1, prompt: str = "", **env: str) -> LaunchOrder:
        """An order of a shell script."""
        return LaunchOrder(
            run=self.run(ordinal),
            argv=("/bin/sh", "-c", script),
            cwd=self.worktree,
            env=self.env | env,
            prompt=prompt,
        )

    async def hear(self) -> str:
        """The next line that an agent wrote to $HEAR."""
        line = b""
        with anyio.fail_after(LIMIT):
            while not line.endswith(b"\n"):
                await anyio.wait_readable(self._heard)
                line += os.read(self._heard, 1)
        return line.decode().strip()

    def say(self) -> None:
        """Let an agent go on that reads a line from $SAY."""
        os.write(self._said, b"go on\n")

    async def end_of(self, pid: int) -> None:
        """Wait until a process has ended."""
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        try:
            with anyio.fail_after(LIMIT):
                await anyio.wait_readable(descriptor)
        finally:
            os.close(descriptor)

    def write(self, name: str, record: object) -> None:
        """Put a file into the first run's directory."""
        self.directory().mkdir(parents=True, exist_ok=True)
        content = record if isinstance(record, bytes) else msgspec.json.encode(record)
        (self.directory() / name).write_bytes(content)

    async def close(self) -> None:
        """End every run."""
        launcher = self.launcher()
        for path in self.runs.glob("*/*/*/*"):
            if isinstance(await launcher.look(self.run(int(path.name))), Alive):
                await launcher.stop(self.run(int(path.name)), timedelta(0))
        os.close(self._heard)
        os.close(self._said)


def is_dead(pid: int) -> bool:
    """Whether no process has this pid, or a zombie has."""
    try:
        return b") Z" in Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return True


def is_reaped(pid: int) -> bool:
    """Whether not even a zombie is left of a process."""
    return not Path(f"/proc/{pid}").exists()


def surroundings(pid: int) -> tuple[set[str], Path, set[Path]]:
    """The names in a process's environment, its working directory, and where its three streams lead."""
    process = Path(f"/proc/{pid}")
    names = {entry.partition(b"=")[0].decode() for entry in (process / "environ").read_bytes().split(b"\0")}
    return names - {""}, (process / "cwd").readlink(), {(process / f"fd/{n}").readlink() for n in range(3)}


def open_descriptors() -> list[int]:
    """The descriptors this process has open."""
    return sorted(int(entry.name) for entry in Path("/proc/self/fd").iterdir())


def _fifo(path: Path) -> int:
    os.mkfifo(path)
    return os.open(path, os.O_RDWR)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    await bench.close()
