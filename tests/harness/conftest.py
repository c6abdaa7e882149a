"""Run directories made by hand and harnesses started on them, without the launcher."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 60.0


class Bench:
    """One run directory, its worktree, a listening agents socket and the harnesses started on it."""

    def __init__(self, path: Path) -> None:
        self.run = path / "run"
        self.worktree = path / "worktree"
        self.run.mkdir()
        self.worktree.mkdir()
        self.socket = path / "agents.sock"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.socket))
        self.listener.listen(64)
        self.listener.settimeout(LIMIT)
        # Opened for both directions, so that no side waits for the other's open and no end is ever seen.
        self._heard = _fifo(path / "heard")
        self._said = _fifo(path / "said")
        self._harnesses: list[subprocess.Popen[bytes]] = []
        self.env = {"PATH": "/usr/bin:/bin", "HEAR": str(path / "heard"), "SAY": str(path / "said")}

    def order(self, script: str, prompt: bytes = b"the prompt\n", **changes: object) -> None:
        """Write the order of a shell script."""
        fields: dict[str, object] = {
            "version": 1,
            "run": "sprint/task/agent/1",
            "nonce": "the-nonce",
            "argv": ["/bin/sh", "-c", script],
            "cwd": str(self.worktree),
            "env": self.env,
            "prompt": "prompt",
            "socket": str(self.socket),
            "wall_time": None,
            "beat": 15,
            "orphan_limit": 1800,
            "stop_grace": 20,
            "leftover_grace": 0.1,
            "log_cap": 1 << 20,
        }
        (self.run / "order.json").write_text(json.dumps(fields | changes))
        (self.run / "prompt").write_bytes(prompt)
        (self.run / "lease").write_bytes(b"1\n")

    def start(self, cwd: Path | None = None) -> subprocess.Popen[bytes]:
        """Start a harness."""
        with (self.run / "harness.log").open("ab") as log:
            harness = subprocess.Popen(
                [sys.executable, "-P", "-S", "-m", "caloron_actors.harness", str(self.run)],
                cwd=cwd or self.run,
                env={"PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )
        self._harnesses.append(harness)
        return harness

    def finish(self, harness: subprocess.Popen[bytes]) -> dict[str, Any]:
        """Wait for a harness and give its record."""
        assert harness.wait(LIMIT) == 0, self.text("harness.log")
        return self.record("exit.json")

    def perform(self, script: str, prompt: bytes = b"the prompt\n", **changes: object) -> dict[str, Any]:
        """Order, start, finish."""
        self.order(script, prompt, **changes)
        return self.finish(self.start())

    def record(self, name: str) -> dict[str, Any]:
        """A JSON file of the run."""
        content = json.loads(self.text(name))
        assert isinstance(content, dict)
        return content

    def text(self, name: str) -> str:
        """A file of the run."""
        return (self.run / name).read_text(errors="replace")

    def hear(self) -> str:
        """The next line that an agent wrote to $HEAR."""
        line = b""
        while not line.endswith(b"\n"):
            line += os.read(self._heard, 1)
        return line.decode().strip()

    def say(self) -> None:
        """Let an agent go on that reads a line from $SAY."""
        os.write(self._said, b"go on\n")

    def beat(self) -> dict[str, Any]:
        """The next beat."""
        connection, _ = self.listener.accept()
        with connection, connection.makefile("rwb") as file:
            message = json.loads(file.readline())
            file.write(b'{"ok":true}\n')
        assert isinstance(message, dict)
        return message

    def await_end(self, pid: int) -> None:
        """Wait until a process that is not our child has ended."""
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        ended = poll.poll(LIMIT * 1000)
        os.close(descriptor)
        assert ended, f"process {pid} lives"

    def close(self) -> None:
        """Leave nothing running and nothing open."""
        for harness in self._harnesses:
            if harness.poll() is None:
                harness.send_signal(signal.SIGTERM)
            harness.wait(LIMIT)
        self.listener.close()
        os.close(self._heard)
        os.close(self._said)


def _fifo(path: Path) -> int:
    os.mkfifo(path)
    return os.open(path, os.O_RDWR)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.close()
