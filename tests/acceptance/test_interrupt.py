"""SIGTERM, SIGINT and the time limit: agents are stopped, their work is kept, and the same command goes on."""

import signal

import pytest

from tests.acceptance.agents import command_line
from tests.acceptance.conftest import Bench, Finished, git
from tests.acceptance.ledger import unsettled

SIGNALS = [(signal.SIGTERM, 143), (signal.SIGINT, 130)]

BUSY = """
if [ -e {path}/busy ]; then
  rm {path}/busy; mkdir deep; echo half > deep/new.txt; git add deep; echo more >> README.md
  echo "$me" > {path}/held; read go < {path}/never
fi"""

STUBBORN = """
import os, signal
def heard(number, frame):
    with open({held!r}, "w") as file:
        file.write(os.environ["CALORON_TASK_ID"] + " author " + os.environ["CALORON_ATTEMPT"] + f" {{os.getpid()}}\\n")
signal.signal(signal.SIGTERM, heard)
heard(0, None)
while True:
    signal.pause()
"""


def assert_one_of_each(bench: Bench, tasks: str) -> None:
    """One issue, one merged pull request, one comment and one closed issue for every task; nothing else."""
    count = len(tasks)
    assert bench.forge_rows("SELECT is_pull, state, count(*) FROM issues GROUP BY 1, 2") == [
        (0, "closed", count),
        (1, "closed", count),
    ]
    assert bench.forge_rows("SELECT count(*) FROM pulls WHERE merged_at IS NOT NULL") == [(count,)]
    assert bench.forge_rows("SELECT count(DISTINCT issue_id), count(*) FROM comments") == [(count, count)]
    assert len(bench.bare("log", "--first-parent", "--merges", "--format=%H", "main").split()) == count
    reviewed = bench.forge_rows("SELECT issue_id, commit_sha, count(*) FROM reviews GROUP BY 1, 2")
    assert {times for *_, times in reviewed} == {1}
    assert bench.agents.twice() == []
    assert unsettled(bench) == []
    bench.assert_nothing_runs()


def assert_interrupted(done: Finished, code: int) -> None:
    """The exit code and the outcome of a run that was ended before its sprint."""
    assert (done.code, done.result["outcome"]) == (code, "interrupted"), done.stderr


def saved_file(bench: Bench, path: str) -> str:
    """A file in the work that was saved of the first run of task a."""
    return git(bench.state / "work" / "s" / "mirror.git", "show", f"refs/caloron/saved/a/run-1:{path}")


@pytest.mark.parametrize(("number", "code"), SIGNALS, ids=["SIGTERM", "SIGINT"])
def test_interrupted_while_an_author_works(bench: Bench, number: signal.Signals, code: int) -> None:
    """Committed or not, what it had done stands on a hidden ref; the next attempt starts from the base branch."""
    bench.tasks("a: ada")
    bench.agents.author(BUSY.format(path=bench.agents.path))
    bench.agents.reviewer()
    bench.agents.hold("busy", "never")
    running = bench.start_run()
    agent = bench.agents.held()
    done = running.end(number)
    assert_interrupted(done, code)
    assert done.result["tasks"]["a"]["reason"]
    assert bench.agents.alive() == []
    bench.assert_nothing_runs()
    assert saved_file(bench, "deep/new.txt") == "half"
    assert saved_file(bench, "README.md") == "# a project\nmore"
    assert saved_file(bench, "a.txt") == f"attempt {agent.attempt}"
    last = bench.run()
    assert (last.code, last.result["tasks"]["a"]["attempts"]) == (0, 2)
    assert bench.bare("show", "main:a.txt") == "attempt 2"
    assert [started.name for started in bench.agents.log()] == ["a.author.1", "a.author.2", "a.reviewer.1"]
    assert_one_of_each(bench, "a")


@pytest.mark.parametrize(("number", "code"), SIGNALS, ids=["SIGTERM", "SIGINT"])
def test_interrupted_while_a_reviewer_reads(bench: Bench, number: signal.Signals, code: int) -> None:
    """The reviewer is asked again, the author is not."""
    bench.tasks("a: ada")
    bench.agents.author()
    bench.agents.reviewer()
    bench.agents.hold("a.reviewer.1")
    running = bench.start_run()
    bench.agents.held()
    assert_interrupted(running.end(number), code)
    bench.assert_nothing_runs()
    last = bench.run()
    assert (last.code, last.result["tasks"]["a"]["attempts"]) == (0, 1)
    assert [started.name for started in bench.agents.log()] == ["a.author.1", "a.reviewer.1", "a.reviewer.2"]
    assert_one_of_each(bench, "a")


def test_interrupted_at_every_step(bench: Bench) -> None:
    """Each life is interrupted at the first line that no earlier life has printed: preparing, running, merging …"""
    bench.tasks("a: ada", "b: bo", "c: ada < a b")
    bench.agents.author()
    bench.agents.reviewer(changes_once="b")
    seen: set[str] = set()
    interrupted = 0
    while True:
        running = bench.start_run()
        while (line := running.next_line()) is not None and line in seen:
            pass
        if line is None:
            break
        seen.add(line)
        number, code = SIGNALS[interrupted % 2]
        done = running.end(number)
        bench.assert_nothing_runs()
        if done.code == 0:
            break  # only the last notes were left to write
        assert_interrupted(done, code)
        interrupted += 1
    assert interrupted >= 8
    last = bench.run()
    assert (last.code, set(last.statuses.values())) == (0, {"done"})
    assert_one_of_each(bench, "abc")


def test_a_second_signal_ends_the_run_at_once(bench: Bench) -> None:
    """It does not wait for an agent that does not heed. The stop is finished by a later run, killed ones in between."""
    bench.tasks("a: ada")
    bench.agents.reviewer()
    stubborn = bench.path / "stubborn.py"
    stubborn.write_text(STUBBORN.format(held=str(bench.agents.path / "held")))
    bench.agents.author(f"if [ $CALORON_ATTEMPT = 1 ]; then exec python3 {stubborn}; fi")
    running = bench.start_run()
    agent = bench.agents.held()
    running.process.send_signal(signal.SIGTERM)
    assert bench.agents.held() == agent
    ended = running.end(signal.SIGTERM)
    assert (ended.code, ended.stdout) == (143, "")
    assert "stubborn" in command_line(agent.pid)
    killed = bench.start_run()
    killed.until("a: in_progress")
    assert killed.end().code == -9
    last = bench.run()
    assert (last.code, last.result["tasks"]["a"]["attempts"]) == (0, 2)
    assert saved_file(bench, "a.txt") == "attempt 1"
    assert_one_of_each(bench, "a")


def test_the_time_limit_ends_a_run(bench: Bench) -> None:
    """Exit status 1, and the same command goes on, with another limit if it likes."""
    bench.tasks("a: ada", "b: bo")
    bench.agents.author()
    bench.agents.reviewer()
    bench.agents.hold("a.author.1")
    done = bench.run("--time-limit", "3s")
    assert_interrupted(done, 1)
    bench.assert_nothing_runs()
    bench.agents.release("a.author.1")  # a busy machine may not have started it in time
    last = bench.run("--time-limit", "5m")
    assert (last.code, set(last.statuses.values())) == (0, {"done"})
    assert_one_of_each(bench, "ab")
