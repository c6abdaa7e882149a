"""SIGKILL of the running command at many instants, then the same command again: it ends as an undisturbed run."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.agents import await_end
from tests.acceptance.conftest import Bench, Finished
from tests.acceptance.ledger import forge_ledger, history, result_ledger, unsettled
from tests.acceptance.watching import Watched

Facts = tuple[Any, ...]
THREE = ("a: ada", "b: bo", "c: ada < a b")
ONE = ("a: ada",)
FORGE_WRITES = (
    b"/CreateIssue/1 ",
    b"caloron:in-progress",
    b"/OpenPullRequest/1 ",
    b"caloron:review-pending",
    b"/SubmitReview/rita.1 ",
    b"/SubmitReview/rita.2 ",
    b'"type":"Merge"',
    b"/PostComment/",
    b"caloron:done",
)
"""Words that come into the forge's database with what a sprint of one task and two reviews does there."""


def prepare(bench: Bench, tasks: tuple[str, ...]) -> None:
    """A plan whose last task is sent back once by its reviewer."""
    bench.tasks(*tasks)
    bench.agents.author()
    bench.agents.reviewer(changes_once=tasks[-1].partition(":")[0])


def facts(bench: Bench, done: Finished) -> Facts:
    """All that a finished sprint has left."""
    assert done.code == 0, done
    return forge_ledger(bench), history(bench), result_ledger(done.result)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[tuple[str, ...]], Facts]:
    """What a plan leads to when nothing goes wrong; each plan is run once."""
    known: dict[tuple[str, ...], Facts] = {}

    def run(tasks: tuple[str, ...]) -> Facts:
        if tasks not in known:
            bench = Bench(tmp_path_factory.mktemp("undisturbed"))
            prepare(bench, tasks)
            known[tasks] = facts(bench, bench.run())
            bench.close()
        return known[tasks]

    return run


def assert_as_undisturbed(bench: Bench, done: Finished, expected: Facts) -> None:
    """The same forge, history and result; no command started twice; nothing open, nothing running."""
    ledger, merged, result = facts(bench, done)
    assert ledger == expected[0]
    assert merged == expected[1]
    assert result == expected[2]
    assert bench.agents.twice() == []
    assert len(bench.agents.log()) == 2 * sum(task["attempts"] for task in result["tasks"].values())
    assert unsettled(bench) == []
    bench.assert_nothing_runs()


def existing_state(bench: Bench, *folders: str) -> None:
    """Make the state directory beforehand, so that folders of it can be watched from the first moment."""
    bench.state.mkdir(mode=0o700)
    (bench.state / "lock").touch()
    path = bench.state
    for folder in folders:
        path /= folder
        path.mkdir(mode=0o700)


def test_killed_at_every_step(bench: Bench, undisturbed: Callable[[tuple[str, ...]], Facts]) -> None:
    """Each life ends with the first line that no earlier life has printed; every other one already at its start."""
    prepare(bench, THREE)
    seen: set[str] = set()
    kills = 0
    while True:
        if kills % 2:
            early = bench.start_run()
            early.until("sprint s")
            assert early.end().code == -9
        running = bench.start_run()
        running.until("sprint s")
        while (line := running.next_line()) is not None and line in seen:
            pass
        if line is None:
            break
        seen.add(line)
        assert running.end().code == -9
        kills += 1
    assert kills >= 10
    assert_as_undisturbed(bench, running.finish(), undisturbed(THREE))


@pytest.mark.parametrize("times", [9, 12])
def test_killed_at_every_few_commits(
    bench: Bench, undisturbed: Callable[[tuple[str, ...]], Facts], times: int
) -> None:
    """Killed in the instant after the journal was written: what was promised is not yet done."""
    prepare(bench, ONE)
    existing_state(bench, "forge")
    kills = 0
    while True:
        watched = Watched(bench.state)
        running = bench.start_run()
        in_time = watched.until("caloron.db-wal", running, times.__le__)
        watched.close()
        if not in_time:
            break
        running.end()
        kills += 1
    assert kills >= 3
    assert_as_undisturbed(bench, running.finish(), undisturbed(ONE))


def test_killed_as_soon_as_it_stands_on_the_forge(
    bench: Bench, undisturbed: Callable[[tuple[str, ...]], Facts]
) -> None:
    """Killed when an issue, a label, a pull request, a review, a merge or a comment is written: nobody knows it yet."""
    prepare(bench, ONE)
    existing_state(bench, "forge")
    to_come = set(FORGE_WRITES)
    written = bench.state / "forge" / "forge.db-wal"
    while True:
        watched = Watched(bench.state / "forge")
        running = bench.start_run()
        in_time = watched.until(
            "forge.db-wal", running, lambda _: any(word in written.read_bytes() for word in to_come)
        )
        watched.close()
        if not in_time:
            break
        running.end()
        content = written.read_bytes()
        to_come.difference_update([word for word in to_come if word in content])
    assert to_come == set()
    assert_as_undisturbed(bench, running.finish(), undisturbed(ONE))


@pytest.mark.parametrize("record", ["order.json", "harness.log", "pid.json", "started.json", "exit.json"])
@pytest.mark.parametrize("agent", ["ada", "rita"])
def test_killed_around_a_launch(
    bench: Bench, undisturbed: Callable[[tuple[str, ...]], Facts], agent: str, record: str
) -> None:
    """Killed when a record of an agent's run appears: before its claim, at it, at its start and at its end."""
    prepare(bench, ONE)
    existing_state(bench, "runs", "s", "a", agent, "1")
    watched = Watched(bench.state / "runs" / "s" / "a" / agent / "1")
    running = bench.start_run()
    assert watched.until(record, running)
    assert running.end().code == -9
    watched.close()
    assert_as_undisturbed(bench, bench.run(), undisturbed(ONE))


@pytest.mark.parametrize("ref", ["refs/heads/main", "refs/heads/agent/ada/s/a"])
def test_killed_between_the_forges_ref_and_its_rows(
    bench: Bench, undisturbed: Callable[[tuple[str, ...]], Facts], ref: str
) -> None:
    """A push or a merge has moved its ref: the forge repairs its rows, and nobody pushes or merges again."""
    prepare(bench, ONE)
    bench.agents.hold("a.author.1", "a.reviewer.1")
    running = bench.start_run()
    bench.agents.held()
    folder, name = (bench.state / "forge/repositories/local/project.git" / ref).parent, Path(ref).name
    folder.mkdir(parents=True, exist_ok=True)
    bench.agents.release("a.author.1")
    watched = Watched(folder)
    bench.agents.release("a.reviewer.1")
    assert watched.until(name, running)
    assert running.end().code == -9
    watched.close()
    assert_as_undisturbed(bench, bench.run(), undisturbed(ONE))


GIT = """#!/bin/sh
if [ "$1" = http-backend ] && [ "${{PATH_INFO##*/}}" = git-receive-pack ] && [ -p {gate} ]; then
  echo "a git 1 $$" > {held}; read go < {gate}; rm {gate}
  exec {git} "$@" < /dev/null > /dev/null
fi
exec {git} "$@"
"""
"""Git, but its first push is held up and then finds its input ended: what a service leaves that dies right then."""


def test_killed_before_it_passes_a_push_on(bench: Bench) -> None:
    """The forge's git, left alone with nothing of a push, gives up; the next life pushes, once."""
    found = shutil.which("git")
    assert found is not None
    prepare(bench, ONE)
    bench.agents.hold("push")
    tools = bench.path / "tools"
    tools.mkdir()
    held, gate = bench.agents.path / "held", bench.agents.path / "push"
    (tools / "git").write_text(GIT.format(gate=gate, held=held, git=found))
    (tools / "git").chmod(0o755)
    bench.env["PATH"] = f"{tools}:{bench.env['PATH']}"
    running = bench.start_run()
    backend = bench.agents.held()
    assert running.end().code == -9
    bench.agents.release("push")
    await_end(backend.pid)
    done = bench.run()
    assert (done.code, done.statuses) == (0, {"a": "done"})
    assert bench.agents.twice() == []
    assert unsettled(bench) == []
    bench.assert_nothing_runs()


def test_killed_before_the_last_notes(bench: Bench, undisturbed: Callable[[tuple[str, ...]], Facts]) -> None:
    """A sprint that has ended may still owe labels, a comment and a closed issue; the next run pays, and only once."""
    prepare(bench, ONE)
    running = bench.start_run()
    running.until("a: done")
    assert running.end().code == -9
    second = bench.run()
    assert_as_undisturbed(bench, second, undisturbed(ONE))
    again = bench.run()
    assert (again.code, again.result) == (0, second.result)
    assert_as_undisturbed(bench, again, undisturbed(ONE))
