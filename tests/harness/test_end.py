"""How runs end: nothing of them lives on, their limits hold, and their record gets onto the disk."""

import json
import os
import resource
import shutil
import signal

import pytest

from tests.harness.conftest import Bench

ESCAPE = "setsid sh -c 'echo $$ > $HEAR; trap \"\" TERM HUP; while :; do sleep 600; done' > /dev/null 2>&1 &"
STUBBORN = "trap '' TERM HUP INT; echo $$ > $HEAR; while :; do sleep 600; done"


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_what_the_agent_left_behind_is_ended(bench: Bench) -> None:
    bench.order(f"{ESCAPE} {ESCAPE} sleep 600 & read a < $SAY; exit 0")
    harness = bench.start()
    escaped = [int(bench.hear()), int(bench.hear())]
    bench.say()
    end = bench.finish(harness)
    assert (end["cause"], end["code"]) == ("exited", 0)
    assert all(map(gone, escaped))


def test_a_stop_ends_the_whole_tree(bench: Bench) -> None:
    bench.order(f"{ESCAPE} {STUBBORN}", stop_grace=0.1)
    harness = bench.start()
    pids = [int(bench.hear()), int(bench.hear())]
    harness.send_signal(signal.SIGTERM)
    end = bench.finish(harness)
    assert (end["cause"], end["started"], end["code"], end["signal"]) == ("stopped", True, None, 9)
    assert all(map(gone, pids))


def test_a_stop_lets_the_agent_finish_within_its_grace(bench: Bench) -> None:
    bench.order("trap 'echo saved; exit 7' TERM; echo up > $HEAR; while :; do sleep 600 & wait; done")
    harness = bench.start()
    bench.hear()
    harness.send_signal(signal.SIGTERM)
    end = bench.finish(harness)
    assert (end["cause"], end["code"]) == ("stopped", 7)
    assert bench.text("stdout.log") == "saved\n"


def test_a_later_stop_may_be_less_patient(bench: Bench) -> None:
    bench.order(STUBBORN, stop_grace=3600, beat=0.05)
    harness = bench.start()
    bench.hear()
    harness.send_signal(signal.SIGTERM)
    bench.beat()
    (bench.run / "stop.json").write_text(json.dumps({"grace": 0.0}))
    harness.send_signal(signal.SIGTERM)
    assert bench.finish(harness)["cause"] == "stopped"


def test_a_stopped_process_cannot_sit_out_a_stop(bench: Bench) -> None:
    bench.order("echo $$ > $HEAR; exec sleep 600")
    harness = bench.start()
    os.kill(int(bench.hear()), signal.SIGSTOP)
    harness.send_signal(signal.SIGTERM)
    end = bench.finish(harness)
    assert (end["cause"], end["signal"]) == ("stopped", 15)


def test_wall_time(bench: Bench) -> None:
    end = bench.perform(STUBBORN, wall_time=0.2, stop_grace=0.1)
    assert (end["cause"], end["signal"]) == ("wall_time", 9)


def test_nobody_renews_the_lease(bench: Bench) -> None:
    end = bench.perform("exec sleep 600", orphan_limit=0.3)
    assert (end["cause"], end["signal"]) == ("orphaned", 15)


def test_a_renewed_lease_keeps_the_agent(bench: Bench) -> None:
    bench.order("exec sleep 600", orphan_limit=0.8, beat=0.1)
    harness = bench.start()
    # Beats come every 0.1 s: more than two limits pass while the lease is renewed.
    for _ in range(20):
        bench.beat()
        os.utime(bench.run / "lease")
    assert harness.poll() is None
    assert bench.finish(harness)["cause"] == "orphaned"


@pytest.mark.parametrize("prompt", [b"", b"x" * 5_000_000])
def test_a_prompt_that_nobody_reads(bench: Bench, prompt: bytes) -> None:
    assert bench.perform("exit 5", prompt)["code"] == 5


def test_a_huge_prompt_arrives_whole_while_output_flows(bench: Bench) -> None:
    prompt = b"0123456789abcdef" * 320_000
    bench.perform("tee /dev/stderr | wc -c", prompt, log_cap=30_000)
    assert bench.text("stdout.log").split() == [str(len(prompt))]
    assert bench.text("stderr.log").endswith("abcdef")


def test_a_flood_is_bounded_and_its_end_is_kept(bench: Bench) -> None:
    cap = 300_000
    bench.order("yes 'a line of the flood' | head -c 100000000; echo APPROVED", log_cap=cap)
    bench.finish(bench.start())
    logs = list(bench.run.glob("stdout*.log"))
    assert sum(path.stat().st_size for path in logs) <= cap
    assert bench.text("stdout.0.log").startswith("a line of the flood\n")
    assert bench.text("stdout.log").endswith("APPROVED\n")


def test_output_of_children_that_outlive_their_parent_is_kept(bench: Bench) -> None:
    child = "trap 'echo last words; exit' TERM; echo up > $HEAR; while :; do sleep 600 & wait; done"
    bench.order(f"({child}) & read line < $SAY", leftover_grace=20)
    harness = bench.start()
    bench.hear()
    bench.say()
    bench.finish(harness)
    assert bench.text("stdout.log") == "last words\n"


def test_the_record_waits_for_room_on_the_disk(bench: Bench) -> None:
    bench.order("echo before; echo up > $HEAR; read line < $SAY; echo APPROVED; exit 0", beat=0.05)
    harness = bench.start()
    bench.hear()
    while bench.beat()["bytes"] < len("before\n"):
        pass
    # No file of the harness may grow from here on, as on a full disk.
    resource.prlimit(harness.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    bench.say()
    while bench.beat()["bytes"] < len("before\nAPPROVED\n"):
        pass
    bench.beat()
    assert harness.poll() is None
    assert not (bench.run / "exit.json").exists()
    resource.prlimit(harness.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert bench.finish(harness)["code"] == 0
    lines = bench.text("stdout.log").splitlines()
    assert lines[0] == "before"
    assert "9 bytes of output were lost" in lines[-1], "a verdict must never come from a log with a hole"


def test_a_removed_run_directory_holds_nobody(bench: Bench) -> None:
    bench.order("echo up > $HEAR; read line < $SAY")
    harness = bench.start()
    bench.hear()
    shutil.rmtree(bench.run)
    bench.say()
    assert harness.wait(60) == 0


def test_beats_say_who_lives(bench: Bench) -> None:
    bench.order("echo 12345; read line < $SAY", beat=0.05)
    harness = bench.start()
    beats = [bench.beat() for _ in range(4)]
    assert [beat["seq"] for beat in beats] == [1, 2, 3, 4]
    assert beats[-1] == {
        "type": "beat",
        "run": "sprint/task/agent/1",
        "nonce": "the-nonce",
        "pid": harness.pid,
        "seq": 4,
        "bytes": 6,
    }
    bench.say()
    bench.finish(harness)


def test_beats_reach_a_socket_with_a_long_path(bench: Bench) -> None:
    deep = bench.run / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    bench.socket.rename(deep / "agents.sock")
    bench.order("read line < $SAY", socket=str(deep / "agents.sock"))
    harness = bench.start()
    assert bench.beat()["seq"] == 1
    bench.say()
    bench.finish(harness)


@pytest.mark.parametrize("socket", ["/no/such/socket", "", "relative"])
def test_nobody_has_to_listen(bench: Bench, socket: str) -> None:
    assert bench.perform("exit 0", socket=socket, beat=0.01)["code"] == 0
