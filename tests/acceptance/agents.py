"""Agents of the acceptance tests: scripts that say what they do, can be held, and are looked at as processes."""

import contextlib
import os
import select
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

PATIENCE = 90.0
"""Seconds that one command, or one awaited line, may take on a busy machine."""


@dataclass(frozen=True)
class Started:
    """An agent's command as it was started."""

    task: str
    role: str
    attempt: int
    pid: int

    @property
    def name(self) -> str:
        return f"{self.task}.{self.role}.{self.attempt}"


@dataclass
class Agents:
    """Scripts that say what they do, and that can be held at their start.

    Every started command appends a line to a log outside of the worktree. One that is held says so and waits.
    """

    path: Path
    _open: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.path.mkdir()
        (self.path / "log").touch()
        os.mkfifo(self.path / "held")
        self._held = os.open(self.path / "held", os.O_RDWR)
        self._open.append(self._held)

    def script(self, name: str, body: str) -> str:
        """Write a shell script and give its command line."""
        path = self.path / f"{name}.sh"
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return str(path)

    def _start(self, role: str) -> str:
        return f"""
me="$CALORON_TASK_ID {role} $CALORON_ATTEMPT $$"
echo "$me" >> {self.path}/log
gate={self.path}/$CALORON_TASK_ID.{role}.$CALORON_ATTEMPT
if [ -p $gate ]; then echo "$me" > {self.path}/held; read go < $gate; fi"""

    def author(self, work: str = "") -> str:
        """An author that adds a line to its task's own file, does `work`, and leaves it uncommitted."""
        own = 'cat > /dev/null\necho "attempt $CALORON_ATTEMPT" >> "$CALORON_TASK_ID.txt"'
        return self.script("author", f"{self._start('author')}\n{own}\n{work}")

    def reviewer(self, changes_once: str = "-", words: str = "") -> str:
        """A reviewer that approves; the first version of the task `changes_once` is sent back."""
        body = f"""
seen=$(grep -c '^+attempt')
{words}
if [ "$CALORON_TASK_ID" = {changes_once} ] && [ "$seen" -lt 2 ]
then echo "CHANGES_NEEDED: once more"; else echo APPROVED; fi"""
        return self.script("reviewer", f"{self._start('reviewer')}\n{body}")

    def hold(self, *names: str) -> None:
        """Have agents wait at their start; a name is `task.author.1` or `task.reviewer.1`."""
        for name in names:
            os.mkfifo(self.path / name)

    def held(self) -> Started:
        """Wait for the next agent that is held."""
        line = b""
        while not line.endswith(b"\n"):
            assert select.select([self._held], [], [], PATIENCE)[0], "no agent was held"
            line += os.read(self._held, 1)
        return _started(line.decode())

    def release(self, *names: str) -> None:
        """Let held agents go on, also those that will only come here later."""
        for name in names:
            gate = os.open(self.path / name, os.O_RDWR)
            os.write(gate, b"go\n")
            self._open.append(gate)

    def log(self) -> list[Started]:
        """Every command that was ever started."""
        return [_started(line) for line in (self.path / "log").read_text().splitlines()]

    def twice(self) -> list[str]:
        """The attempts whose command was started more than once."""
        return [name for name, count in Counter(started.name for started in self.log()).items() if count > 1]

    def alive(self) -> list[Started]:
        """The started commands that still run."""
        return [started for started in self.log() if str(self.path) in command_line(started.pid)]

    def close(self) -> None:
        for descriptor in self._open:
            os.close(descriptor)


def _started(line: str) -> Started:
    task, role, attempt, pid = line.split()
    return Started(task, role, int(attempt), int(pid))


def command_line(pid: int) -> str:
    """The words of a living process; empty when there is none."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    return ""


def await_end(pid: int) -> None:
    """Wait until a process that is no child of ours has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([descriptor], [], [], PATIENCE)[0], f"{pid} does not end"
    finally:
        os.close(descriptor)
