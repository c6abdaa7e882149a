"""What was acknowledged is there after SIGKILL, and a disk that fails in a COMMIT is told as ambiguous."""

import signal
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from caloron_actors.adapters.memory.clock import ManualClock
from caloron_actors.adapters.sqlite import SqliteJournal
from caloron_actors.domain.events import IssueCreated
from caloron_actors.domain.ids import SprintId, TaskId

COMMON = """
import resource, signal, sys
from pathlib import Path
import anyio
from caloron_actors.adapters.memory.clock import ManualClock
from caloron_actors.adapters.sqlite import SqliteJournal
from caloron_actors.domain.dag import Agent, Dag, TaskPlan
from caloron_actors.domain.effects import CreateIssue, Intent
from caloron_actors.domain.events import IssueCreated, Limits
from caloron_actors.domain.instant import Age
from caloron_actors.domain.sprint.state import SprintHead, SprintPlan
from caloron_actors.domain.task import Task
from caloron_actors.ports.errors import Unavailable
from caloron_actors.ports.journal import Entry

clock = ManualClock()
def head(sprint, seq):
    return SprintHead(id=sprint, seq=seq, age=Age.born(clock.now()), limits=Limits())
async def create(journal, sprint):
    dag = Dag(id=sprint, agents=(Agent(id="dev"),), tasks=(TaskPlan(id="a", title="A", assigned_to="dev"),))
    plan = SprintPlan(dag=dag, repository="local/x", base_branch="main", source="/src")
    await journal.create(plan, head(sprint, 0), (Task(id="a"),))
def entry(sprint, seq, text=""):
    intent = Intent(f"{sprint}/{seq}{text}", CreateIssue("a"))
    row = Task(id="a", issue=seq)
    return Entry(at=clock.now(), event=IssueCreated("a", seq), head=head(sprint, seq), changed=(row,), intents=(intent,))
"""

WRITER = r"""
async def write(journal, sprint):
    await create(journal, sprint)
    for seq in range(1, 1_000_000):
        await journal.commit(entry(sprint, seq))
        assert await journal.claim(sprint, f"{sprint}/{seq}")
        sys.stdout.write(f"{sprint} {seq}\n")
        sys.stdout.flush()
async def main():
    async with SqliteJournal.open(Path(sys.argv[1]), wall=clock) as journal, anyio.create_task_group() as group:
        for number in range(4):
            group.start_soon(write, journal, f"s{number}")
anyio.run(main)
"""

FAILING = """
async def main():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    async with SqliteJournal.open(Path(sys.argv[1]), wall=clock) as journal:
        await create(journal, "s1")
        await journal.commit(entry("s1", 1))
        wal = Path(sys.argv[1] + "-wal").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (wal + 100, resource.RLIM_INFINITY))
        try:
            await journal.commit(entry("s1", 2))
        except Unavailable as error:
            print(error.ambiguous)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        (stored,) = await journal.sprints()
        await journal.commit(entry("s1", stored.seq + 1, "-again"))
        (stored,) = await journal.sprints()
        print(stored.seq)
anyio.run(main)
"""


def killed(path: Path, acknowledged: int) -> dict[SprintId, int]:
    """Let a writer be killed after so many acknowledgements; give each sprint's last one."""
    argv = [sys.executable, "-c", COMMON + WRITER, str(path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        told = [writer.stdout.readline() for _ in range(acknowledged)]
        writer.send_signal(signal.SIGKILL)
        told += writer.stdout.readlines()
    return {SprintId(sprint): int(seq) for sprint, seq in (line.split() for line in told)}


async def compare(path: Path, acknowledged: dict[SprintId, int]) -> None:
    async with SqliteJournal.open(path, wall=ManualClock()) as journal:
        for sprint, last in acknowledged.items():
            stored = await journal.load(sprint)
            assert stored is not None
            seq = stored.head.seq
            assert last <= seq <= last + 1
            assert next(iter(stored.tasks.values())).issue == seq
            events = await journal.history(sprint, limit=10_000)
            assert [event.event for event in events] == [
                IssueCreated(TaskId("a"), n) for n in range(1, seq + 1)
            ]
            intents = await journal.open_intents(sprint)
            assert [intent.state for intent in intents[:last]] == ["claimed"] * last
            assert len(intents) == seq


@pytest.mark.parametrize("acknowledged", [1, 50, 400])
def test_acknowledged_commits_survive_a_kill(tmp_path: Path, acknowledged: int) -> None:
    path = tmp_path / "caloron.db"
    anyio.run(compare, path, killed(path, acknowledged))


def test_a_disk_that_fails_in_the_commit_is_ambiguous(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", COMMON + FAILING, str(tmp_path / "caloron.db")]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("True\n2\n", "")
