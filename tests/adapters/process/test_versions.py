"""Runs of other versions of the service: what is frozen here was written by one, and every later one must understand it."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from caloron_actors.adapters.process.records import PROTOCOL
from caloron_actors.harness import order as harness_order
from caloron_actors.ports.launcher import Alive, Ended, GivenUp, RunState
from tests.adapters.process.conftest import Bench, is_dead

FROZEN = Path(__file__).parent / "frozen"
ROOT = Path(__file__).resolve().parents[3]
WAITS = "echo $$ > $HEAR; read line < $SAY; cat; echo APPROVED; exit 6"
BOOT = "00000000-1111-2222-3333-444444444444"

ENDS: list[tuple[dict[str, Any], Ended]] = [
    (
        {"cause": "exited", "started": True, "code": 3, "signal": None, "detail": ""},
        Ended(cause="exited", started=True, code=3),
    ),
    (
        {"cause": "wall_time", "started": True, "code": None, "signal": 9, "detail": ""},
        Ended(cause="wall_time", started=True, signal=9),
    ),
    (
        {"cause": "orphaned", "started": True, "code": None, "signal": 15, "detail": ""},
        Ended(cause="orphaned", started=True, signal=15),
    ),
    (
        {"cause": "stopped", "started": False, "code": None, "signal": None, "detail": ""},
        Ended(cause="stopped", started=False),
    ),
    (
        {"cause": "not_started", "started": False, "code": None, "signal": None, "detail": "no such file"},
        Ended(cause="not_started", started=False, detail="no such file"),
    ),
]
"""`exit.json` of protocol 1, without what is in every one, and what it says."""


class Older:
    """A run that a service of another version has begun: its order, and its harness."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.harnesses: list[subprocess.Popen[bytes]] = []

    def order(self, script: str) -> None:
        """Put the frozen order into the run's directory."""
        bench = self.bench
        text = (FROZEN / "order_1.json").read_text()
        here = {"WORKTREE": bench.worktree, "HEARD": bench.env["HEAR"], "SAID": bench.env["SAY"]}
        for word, value in {**here, "SOCKET": bench.socket, "SCRIPT": script}.items():
            text = text.replace(f'"{word}"', json.dumps(str(value)))
        bench.write("order.json", text.encode())
        bench.write("prompt", b"the prompt\n")
        bench.write("lease", b"1\n")

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a harness of whatever version, as its service did."""
        harness = subprocess.Popen(
            [sys.executable, "-P", "-S", *command],
            cwd=self.bench.directory(),
            env={"PATH": os.defpath, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.harnesses.append(harness)
        return harness

    def frozen(self, version: int) -> subprocess.Popen[bytes]:
        """Start the frozen harness."""
        program = str(FROZEN / "harness_1.py")
        return self.start(program, str(self.bench.directory()), *([] if version == 1 else [str(version)]))


@pytest.fixture
async def older(bench: Bench) -> AsyncIterator[Older]:
    older = Older(bench)
    yield older
    for harness in older.harnesses:
        harness.terminate()
        harness.wait(60)


async def adopted(older: Older, version: int) -> RunState:
    """A run of that protocol as this version's launcher sees it, once its agent is at work."""
    older.order(WAITS)
    harness = older.frozen(version)
    await older.bench.hear()
    state = await older.bench.launcher().look(older.bench.run())
    assert state == Alive(pid=harness.pid, nonce="nonce-of-protocol-1")
    return state


@pytest.mark.parametrize("version", [1, PROTOCOL, PROTOCOL + 1])
async def test_a_harness_of_another_version_is_adopted(older: Older, version: int) -> None:
    """Of every version before this one, and of the next one too: a service may be put back."""
    bench = older.bench
    state = await adopted(older, version)
    launcher = bench.launcher()
    assert await launcher.launch(bench.order("echo twice")) == state
    await launcher.renew_lease(bench.run())
    bench.say()
    assert await launcher.wait(bench.run()) == Ended(cause="exited", started=True, code=6)
    assert (await launcher.output(bench.run(), 100)).stdout == "the prompt\nAPPROVED\n"


@pytest.mark.parametrize("version", [1, PROTOCOL + 1])
async def test_a_harness_of_another_version_can_be_stopped(older: Older, version: int) -> None:
    state = await adopted(older, version)
    assert isinstance(state, Alive)
    end = await older.bench.launcher().stop(older.bench.run(), timedelta(seconds=10))
    assert end == Ended(cause="stopped", started=True, signal=15)
    # Nobody but this test can reap it.
    assert is_dead(state.pid)


@pytest.mark.parametrize("version", [1, PROTOCOL + 1])
async def test_a_killed_harness_of_another_version_is_lost(older: Older, version: int) -> None:
    await adopted(older, version)
    older.harnesses[0].kill()
    end = await older.bench.launcher().wait(older.bench.run())
    assert end == Ended(cause="lost", started=True, detail="the harness died without a record")


async def test_this_harness_obeys_an_order_of_protocol_1(older: Older) -> None:
    """The package was exchanged between the fork and the import."""
    older.order("cat; exit 7")
    harness = older.start("-m", "caloron_actors.harness", str(older.bench.directory()))
    assert harness.wait(60) == 0
    launcher = older.bench.launcher()
    assert await launcher.look(older.bench.run()) == Ended(cause="exited", started=True, code=7)
    assert (await launcher.output(older.bench.run(), 100)).stdout == "the prompt\n"


async def test_a_harness_of_another_version_does_not_run_beside_ours(older: Older) -> None:
    """Begun by the version before, not claimed when the service was upgraded: one of the two gets the slot."""
    bench = older.bench
    older.order("echo old >> ran")
    first = older.frozen(1)
    await bench.launcher().launch(bench.order("echo new >> ran"))
    await bench.launcher().wait(bench.run())
    assert first.wait(60) == 0
    assert len((bench.worktree / "ran").read_text().splitlines()) == 1


@pytest.mark.parametrize(("record", "end"), ENDS)
async def test_ends_of_protocol_1_are_understood(bench: Bench, record: dict[str, Any], end: Ended) -> None:
    claim = {"version": 1, "pid": 4_000_000, "start": 17, "boot": BOOT, "nonce": "n"}
    bench.write("pid.json", claim)
    bench.write("started.json", {"version": 1, "pid": 4_000_001, "start": 18})
    bench.write("exit.json", {"version": 1, **record, "when": "2026-03-01T12:00:00+00:00"})
    assert await bench.launcher().look(bench.run()) == end


@pytest.mark.parametrize("version", [1, PROTOCOL + 1])
async def test_a_tombstone_of_another_version_stands(bench: Bench, version: int) -> None:
    bench.write("pid.json", {"version": version, "tombstone": True})
    assert await bench.launcher().launch(bench.order("true")) == GivenUp()


def test_launcher_and_harness_speak_the_same_protocol() -> None:
    assert harness_order.PROTOCOL == PROTOCOL
    assert {PROTOCOL, max(1, PROTOCOL - 1)} <= harness_order.READS
    assert (FROZEN / f"order_{PROTOCOL}.json").exists(), "freeze what this version writes"
