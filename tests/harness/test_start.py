"""How the command is started, and by whom: one claim, exactly the ordered surroundings, and what cannot be started."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.conftest import ROOT, Bench


def test_the_command_gets_exactly_what_was_ordered(bench: Bench) -> None:
    script = "pwd; /usr/bin/env; cat; ps -o pid=,pgid=,sid= -p $$; echo done >&2; exit 3"
    end = bench.perform(script, env={"ONLY": "this"})
    lines = bench.text("stdout.log").splitlines()
    assert (end["cause"], end["started"], end["code"], end["signal"]) == ("exited", True, 3, None)
    assert lines[0] == str(bench.worktree)
    assert {"ONLY=this", "the prompt"} <= set(lines)
    assert {line.split("=")[0] for line in lines if "=" in line} <= {"ONLY", "PWD", "SHLVL", "_", "OLDPWD"}
    assert len(set(lines[-1].split())) == 1, "the command leads its own session and group"
    assert bench.text("stderr.log") == "done\n"
    assert bench.record("started.json")["pid"] == int(lines[-1].split()[0])


def test_no_signal_is_left_ignored_or_blocked(bench: Bench) -> None:
    """Whatever it was started with: a shell in the background has SIGINT and SIGQUIT ignored, nohup SIGHUP."""
    ignored = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR1, signal.SIGTSTP)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ignored}
    try:
        bench.perform("grep -E '^Sig(Ign|Blk)' /proc/self/status")
    finally:
        for number, way in before.items():
            signal.signal(number, way)
    masks = [int(line.split()[1], 16) for line in bench.text("stdout.log").splitlines()]
    # Signals 32 and 33 are the C library's own, whatever the tests themselves were started with.
    assert [mask & ~0x180000000 for mask in masks] == [0, 0]


def test_only_the_three_streams_are_open(bench: Bench) -> None:
    bench.perform("exec ls /proc/self/fd")
    # The fourth is the directory that ls itself reads.
    assert bench.text("stdout.log").split() == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    "slot", [b'{"version":1,"tombstone":true}', b'{"version":1,"pid":1,"start":1}', b"junk"]
)
def test_a_taken_slot_starts_nothing(bench: Bench, slot: bytes) -> None:
    bench.order("echo ran")
    (bench.run / "pid.json").write_bytes(slot)
    assert bench.start().wait(60) == 0
    assert (bench.run / "pid.json").read_bytes() == slot
    assert not (bench.run / "started.json").exists()
    assert not (bench.run / "exit.json").exists()


def test_of_many_harnesses_one_runs_the_order(bench: Bench) -> None:
    bench.order(f"echo ran >> {bench.worktree}/ran")
    harnesses = [bench.start() for _ in range(5)]
    assert [harness.wait(60) for harness in harnesses] == [0] * 5
    assert (bench.worktree / "ran").read_text() == "ran\n"
    assert bench.record("pid.json")["pid"] in {harness.pid for harness in harnesses}
    assert [path.name for path in bench.run.iterdir() if path.suffix == ".tmp"] == []


def test_the_claim_names_the_process(bench: Bench) -> None:
    bench.order("read line")
    harness = bench.start()
    bench.finish(harness)
    claim = bench.record("pid.json")
    assert (claim["version"], claim["pid"], claim["nonce"]) == (1, harness.pid, "the-nonce")
    assert claim["boot"] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert claim["start"] <= bench.record("started.json")["start"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"argv": []}, "absolute"),
        ({"argv": ["agent"]}, "absolute"),
        ({"argv": ["./agent"]}, "absolute"),
        ({"argv": ["/no/such/agent"]}, "No such file"),
        ({"argv": ["/proc/self/status"]}, "Permission denied"),
        ({"argv": ["/bin/sh", "a\0b"]}, "null byte"),
        ({"cwd": "/no/such/worktree"}, "No such file"),
    ],
)
def test_a_command_that_cannot_be_started(bench: Bench, changes: dict[str, object], reason: str) -> None:
    (bench.worktree / "agent").write_text("#!/bin/sh\n")
    (bench.worktree / "agent").chmod(0o755)
    end = bench.perform("true", **changes)  # type: ignore[arg-type]
    assert (end["cause"], end["started"], end["code"]) == ("not_started", False, None)
    assert reason in end["detail"]


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"version": 2}', '{"version": 1}', '{"version": 1, "run": 3}']
)
def test_a_damaged_order_is_refused_without_a_claim(bench: Bench, content: str) -> None:
    (bench.run / "order.json").write_text(content)
    assert bench.start().wait(60) == 2
    assert "order.json" in bench.text("harness.log")
    assert not (bench.run / "pid.json").exists()


def test_what_the_worktree_plants_is_not_imported(bench: Bench) -> None:
    for name in ("json.py", "signal.py", "sitecustomize.py"):
        (bench.worktree / name).write_text(f"open({str(bench.run / 'planted')!r}, 'w')")
    package = bench.worktree / "caloron_actors"
    package.mkdir()
    (package / "__init__.py").write_text(f"open({str(bench.run / 'planted')!r}, 'w')")
    bench.order("true")
    assert bench.finish(bench.start(cwd=bench.worktree))["cause"] == "exited"
    assert not (bench.run / "planted").exists()


def test_only_the_standard_library_is_imported() -> None:
    program = (
        "import sys, json; import caloron_actors.harness.__main__;"
        "print(json.dumps([n for n in sys.modules if n.partition('.')[0] not in sys.stdlib_module_names]))"
    )
    outcome = subprocess.run(
        [sys.executable, "-P", "-S", "-c", program],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
    )
    ours = {name for name in json.loads(outcome.stdout) if not name.startswith("caloron_actors")}
    assert ours == {"__main__"} & ours


def test_a_dead_harness_takes_the_command_with_it(bench: Bench) -> None:
    bench.order("echo $$ > $HEAR; exec sleep 600")
    harness = bench.start()
    agent = int(bench.hear())
    harness.send_signal(signal.SIGKILL)
    harness.wait(60)
    bench.await_end(agent)
    assert not (bench.run / "exit.json").exists()


def test_signals_of_a_terminal_do_not_reach_the_run(bench: Bench) -> None:
    bench.order("echo up > $HEAR; read line < $SAY; exit 4")
    harness = bench.start()
    bench.hear()
    harness.send_signal(signal.SIGINT)
    harness.send_signal(signal.SIGHUP)
    bench.say()
    assert bench.finish(harness)["code"] == 4
    assert os.getsid(0) != harness.pid
