"""Launching real processes: what is on disk, claims and tombstones, stopping, and nothing that leaks."""

import contextlib
import gc
import os
import shutil
import signal
import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import anyio
import msgspec
import pytest

from caloron_actors.adapters.process import HarnessLimits
from caloron_actors.domain.ids import AgentId, SprintId, TaskId
from caloron_actors.ports.errors import Rejected, Unavailable
from caloron_actors.ports.launcher import Absent, Alive, Ended, GivenUp, RunId
from tests.adapters.process.conftest import LIMITS, Bench, is_dead, is_reaped, open_descriptors, surroundings

GRACE = timedelta(milliseconds=100)
ESCAPE = "setsid sh -c 'echo $$ > $HEAR; trap \"\" TERM HUP; while :; do sleep 600; done' > /dev/null 2>&1 &"
STUBBORN = "trap '' TERM HUP INT; echo $$ > $HEAR; while :; do sleep 600; done"


def harness(bench: Bench) -> subprocess.Popen[bytes]:
    """A harness that nobody waits for, on the first run's directory."""
    return subprocess.Popen(
        [sys.executable, "-P", "-S", "-m", "caloron_actors.harness", str(bench.directory())],
        env={"PYTHONPATH": str(Path(__file__).resolve().parents[3])},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )


async def test_what_is_on_disk_is_for_the_owner_alone(bench: Bench) -> None:
    launcher = bench.launcher()
    await launcher.launch(bench.order("true", prompt="secret"))
    await launcher.wait(bench.run())
    path = bench.directory()
    assert (path / "prompt").read_text() == "secret"
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.iterdir()} == {0o600}
    levels = [path, *path.parents[:4]]
    assert levels[-1] == bench.runs
    assert {stat.S_IMODE(level.stat().st_mode) for level in levels} == {0o700}
    assert [file.name for file in path.iterdir() if file.suffix == ".tmp"] == []


async def test_the_harness_shares_nothing_with_the_service(bench: Bench) -> None:
    launcher = bench.launcher()
    state = await launcher.launch(bench.order("echo $$ > $HEAR; read line < $SAY"))
    assert isinstance(state, Alive)
    await bench.hear()
    assert os.getsid(state.pid) == state.pid
    names, cwd, streams = surroundings(state.pid)
    assert names == {"PATH", "LC_ALL", "PYTHONPATH"}
    assert cwd == bench.directory()
    assert streams == {Path(os.devnull), bench.directory() / "harness.log"}
    bench.say()
    assert await launcher.wait(bench.run()) == Ended(cause="exited", started=True, code=0)


async def test_no_descriptor_and_no_zombie_is_left(bench: Bench) -> None:
    launcher = bench.launcher()
    await launcher.launch(bench.order("true"))
    await launcher.wait(bench.run())
    before = open_descriptors()
    for ordinal in range(2, 6):
        state = await launcher.launch(bench.order("true", ordinal=ordinal))
        await launcher.wait(bench.run(ordinal))
        if isinstance(state, Alive):
            assert is_reaped(state.pid)
    assert open_descriptors() == before
    state = await launcher.launch(bench.order("echo up > $HEAR; read line < $SAY", ordinal=6))
    await bench.hear()
    # A service may end before its agents: no warning, no wait.
    del launcher
    gc.collect()
    assert await bench.launcher().look(bench.run(6)) == state


async def test_a_stop_ends_what_ignores_it_and_what_escaped(bench: Bench) -> None:
    launcher = bench.launcher()
    state = await launcher.launch(bench.order(f"{ESCAPE} {STUBBORN}"))
    assert isinstance(state, Alive)
    pids = [int(await bench.hear()), int(await bench.hear()), state.pid]
    end = await launcher.stop(bench.run(), GRACE)
    assert end == Ended(cause="stopped", started=True, signal=9)
    assert all(map(is_dead, pids))


async def test_a_hung_harness_is_ended_with_its_tree(bench: Bench) -> None:
    launcher = bench.launcher(msgspec.structs.replace(LIMITS, stop_margin=timedelta(0)))
    state = await launcher.launch(bench.order(f"{ESCAPE} {STUBBORN}"))
    assert isinstance(state, Alive)
    pids = [int(await bench.hear()), int(await bench.hear()), state.pid]
    os.kill(state.pid, signal.SIGSTOP)
    end = await launcher.stop(bench.run(), GRACE)
    assert isinstance(end, Ended)
    assert (end.cause, end.started) == ("stopped", True)
    assert all(map(is_dead, pids))
    assert await launcher.look(bench.run()) == end


async def test_a_tombstone_keeps_a_late_harness_away(bench: Bench) -> None:
    launcher = bench.launcher()
    assert await launcher.stop(bench.run(), GRACE) == GivenUp()
    # All that a harness needs but the free slot.
    other = await launcher.launch(bench.order("echo ran > ran", ordinal=2))
    assert isinstance(other, Alive | Ended)
    await launcher.wait(bench.run(2))
    (bench.worktree / "ran").unlink()
    for name in ("order.json", "prompt", "lease"):
        shutil.copy(bench.directory(2) / name, bench.directory(1) / name)
    late = harness(bench)
    assert late.wait(60) == 0
    assert not (bench.worktree / "ran").exists()
    assert await launcher.look(bench.run()) == GivenUp()


async def test_a_claim_that_wins_the_race_is_a_claim(bench: Bench) -> None:
    # This one waits for no claim at all, so the harness is always late; whoever links first has the slot.
    hasty = bench.launcher(msgspec.structs.replace(LIMITS, claim_timeout=timedelta(0)))
    for ordinal in range(1, 9):
        with contextlib.suppress(Unavailable):
            state = await hasty.launch(bench.order(f"echo {ordinal} >> ran", ordinal=ordinal))
            assert isinstance(state, Alive | Ended)
        end = await hasty.wait(bench.run(ordinal))
        ran = (bench.worktree / "ran").read_text().split() if (bench.worktree / "ran").exists() else []
        assert (end == GivenUp()) == (str(ordinal) not in ran)
        assert not isinstance(end, Absent)


async def test_a_harness_that_claims_first_beats_the_tombstone(bench: Bench) -> None:
    launcher = bench.launcher()
    await launcher.launch(bench.order("echo $$ > $HEAR; read line < $SAY"))
    await bench.hear()
    slot = (bench.directory() / "pid.json").read_bytes()
    assert await bench.launcher().launch(bench.order("echo other")) == await launcher.look(bench.run())
    bench.say()
    await launcher.wait(bench.run())
    assert (bench.directory() / "pid.json").read_bytes() == slot


async def test_a_launch_that_stopped_half_way_is_repeated(bench: Bench) -> None:
    bench.directory().mkdir(parents=True)
    (bench.directory() / "prompt").write_text("of a life before")
    launcher = bench.launcher()
    assert await launcher.look(bench.run()) == Absent()
    await launcher.launch(bench.order("cat", prompt="the prompt"))
    assert await launcher.wait(bench.run()) == Ended(cause="exited", started=True, code=0)
    assert (await launcher.output(bench.run(), 100)).stdout == "the prompt"


@pytest.mark.parametrize("python", ["/no/such/python", "/bin/false"])
async def test_a_harness_that_cannot_run_gives_the_slot_up(bench: Bench, python: str) -> None:
    launcher = bench.launcher(python=python)
    with pytest.raises(Unavailable) as failure:
        await launcher.launch(bench.order("true"))
    assert not failure.value.ambiguous
    assert await launcher.look(bench.run()) == GivenUp()


async def test_the_harness_own_words_are_told(bench: Bench) -> None:
    script = bench.worktree / "python"
    script.write_text("#!/bin/sh\necho 'cannot import its modules' >&2\nexit 1\n")
    script.chmod(0o755)
    with pytest.raises(Unavailable, match="cannot import its modules"):
        await bench.launcher(python=str(script)).launch(bench.order("true"))


async def test_a_slow_harness_is_given_up_and_ended(bench: Bench) -> None:
    script = bench.worktree / "python"
    script.write_text(f"#!/bin/sh\necho $$ > {bench.env['HEAR']}\nexec sleep 600\n")
    script.chmod(0o755)
    limits = HarnessLimits(claim_timeout=timedelta(milliseconds=500))
    with pytest.raises(Unavailable):
        await bench.launcher(limits, python=str(script)).launch(bench.order("true"))
    await bench.end_of(int(await bench.hear()))
    assert await bench.launcher().look(bench.run()) == GivenUp()


async def test_a_cancelled_launch_can_be_repeated(bench: Bench) -> None:
    launcher = bench.launcher()
    for _ in range(5):
        with anyio.CancelScope() as scope:
            scope.cancel()
            await launcher.launch(bench.order("echo ran >> ran"))
        with anyio.move_on_after(0.005):
            await launcher.launch(bench.order("echo ran >> ran"))
    await launcher.launch(bench.order("echo ran >> ran"))
    await launcher.wait(bench.run())
    assert (bench.worktree / "ran").read_text() == "ran\n"


async def test_a_run_without_an_id_is_refused(bench: Bench) -> None:
    for run in (
        RunId(SprintId(".."), TaskId("task"), AgentId("agent"), 1),
        RunId(SprintId("sprint"), TaskId("a/b"), AgentId("agent"), 1),
        RunId(SprintId("sprint"), TaskId("task"), AgentId("agent"), 0),
    ):
        with pytest.raises(Rejected):
            await bench.launcher().look(run)
    assert not bench.runs.exists()


async def test_output_crosses_segments(bench: Bench) -> None:
    launcher = bench.launcher(msgspec.structs.replace(LIMITS, log_cap=3000))
    await launcher.launch(bench.order("seq 1 10000; echo APPROVED"))
    await launcher.wait(bench.run())
    text = (await launcher.output(bench.run(), 1500)).stdout
    lines = text.splitlines()
    assert lines[-1] == "APPROVED"
    assert [int(line) for line in lines[1:-1]] == list(range(10002 - len(lines) + 1, 10001))
    everything = (await launcher.output(bench.run(), 1_000_000)).stdout
    assert 1000 <= len(everything) <= 2000, "the head is not joined to an end that does not follow it"
