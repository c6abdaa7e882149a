"""A disk that is full: the command says so and waits, ends when it is told to, and loses and doubles nothing."""

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.conftest import Bench, Finished, Running
from tests.acceptance.disks import Disk, journals_disk, small_disk
from tests.acceptance.test_interrupt import assert_one_of_each
from tests.acceptance.test_serve import Service

DONE = {"a": "done", "b": "done"}


@pytest.fixture
def disk(bench: Bench) -> Iterator[Disk]:
    """The journal's own disk, and a sprint of two tasks whose first author waits when its work is done."""
    bench.tasks("a: ada", "b: bo < a")
    path = bench.agents.path
    (path / "once").touch()
    os.mkfifo(path / "go")
    bench.agents.author(
        f'if [ -e {path}/once ]; then rm {path}/once; echo "$me" > {path}/held; read go < {path}/go; fi'
    )
    bench.agents.reviewer()
    with journals_disk(bench) as disk:
        yield disk


def told(line: str) -> dict[str, Any]:
    event = json.loads(line)
    assert isinstance(event, dict)
    return event


def events(stderr: str) -> list[str]:
    return [told(line)["event"] for line in stderr.splitlines() if line.startswith("{")]


def degraded(bench: Bench, disk: Disk, *more: str) -> Running:
    """A run whose disk is full when its first author ends; it has said so."""
    running = bench.start_run(*more)
    bench.agents.held()
    disk.fill()
    bench.agents.release("go")
    line = told(running.until("journal_degraded"))
    assert "disk is full" in line["cause"]
    assert str(bench.state / "caloron.db") in line["cause"]
    assert "free its disk" in line["remedy"]
    return running


def assert_done(bench: Bench, done: Finished) -> None:
    assert (done.code, done.statuses) == (0, DONE), done.stderr
    assert [started.name for started in bench.agents.log()] == [
        f"{task}.{role}.1" for task in "ab" for role in ("author", "reviewer")
    ]
    assert_one_of_each(bench, "ab")


def test_a_disk_that_is_freed_lets_the_sprint_go_on(bench: Bench, disk: Disk) -> None:
    running = degraded(bench, disk)
    disk.free()
    done = running.finish()
    assert events(done.stderr) == ["journal_degraded", "journal_recovered"]
    assert_done(bench, done)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_ends_when_it_is_told_to_and_the_same_command_goes_on(
    bench: Bench, disk: Disk, number: signal.Signals, code: int
) -> None:
    """Its agents are not stopped, because that could not be stored; it says so."""
    running = degraded(bench, disk)
    ended = running.end(number)
    assert (ended.code, ended.result["outcome"]) == (code, "interrupted")
    assert events(ended.stderr) == ["journal_degraded", "stop_not_stored", "report_not_written"]
    assert "Traceback" not in ended.stderr
    disk.free()
    assert_done(bench, bench.run())


def test_a_run_ends_at_its_time_limit(bench: Bench, disk: Disk) -> None:
    bench.agents.release("go")
    bench.agents.hold("a.author.1")
    running = bench.start_run("--time-limit", "6s")
    bench.agents.held()
    disk.fill()
    ended = running.finish()
    assert (ended.code, ended.result["outcome"]) == (1, "interrupted")
    assert "stop_not_stored" in events(ended.stderr)
    assert len(bench.agents.alive()) == 1
    disk.free()
    bench.agents.release("a.author.1")
    assert_done(bench, bench.run())


def test_a_run_that_is_killed_meanwhile_is_taken_up_and_waits_again(bench: Bench, disk: Disk) -> None:
    assert degraded(bench, disk).end().code == -signal.SIGKILL
    again = bench.start_run()
    again.until("journal_degraded")
    disk.free()
    assert_done(bench, again.finish())


def test_a_full_disk_under_everything_is_outlived(bench: Bench) -> None:
    """The agents, their records, the forge and the repositories are on it as well."""
    bench.tasks("a: ada")
    bench.agents.author(f'echo "$me" > {bench.agents.path}/held; read go < {bench.agents.path}/go')
    bench.agents.reviewer()
    os.mkfifo(bench.agents.path / "go")
    with small_disk(bench.path / "disk", 24) as disk:
        bench.state = disk.path / "state"
        running = bench.start_run()
        bench.agents.held()
        disk.fill()
        bench.agents.release("go")
        ended = running.end(signal.SIGINT)
        assert ended.code == 130, ended.stderr
        assert "stop_not_stored" in events(ended.stderr)
        disk.free()
        done = bench.run()
        assert (done.code, done.statuses) == (0, {"a": "done"}), done.stderr
        assert_one_of_each(bench, "a")


def test_the_service_says_that_it_is_degraded_and_stops_when_it_is_told_to(bench: Bench, disk: Disk) -> None:
    """Its health is for a watchdog, which must not start it anew; its readiness is for whoever sends it work."""
    run = bench.start_run()
    bench.agents.held()
    run.end()
    service = Service(bench)
    running = service.start()
    running.until('"ready"')
    assert (service.get("/health"), service.get("/ready")) == ((200, "ok"), (200, "ok"))
    disk.fill()
    bench.agents.release("go")
    running.until("journal_degraded")
    for path, status in (("/health", 200), ("/ready", 503)):
        answer = service.get(path)
        assert answer[0] == status
        assert answer[1].startswith("degraded: ")
        assert "disk is full" in answer[1]
    assert running.end(signal.SIGTERM).code == 0
    again = service.start()
    again.until("journal_degraded")
    disk.free()
    again.until("journal_recovered")
    assert service.get("/ready") == (200, "ok")
    again.end(signal.SIGTERM)
    assert_done(bench, bench.run())


@pytest.mark.parametrize("pages", [0, 1, 16, 40])
def test_a_disk_that_is_full_at_the_start(bench: Bench, pages: int) -> None:
    """One line, and a code that says: later perhaps. With more room a part more could be made, and is taken up."""
    bench.tasks("a: ada")
    bench.agents.author()
    bench.agents.reviewer()
    with small_disk(bench.path / "disk", 24) as disk:
        disk.leave(pages)
        bench.state = disk.path / "state"
        service = Service(bench)
        for words, code in ((bench.run_words(), 2), (["serve", "--config", str(service.config)], 75)):
            done = bench.command(*words)
            assert (done.code, done.stdout) == (code, ""), done
            (line,) = done.stderr.splitlines()[-1:]
            assert line.startswith("error: "), done.stderr
            assert str(disk.path) in line
            assert "full" in line or os.strerror(28) in line
            assert "Traceback" not in done.stderr
        disk.free()
        done = bench.run()
        assert (done.code, done.statuses) == (0, {"a": "done"}), done.stderr
