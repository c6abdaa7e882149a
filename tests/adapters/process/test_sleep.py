"""A service that is stopped (SIGSTOP) for many beats and leases, and goes on: its agent has gone on too."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adapters.process.conftest import LIMIT, Bench

ROOT = Path(__file__).resolve().parents[3]
SERVICE = """
import os, sys, anyio
from datetime import timedelta
from pathlib import Path
from caloron_actors.adapters.process import HarnessLimits, ProcessLauncher
from caloron_actors.adapters.system.clock import SystemClock
from caloron_actors.domain.ids import AgentId, SprintId, TaskId
from caloron_actors.ports.launcher import LaunchOrder, RunId

async def main(runs, socket, worktree, hear, say):
    limits = HarnessLimits(beat=timedelta(milliseconds=20), orphan_limit=timedelta(minutes=5))
    boot_id = SystemClock().now().boot_id
    launcher = ProcessLauncher(Path(runs), Path(socket), nonce=lambda: "n", boot_id=boot_id, limits=limits)
    run = RunId(SprintId("sprint"), TaskId("task"), AgentId("agent"), 1)
    script = 'echo up > "$HEAR"; read line < "$SAY"; echo APPROVED; exit 6'
    order = LaunchOrder(run=run, argv=("/bin/sh", "-c", script), cwd=Path(worktree),
                        env={"HEAR": hear, "SAY": say}, prompt="")
    async def renew():
        while True:
            await launcher.renew_lease(run)
            await anyio.sleep(0.02)
    first = await launcher.launch(order)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(renew)
        os.write(1, b"watching\\n")
        end = await launcher.wait(run)
        tasks.cancel_scope.cancel()
    print(first.pid, end.cause, end.code, (await launcher.output(run, 100)).stdout.strip(), flush=True)

anyio.run(main, *sys.argv[1:])
"""


class Beats:
    """The agents' socket, on which nobody answers while the service stands still."""

    def __init__(self, path: Path) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        self._listener.settimeout(LIMIT)

    def next(self) -> int:
        """The pid of the harness that beats next."""
        connection, _ = self._listener.accept()
        with connection, connection.makefile("rb") as file:
            return int(json.loads(file.readline())["pid"])

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def beats(bench: Bench) -> Iterator[Beats]:
    beats = Beats(bench.socket)
    yield beats
    beats.close()


def start_service(bench: Bench) -> subprocess.Popen[bytes]:
    words = [bench.runs, bench.socket, bench.worktree, bench.env["HEAR"], bench.env["SAY"]]
    return subprocess.Popen(
        [sys.executable, "-c", SERVICE, *map(str, words)],
        cwd=bench.worktree,
        env={"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    )


async def test_a_service_that_stood_still_goes_on_with_the_same_run(bench: Bench, beats: Beats) -> None:
    service = start_service(bench)
    assert service.stdout is not None
    try:
        assert service.stdout.readline() == b"watching\n"
        await bench.hear()
        os.kill(service.pid, signal.SIGSTOP)
        harnesses = {beats.next() for _ in range(100)}
        bench.say()  # it even ends while nobody looks
        await bench.end_of(*harnesses)
        os.kill(service.pid, signal.SIGCONT)
        assert service.stdout.readline().decode().split() == [str(*harnesses), "exited", "6", "APPROVED"]
        assert service.wait(LIMIT) == 0
    finally:
        service.kill()
        service.wait()
        service.stdout.close()
