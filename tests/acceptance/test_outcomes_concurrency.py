"""Parallel where the plan allows it, and never more than allowed: limits, one run of an agent at a time.

Predecessors' faults: J1 (strictly sequential runs), J9 (nothing caps how many run at once).
"""

import itertools
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.acceptance.conftest import Bench
from tests.acceptance.staging import APPROVE, agents, meet, task, write_plan

BUSY = """
mkdir {path} 2>/dev/null || echo "$CALORON_TASK_ID $CALORON_AGENT_ID" >> {path}.overlaps
cat > /dev/null
{work}
rmdir {path}
"""

WRITE = 'echo "$CALORON_AGENT_ID" > "$CALORON_TASK_ID.txt"'

MANY = [(name, "developer") for name in ("a1", "a2", "a3")] + [("rita", "reviewer")]


@dataclass(frozen=True)
class Span:
    """A harness's life, from its claim to its end, in nanoseconds."""

    task: str
    agent: str
    began: int
    ended: int


def spans(bench: Bench) -> list[Span]:
    """Every run that was claimed."""
    found = []
    for claim in sorted((bench.state / "runs" / "s").glob("*/*/*/pid.json")):
        name, agent = claim.parts[-4:-2]
        assert json.loads(claim.read_text())
        end = claim.with_name("exit.json").stat().st_mtime_ns
        found.append(Span(name, agent, claim.stat().st_mtime_ns, end))
    return found


def overlapping(found: Iterable[Span], together: Callable[[Span, Span], bool]) -> list[tuple[Span, Span]]:
    pairs = itertools.combinations(found, 2)
    return [(a, b) for a, b in pairs if together(a, b) and a.began < b.ended and b.began < a.ended]


def test_independent_tasks_are_worked_on_at_the_same_time(bench: Bench) -> None:
    meeting = meet(bench.agents.path, "$CALORON_TASK_ID", "left", "right")
    agents(bench, f"cat > /dev/null\n{meeting}\n{WRITE}")
    write_plan(
        bench,
        task("left", "ada", "base"),
        task("right", "bo", "base"),
        task("base"),
        task("end", "bo", "left", "right"),
    )
    done = bench.run("--max-agents", "2")
    assert done.code == 0, done.stderr
    assert set(done.statuses.values()) == {"done"}


def test_no_more_agents_than_allowed_run_at_once_reviewers_included(bench: Bench) -> None:
    busy = bench.agents.path / "busy"
    author = BUSY.format(path=busy, work=f"{WRITE}; git log > /dev/null; git status > /dev/null")
    reviewer = BUSY.format(path=busy, work="git log > /dev/null") + "echo APPROVED"
    agents(bench, author, reviewer)
    write_plan(bench, *(task(f"t{n}", f"a{n}") for n in (1, 2, 3)), agents=MANY)
    done = bench.run("--max-agents", "1")
    assert done.code == 0, done.stderr
    assert not busy.with_suffix(".overlaps").exists()
    lives = spans(bench)
    assert len(lives) == 6
    assert overlapping(lives, lambda a, b: True) == []


def test_an_agent_with_several_tasks_works_on_one_at_a_time(bench: Bench) -> None:
    busy = bench.agents.path / "$CALORON_AGENT_ID.busy"
    author = BUSY.format(path=busy, work=f"{WRITE}; git log > /dev/null; git status > /dev/null")
    agents(bench, author, BUSY.format(path=busy, work=":") + "echo APPROVED")
    write_plan(bench, *(task(f"t{n}", "ada" if n < 4 else "bo") for n in range(1, 5)))
    done = bench.run("--max-agents", "8")
    assert done.code == 0, done.stderr
    assert list(bench.agents.path.glob("*.overlaps")) == []
    lives = spans(bench)
    assert len(lives) == 8
    assert overlapping(lives, lambda a, b: a.agent == b.agent) == []


def test_two_reviewers_of_one_pull_request_can_be_alive_at_once(bench: Bench) -> None:
    meeting = meet(bench.agents.path, "$CALORON_AGENT_ID", "rita", "rolf")
    agents(bench, f"cat > /dev/null\n{WRITE}", f"{meeting}\n{APPROVE}")
    write_plan(
        bench,
        task("both", "ada", reviewed_by=["rita", "rolf"]),
        agents=[("ada", "developer"), ("rita", "reviewer"), ("rolf", "reviewer")],
        review={"required_approvals": 2},
    )
    done = bench.run()
    assert done.code == 0, done.stderr
