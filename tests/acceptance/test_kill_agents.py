"""Agents outlive the service: they are adopted, their results count, and only their own end is an end."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.acceptance.agents import PATIENCE, Started, await_end, command_line
from tests.acceptance.conftest import Bench, Running

WHO = {"author": "ada", "reviewer": "rita"}
SETTINGS = """
[state]
directory = {state}
[http]
port = 0
[agents]
command = {author}
reviewer_command = {reviewer}
[log]
format = "json"
"""


class Claim(msgspec.Struct):
    """The harness in a run's `pid.json`."""

    pid: int
    start: int
    boot: str


def run_directory(bench: Bench, started: Started) -> Path:
    """Where an attempt of the one-task plan has its records."""
    return bench.state / "runs" / "s" / started.task / WHO[started.role] / str(started.attempt)


def harness_of(bench: Bench, started: Started) -> Claim:
    """The harness that has an attempt."""
    return msgspec.json.decode((run_directory(bench, started) / "pid.json").read_bytes(), type=Claim)


def open_files(pid: int) -> list[str]:
    """What a process holds open. A harness opens and closes its socket for beats now and then."""
    found = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(str(entry.readlink()))
    return found


def hold_one(bench: Bench, *names: str) -> tuple[Running, Started]:
    """Start a run of one task and wait until its agent is held at its start."""
    bench.tasks("a: ada")
    bench.agents.author()
    bench.agents.reviewer()
    bench.agents.hold(*(names or ("a.author.1",)))
    running = bench.start_run()
    return running, bench.agents.held()


def started(bench: Bench) -> list[str]:
    """The names of all commands that were started, in order."""
    return [agent.name for agent in bench.agents.log()]


@pytest.mark.parametrize("role", ["author", "reviewer"])
def test_a_live_agent_is_adopted(bench: Bench, role: str) -> None:
    """Through two deaths of the service it keeps its pid; its result is used; nothing holds the dead one's lock."""
    running, agent = hold_one(bench, f"a.{role}.1")
    harness = harness_of(bench, agent)
    for pid in (agent.pid, harness.pid):
        held = [path for path in open_files(pid) if str(bench.state) in path and "/runs/" not in path]
        assert held == []
    assert running.end().code == -9
    assert bench.agents.alive() == [agent]
    second = bench.start_run()
    second.until("a: in_progress" if role == "author" else "a: in_review")
    assert second.end().code == -9
    assert bench.agents.alive() == [agent]
    third = bench.start_run()
    third.until("a: in_progress" if role == "author" else "a: in_review")
    assert bench.agents.alive() == [agent]
    assert harness_of(bench, agent) == harness
    bench.agents.release(agent.name)
    done = third.finish()
    assert (done.code, done.result["tasks"]["a"]["attempts"]) == (0, 1)
    assert started(bench) == ["a.author.1", "a.reviewer.1"]
    bench.assert_nothing_runs()


@pytest.mark.parametrize("role", ["author", "reviewer"])
def test_an_agent_that_ends_while_nobody_is_there(bench: Bench, role: str) -> None:
    """Its record waits for the next life."""
    running, agent = hold_one(bench, f"a.{role}.1")
    harness = harness_of(bench, agent)
    assert running.end().code == -9
    bench.agents.release(agent.name)
    await_end(harness.pid)
    done = bench.run()
    assert (done.code, done.result["tasks"]["a"]["attempts"]) == (0, 1)
    assert started(bench) == ["a.author.1", "a.reviewer.1"]


@pytest.mark.parametrize("alone", [False, True], ids=["watched", "alone"])
@pytest.mark.parametrize("victim", ["harness", "agent"])
def test_a_killed_harness_or_agent_is_a_failed_attempt(bench: Bench, victim: str, *, alone: bool) -> None:
    """Whether the service sees it happen or finds it afterwards; nothing of the attempt is left when the next starts."""
    running, agent = hold_one(bench)
    harness = harness_of(bench, agent)
    if alone:
        assert running.end().code == -9
    os.kill(agent.pid if victim == "agent" else harness.pid, signal.SIGKILL)
    await_end(agent.pid)
    await_end(harness.pid)
    done = bench.run() if alone else running.finish()
    assert (done.code, done.result["tasks"]["a"]["attempts"]) == (0, 2)
    assert started(bench) == ["a.author.1", "a.author.2", "a.reviewer.1"]
    bench.assert_nothing_runs()


def test_a_killed_reviewer_is_asked_again(bench: Bench) -> None:
    """It is a reviewer without a verdict, never an approval."""
    running, agent = hold_one(bench, "a.reviewer.1")
    os.kill(agent.pid, signal.SIGKILL)
    done = running.finish()
    assert done.code == 0
    assert started(bench) == ["a.author.1", "a.reviewer.1", "a.reviewer.2"]
    assert bench.forge_rows("SELECT state FROM reviews") == [("APPROVED",)]


def test_claims_of_another_boot(bench: Bench) -> None:
    """After a reboot the claim names a pid that somebody else has now: it is lost, and that one is left alone."""
    running, agent = hold_one(bench)
    claim = harness_of(bench, agent)
    assert running.end().code == -9
    os.kill(claim.pid, signal.SIGKILL)
    await_end(agent.pid)
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, cwd="/", start_new_session=True
    ) as stranger:
        fields = Path(f"/proc/{stranger.pid}/stat").read_text().rpartition(")")[2].split()
        directory = run_directory(bench, agent)
        for name in ("pid.json", "started.json"):
            record = json.loads((directory / name).read_text())
            record |= {"pid": stranger.pid, "start": int(fields[19])}
            record |= {"boot": "00000000-0000-0000-0000-000000000000"} if name == "pid.json" else {}
            (directory / name).write_text(json.dumps(record))
        done = bench.run()
        assert stranger.poll() is None
        stranger.communicate(b"\n", timeout=PATIENCE)
    assert (done.code, done.result["tasks"]["a"]["attempts"]) == (0, 2)
    assert started(bench) == ["a.author.1", "a.author.2", "a.reviewer.1"]


def test_a_second_run_on_the_same_state_is_refused(bench: Bench) -> None:
    """It names the first one's pid, which goes on unharmed."""
    running, agent = hold_one(bench)
    refused = bench.run()
    assert (refused.code, refused.stdout) == (2, "")
    assert f"process {running.pid}" in refused.stderr
    assert len(refused.stderr.splitlines()) <= 2
    bench.agents.release(agent.name)
    done = running.finish()
    assert (done.code, started(bench)) == (0, ["a.author.1", "a.reviewer.1"])


def start_service(bench: Bench) -> Running:
    """Start `serve` on the bench's state and wait until it says that it is ready."""
    settings = bench.path / "caloron.toml"
    names = {
        "author": str(bench.agents.path / "author.sh"),
        "reviewer": str(bench.agents.path / "reviewer.sh"),
    }
    values = {"state": str(bench.state), **names}
    settings.write_text(SETTINGS.format(**{name: json.dumps(value) for name, value in values.items()}))
    service = bench.start("serve", "--config", str(settings))
    service.until('"ready"')
    return service


def test_the_service_leaves_agents_alive_and_adopts_them(bench: Bench) -> None:
    """From a run to a service to another and back to a run, with one and the same agent."""
    running, agent = hold_one(bench)
    assert running.end().code == -9
    for _ in range(2):
        service = start_service(bench)
        service.until("run_watched")
        ended = service.end(signal.SIGTERM)
        assert ended.code == 0, ended.stderr
        assert bench.agents.alive() == [agent]
    last = bench.start_run()
    last.until("a: in_progress")
    bench.agents.release(agent.name)
    done = last.finish()
    assert (done.code, done.result["tasks"]["a"]["attempts"]) == (0, 1)
    assert started(bench) == ["a.author.1", "a.reviewer.1"]


def test_the_service_finishes_what_a_run_began(bench: Bench) -> None:
    """It resumes the sprint of its state directory by itself; the run then has nothing left to do."""
    running, agent = hold_one(bench)
    assert running.end().code == -9
    service = start_service(bench)
    bench.agents.release(agent.name)
    service.until("CloseIssue")
    assert service.end(signal.SIGTERM).code == 0
    done = bench.run()
    assert (done.code, done.statuses) == (0, {"a": "done"})
    assert started(bench) == ["a.author.1", "a.reviewer.1"]


def test_processes_are_found(bench: Bench) -> None:
    """The bench sees what it asserts to be gone: the run, the harness and its agent."""
    running, agent = hold_one(bench)
    harness = harness_of(bench, agent)
    pids = {int(line.partition(":")[0]) for line in bench.processes()}
    assert pids == {running.pid, harness.pid, agent.pid}
    assert "harness" in command_line(harness.pid)
    bench.agents.release(agent.name)
    assert running.finish().code == 0
    bench.assert_nothing_runs()
