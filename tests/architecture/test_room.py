"""The room of the tests notices what it is there for: each guard on planted tests that do and do not offend it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"

TESTS = """
import asyncio, socket, subprocess, threading, time
import aiosqlite, anyio, pytest

kept = []

def test_good_child(): subprocess.run(["true"], check=True)
def test_bad_child(): kept.append(subprocess.Popen(["sleep", "60"]))

def test_good_thread(): threading.Thread(target=print).start()
async def test_bad_thread():
    kept.append(await aiosqlite.connect(":memory:"))

async def forever(): await asyncio.Event().wait()

async def test_good_task():
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(forever)
        tasks.cancel_scope.cancel()
    kept.append(asyncio.ensure_future(asyncio.wait_for(asyncio.Event().wait(), 0.01)))
    kept[-1].add_done_callback(lambda task: task.exception())
async def test_bad_task(): kept.append(asyncio.ensure_future(forever()))

async def test_good_loop(): await anyio.sleep(1)
async def test_bad_loop():
    await anyio.lowlevel.checkpoint()
    time.sleep(1)
@pytest.fixture
def slow_fixture(): time.sleep(1)
async def test_good_after_slow_fixture(slow_fixture): pass

@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_good_network(host):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as sock: sock.connect_ex((host, 1))
    with socket.socketpair()[0]: pass
    socket.getaddrinfo("localhost", 1)
@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
def test_bad_network(host):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as sock: sock.connect((host, 1))
def test_bad_datagram():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock: sock.sendto(b"", ("192.0.2.1", 1))
def test_bad_name(): socket.getaddrinfo("host.example", 1)
async def test_bad_async_network(): await anyio.connect_tcp("192.0.2.1", 1)
"""

SETTINGS = "[pytest]\nanyio_mode = auto\naddopts = -p no:cacheprovider --import-mode=importlib\n"

COMPLAINTS = {
    "test_bad_child": "left behind: child process",
    "test_bad_thread": "left behind: thread",
    "test_bad_task": "left behind: task",
    "test_bad_loop": "the loop was blocked for",
    "test_bad_network[192.0.2.1]": "tests stay on loopback",
    "test_bad_network[2001:db8::1]": "tests stay on loopback",
    "test_bad_datagram": "tests stay on loopback",
    "test_bad_name": "tests look no names up",
    "test_bad_async_network": "tests stay on loopback",
}


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The short summary of a run of the planted tests, in a room whose patience is cut to a fraction."""
    folder = tmp_path_factory.mktemp("room")
    room = CONFTEST.read_text()
    assert "\nGRACE = 5.0\n" in room
    assert "\nBLOCKED = 5.0\n" in room
    room = room.replace("\nGRACE = 5.0\n", "\nGRACE = 0.5\n").replace(
        "\nBLOCKED = 5.0\n", "\nBLOCKED = 0.5\n"
    )
    (folder / "conftest.py").write_text(room)
    (folder / "pytest.ini").write_text(SETTINGS)
    (folder / "test_planted.py").write_text(TESTS)
    argv = [sys.executable, "-m", "pytest", "-rA", "--tb=no", "-q", "-c", "pytest.ini", "test_planted.py"]
    # The connection that is left open keeps the interpreter from ending, which is what the guard is there for.
    env = {**os.environ, "COLUMNS": "400"}
    with subprocess.Popen(argv, cwd=folder, env=env, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        found: list[str] = []
        for line in run.stdout:
            found.append(line.strip())
            if " passed" in line and " in " in line:
                run.kill()
    return found


@pytest.mark.parametrize("name", COMPLAINTS)
def test_an_offence_is_noticed(lines: list[str], name: str) -> None:
    about = [line for line in lines if line.startswith(("FAILED ", "ERROR ")) and f"::{name} " in line]
    assert any(COMPLAINTS[name] in line for line in about), "\n".join(lines)


def test_good_behaviour_is_not(lines: list[str]) -> None:
    offenders = [line for line in lines if line.startswith(("FAILED ", "ERROR ")) and "::test_good" in line]
    assert offenders == []
    assert sum(line.startswith("PASSED ") and "::test_good" in line for line in lines) == 7
