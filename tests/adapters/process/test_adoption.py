"""What a later life of the service finds: live runs, dead harnesses, other processes with their pids, damaged files."""

import os
import resource
import shutil
import signal
import subprocess
import sys
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from caloron_actors.ports.errors import Unavailable
from caloron_actors.ports.launcher import Absent, Alive, Ended, GivenUp
from tests.adapters.process.conftest import Bench, is_dead, is_reaped

ROOT = Path(__file__).resolve().parents[3]
SERVICE = """
import signal, sys, anyio
from pathlib import Path
from caloron_actors.adapters.process import ProcessLauncher
from caloron_actors.domain.ids import AgentId, SprintId, TaskId
from caloron_actors.ports.launcher import LaunchOrder, RunId

async def main(runs, socket, worktree, boot_id, hear, say, python):
    launcher = ProcessLauncher(
        Path(runs), Path(socket), nonce=lambda: "first-life", boot_id=boot_id, python=python
    )
    await launcher.launch(LaunchOrder(
        run=RunId(SprintId("sprint"), TaskId("task"), AgentId("agent"), 1),
        argv=("/bin/sh", "-c", 'echo $$ > "$HEAR"; read line < "$SAY"; echo APPROVED; exit 6'),
        cwd=Path(worktree), env={"HEAR": hear, "SAY": say}, prompt="",
    ))
    signal.pause()

anyio.run(main, *sys.argv[1:])
"""
ESCAPE = "setsid sh -c 'echo $$ > $HEAR; while :; do sleep 600; done' > /dev/null 2>&1 &"
CHILD = "sh -c 'echo $$ > $HEAR; while :; do sleep 600; done' &"


def start_service(bench: Bench, python: str = sys.executable) -> subprocess.Popen[bytes]:
    fifos = bench.env["HEAR"], bench.env["SAY"]
    arguments = [bench.runs, bench.socket, bench.worktree, bench.boot_id, *fifos, python]
    return subprocess.Popen(
        [sys.executable, "-c", SERVICE, *map(str, arguments)],
        cwd=bench.worktree,
        env={"PYTHONPATH": str(ROOT)},
    )


def start_stranger() -> subprocess.Popen[bytes]:
    return subprocess.Popen(["/bin/sleep", "600"], start_new_session=True)


async def test_an_agent_outlives_the_service_and_is_adopted(bench: Bench) -> None:
    service = start_service(bench)
    agent = int(await bench.hear())
    service.kill()
    service.wait(60)
    launcher = bench.launcher()
    state = await launcher.look(bench.run())
    assert isinstance(state, Alive)
    assert state.nonce == "first-life"
    assert await launcher.launch(bench.order("echo twice")) == state
    bench.say()
    assert await launcher.wait(bench.run()) == Ended(cause="exited", started=True, code=6)
    assert (await launcher.output(bench.run(), 100)).stdout == "APPROVED\n"
    assert is_dead(agent)


async def test_a_harness_that_was_forked_and_had_not_claimed_yet_runs_nothing(bench: Bench) -> None:
    """The first life dies between fork and claim; the second launches anew; then the first one's harness wakes up."""
    slow = bench.worktree / "slow-python"
    slow.write_text(
        f'#!/bin/sh\necho $$ > "{bench.env["HEAR"]}"; read go < gate; exec {sys.executable} "$@"\n'
    )
    slow.chmod(0o755)
    bench.directory().mkdir(parents=True)
    os.mkfifo(bench.directory() / "gate")
    first = start_service(bench, python=str(slow))
    late = int(await bench.hear())
    first.kill()
    first.wait(60)
    launcher = bench.launcher()
    assert await launcher.look(bench.run()) == Absent()
    state = await launcher.launch(bench.order('echo $$ > "$HEAR"; read line < "$SAY"; echo second; exit 7'))
    assert isinstance(state, Alive)
    assert state.pid != late
    await bench.hear()
    (bench.directory() / "gate").write_text("go\n")
    await bench.end_of(late)
    assert await launcher.look(bench.run()) == state
    bench.say()
    assert await launcher.wait(bench.run()) == Ended(cause="exited", started=True, code=7)
    assert (await launcher.output(bench.run(), 100)).stdout == "second\n"


async def test_an_adopted_run_can_be_stopped(bench: Bench) -> None:
    await bench.launcher().launch(bench.order("echo $$ > $HEAR; exec sleep 600"))
    agent = int(await bench.hear())
    end = await bench.launcher().stop(bench.run(), timedelta(seconds=10))
    assert end == Ended(cause="stopped", started=True, signal=15)
    assert is_dead(agent)


async def test_a_killed_harness_leaves_nothing_alive(bench: Bench) -> None:
    launcher = bench.launcher()
    order = bench.order(
        f"{ESCAPE} {CHILD} echo $$ > $HEAR; wait", CALORON_WORKTREE=str(bench.worktree), CALORON_ATTEMPT="1"
    )
    state = await launcher.launch(order)
    assert isinstance(state, Alive)
    pids = [int(await bench.hear()) for _ in range(3)]
    os.kill(state.pid, signal.SIGKILL)
    end = await launcher.wait(bench.run())
    assert end == Ended(cause="lost", started=True, detail="the harness died without a record")
    assert all(map(is_dead, pids))
    assert await bench.launcher().look(bench.run()) == end
    assert await bench.launcher().stop(bench.run(), timedelta(0)) == end


async def test_a_pid_that_changed_hands_is_not_the_harness(bench: Bench) -> None:
    stranger = start_stranger()
    try:
        claim = {"version": 1, "pid": stranger.pid, "start": 1, "boot": bench.boot_id, "nonce": "n"}
        bench.write("pid.json", claim)
        bench.write("started.json", {"version": 1, "pid": stranger.pid, "start": 1})
        launcher = bench.launcher()
        assert await launcher.look(bench.run()) == Ended(
            cause="lost", started=True, detail="the harness died without a record"
        )
        await launcher.stop(bench.run(), timedelta(0))
        assert stranger.poll() is None, "a stranger must not be signalled"
    finally:
        stranger.kill()
        stranger.wait()


async def test_nothing_lives_across_a_boot(bench: Bench) -> None:
    state = await bench.launcher().launch(bench.order("echo $$ > $HEAR; exec sleep 600"))
    assert isinstance(state, Alive)
    agent = int(await bench.hear())
    later = bench.launcher(boot_id="another-boot")
    assert await later.wait(bench.run()) == Ended(
        cause="lost", started=True, detail="the harness died without a record"
    )
    assert not is_dead(agent)
    # Put the present boot back in order.
    (bench.directory() / "exit.json").unlink()
    end = await bench.launcher().stop(bench.run(), timedelta(seconds=10))
    assert isinstance(end, Ended)
    assert end.cause == "stopped"


async def test_a_zombie_is_dead(bench: Bench) -> None:
    launcher = bench.launcher()
    state = await launcher.launch(bench.order("read line < $SAY; exit 3"))
    assert isinstance(state, Alive)
    bench.say()
    await bench.end_of(state.pid)
    # The first launcher has not reaped it yet; the second one cannot.
    assert await bench.launcher().look(bench.run()) == Ended(cause="exited", started=True, code=3)
    await launcher.look(bench.run())
    assert is_reaped(state.pid)


@pytest.mark.parametrize(
    "content", [b"", b"[1]", b'{"version":1,"pid":"x"}', b'{"version":2}', b"\xff" * 100, b'{"version":1}']
)
async def test_damaged_records_are_a_lost_run(bench: Bench, content: bytes) -> None:
    launcher = bench.launcher()
    bench.write("pid.json", content)
    first = await launcher.look(bench.run())
    assert isinstance(first, Ended)
    assert (first.cause, first.started) == ("lost", False)
    assert first.detail
    assert await launcher.launch(bench.order("true")) == first


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b'{"version":1,"cause":"won","started":true}', b'{"x":' + b"[" * 30_000],
    ids=["empty", "blank", "odd", "deep"],
)
async def test_a_damaged_end_is_a_lost_run(bench: Bench, content: bytes) -> None:
    launcher = bench.launcher()
    await launcher.launch(bench.order("true"))
    await launcher.wait(bench.run())
    bench.write("exit.json", content)
    end = await launcher.look(bench.run())
    assert isinstance(end, Ended)
    assert (end.cause, end.started) == ("lost", True)
    assert "exit.json" in end.detail


async def test_a_host_without_descriptors_loses_no_run(bench: Bench) -> None:
    """What cannot be read now is no proof of a death: nothing is signalled, nothing is recorded."""
    launcher = bench.launcher()
    state = await launcher.launch(bench.order("echo $$ > $HEAR; read line < $SAY; echo APPROVED; exit 5"))
    agent = int(await bench.hear())
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        for call in (launcher.look, launcher.wait, partial(launcher.output, limit=100)):
            with pytest.raises(Unavailable, match="open files"):
                await call(bench.run())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert await launcher.look(bench.run()) == state
    assert not is_dead(agent)
    bench.say()
    assert await launcher.wait(bench.run()) == Ended(cause="exited", started=True, code=5)


async def test_foreign_files_are_no_records(bench: Bench) -> None:
    launcher = bench.launcher()
    bench.directory().mkdir(parents=True)
    os.mkfifo(bench.directory() / "pid.json")
    end = await launcher.look(bench.run())
    assert isinstance(end, Ended)
    assert "regular" in end.detail
    (bench.directory() / "pid.json").unlink()
    (bench.directory() / "pid.json").symlink_to("/etc/passwd")
    assert isinstance(await launcher.look(bench.run()), Ended)
    (bench.runs / "sprint" / "task" / "agent" / "2").write_text("not a directory")
    assert await launcher.look(bench.run(2)) == Absent()


async def test_a_live_harness_with_a_damaged_claim_is_ended(bench: Bench) -> None:
    launcher = bench.launcher()
    state = await launcher.launch(bench.order(f"{ESCAPE} echo $$ > $HEAR; wait"))
    assert isinstance(state, Alive)
    pids = [int(await bench.hear()), int(await bench.hear()), state.pid]
    bench.write("pid.json", b"garbage")
    end = await launcher.look(bench.run())
    assert isinstance(end, Ended)
    assert end.cause == "lost"
    assert all(map(is_dead, pids))


async def test_a_tombstone_of_an_earlier_life_stands(bench: Bench) -> None:
    bench.write("pid.json", {"version": 1, "tombstone": True})
    launcher = bench.launcher(boot_id="another-boot")
    assert await launcher.launch(bench.order("true")) == GivenUp()
    assert await launcher.stop(bench.run(), timedelta(0)) == GivenUp()


async def test_a_run_whose_directory_was_removed_is_ended_before_it_counts_as_over(bench: Bench) -> None:
    """Its slot is free again, its agent lives: nobody may be started beside it."""
    state = await bench.launcher().launch(bench.order("echo $$ > $HEAR; exec sleep 600"))
    assert isinstance(state, Alive)
    agent = int(await bench.hear())
    shutil.rmtree(bench.directory())
    launcher = bench.launcher()
    assert await launcher.look(bench.run()) == Absent()
    assert await launcher.stop(bench.run(), timedelta(0)) == GivenUp()
    assert is_dead(state.pid)
    assert is_dead(agent)
