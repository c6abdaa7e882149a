"""The package goes away under a running harness, as in an upgrade: it has all it needs and does its work to the end."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.harness.conftest import LIMIT, ROOT, Bench


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package, to be removed."""
    place = tmp_path / "installed"
    shutil.copytree(ROOT / "caloron_actors", place / "caloron_actors")
    return place


def start(bench: Bench, package: Path) -> subprocess.Popen[bytes]:
    """A harness of the copy."""
    with (bench.run / "harness.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-P", "-S", "-m", "caloron_actors.harness", str(bench.run)],
            cwd=bench.run,
            env={"PYTHONPATH": str(package)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
        )


@pytest.mark.parametrize(
    ("order", "end"),
    [
        ({}, {"cause": "exited", "code": 4}),
        ({"wall_time": 0.5}, {"cause": "wall_time"}),
        ({"orphan_limit": 0.5, "beat": 0.05}, {"cause": "orphaned"}),
        ({"socket": "/no/such/socket", "beat": 0.01, "log_cap": 30}, {"cause": "exited", "code": 4}),
        ({"stop_grace": 0.1}, {"cause": "stopped", "signal": 9}),
    ],
)
def test_its_modules_may_be_taken_away(
    bench: Bench, package: Path, order: dict[str, Any], end: dict[str, Any]
) -> None:
    deaf = "trap '' TERM;" if end["cause"] == "stopped" else ""
    waits = "while :; do sleep 600; done" if end["cause"] != "exited" else "read line < $SAY"
    bench.order(f"{deaf} echo up > $HEAR; {waits}; seq 1 1000; exit 4", **order)
    harness = start(bench, package)
    bench.hear()
    shutil.rmtree(package)
    if end["cause"] == "stopped":
        harness.send_signal(signal.SIGTERM)
    bench.say()
    assert harness.wait(LIMIT) == 0, bench.text("harness.log")
    record = bench.record("exit.json")
    assert {name: record[name] for name in end} == end
    assert bench.text("harness.log") == ""
