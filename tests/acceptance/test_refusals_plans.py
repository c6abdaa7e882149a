"""Plans that are refused, every mistake in them said at once, and plans that are checked and good.

Predecessors' faults: D3, D9 and B10 (plans run unchecked), D8 (ids found bad in mid-sprint), K12 (an unknown framework
taken for another).
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import Bench, Finished
from tests.acceptance.staging import agents, refused, refused_run, task, world, write_plan

AUTHOR = 'cat > /dev/null; echo "version $CALORON_ATTEMPT" > "$CALORON_TASK_ID.txt"'


@pytest.fixture
def ready(bench: Bench) -> Bench:
    """A bench whose plan and agents are good."""
    agents(bench, AUTHOR)
    write_plan(bench, task("work"))
    return bench


def plan_of_frameworks(bench: Bench, **frameworks: str) -> None:
    """Two agents and two reviewers, of which only rita is needed."""
    names = ("ada", "bo", "rita", "unneeded")
    content = {
        "sprint": {"id": "s"},
        "agents": [{"id": name, "framework": frameworks.get(name, "stub")} for name in names],
        "tasks": [
            {"id": "one", "assigned_to": "ada", "reviewed_by": ["rita"]},
            {"id": "two", "assigned_to": "bo", "reviewed_by": ["rita"]},
        ],
    }
    bench.plan.write_text(json.dumps(content))


def test_a_framework_that_cannot_be_run_needs_a_command(bench: Bench) -> None:
    bench.plan = bench.path / "plan.json"
    plan_of_frameworks(bench, ada="claude-code", rita="codex-cli", unneeded="aider")
    lines = refused(bench, *bench.run_words())
    assert len(lines) == 2, lines
    assert re.search(r"ada\b.*claude-code.*--agent-command", lines[0])
    assert re.search(r"rita\b.*codex-cli.*--reviewer-command", lines[1])
    plan_of_frameworks(bench, unneeded="aider")
    done = bench.run()
    assert done.code == 0, done.stderr


def test_with_a_command_no_framework_and_no_definition_is_looked_at(bench: Bench) -> None:
    agents(bench, AUTHOR)
    bench.plan = bench.path / "plan.json"
    plan_of_frameworks(bench, ada="claude-code", rita="codex-cli")
    content = json.loads(bench.plan.read_text())
    for agent in content["agents"]:
        agent["definition"] = "no/such/file.yml"
    bench.plan.write_text(json.dumps(content))
    done = bench.run()
    assert done.code == 0, done.stderr


BROKEN: dict[str, Any] = {
    "sprint": {"id": "Bad Id", "goal": 7, "max_duration": "soon", "color": "red"},
    "agents": [{"id": "ada"}, {"id": "ada"}, {"id": "rita", "framework": "no-such"}],
    "tasks": [
        {"id": "a", "assigned_to": "ada", "reviewed_by": ["rita"], "depends_on": ["c"]},
        {"id": "b", "assigned_to": "ada", "reviewed_by": ["rita"], "depends_on": ["a"]},
        {"id": "c", "assigned_to": "ada", "reviewed_by": ["rita"], "depends_on": ["b"]},
        {"id": "self", "assigned_to": "ada", "reviewed_by": ["rita"], "depends_on": ["self"]},
        {"id": "b", "assigned_to": "nobody", "reviewed_by": ["ghost"], "depends_on": ["nothing"]},
        {"id": "mine", "assigned_to": "ada", "reviewed_by": ["ada"]},
        {"id": "alone", "assigned_to": "ada"},
        {"id": "-x", "assigned_to": "ada", "reviewed_by": ["rita"], "budget": {"attempts": 0}},
        {"id": "x" * 65, "assigned_to": "ada", "reviewed_by": ["rita"], "depend_on": ["a"]},
    ],
    "review": {"max_cycles": -1, "on_exhausted": "merge"},
    "colour": "blue",
}

SAID = (
    r"sprint\.id: .*'Bad Id'",
    r"sprint\.goal: ",
    r"sprint\.max_duration: .*soon",
    r"sprint\.color: ",
    r"agents\[1\]\.id: .*'ada'",
    r"agents\[2\]\.framework: .*'no-such'",
    r"tasks\[\d\]\.depends_on.*: .*a -> c -> b -> a",
    r"tasks\[3\]\.depends_on\[0\]: .*depends on itself",
    r"tasks\[4\]\.id: .*'?b'?",
    r"tasks\[4\]\.assigned_to: .*'nobody'",
    r"tasks\[4\]\.reviewed_by\[0\]: .*'ghost'",
    r"tasks\[4\]\.depends_on\[0\]: .*'nothing'",
    r"tasks\[5\]\.reviewed_by\[0\]: .*author",
    r"tasks\[6\].*: .*no reviewer",
    r"tasks\[7\]\.id: .*option",
    r"tasks\[7\]\.budget\.attempts: ",
    r"tasks\[8\]\.id: .*65 characters",
    r"tasks\[8\]\.depend_on: .*depends_on",
    r"review\.max_cycles: ",
    r"review\.on_exhausted: .*escalate",
    r"colour: ",
)


def says_all(lines: list[str], plan: Path) -> None:
    """Every mistake has its line, with its place, and there are no other lines."""
    for pattern in SAID:
        found = [line for line in lines if re.search(rf"{re.escape(str(plan))}: {pattern}", line)]
        assert found, (pattern, lines)
    assert len(lines) <= len(SAID) + 1, lines


def test_all_mistakes_of_a_plan_are_said_at_once(ready: Bench) -> None:
    ready.plan.write_text(json.dumps(BROKEN))
    lines = refused(ready, *ready.run_words())
    says_all(lines, ready.plan)
    says_all(refused(ready, "dag", "check", str(ready.plan)), ready.plan)
    with_command = refused(ready, *ready.run_words("--agent-command", "no-such-program"))
    assert len(with_command) == len(lines) + 1


def test_a_broken_plan_is_checked_as_json(ready: Bench) -> None:
    ready.plan.write_text(json.dumps(BROKEN))
    before = world(ready)
    done = ready.command("dag", "check", str(ready.plan), "--json")
    assert done.code == 2
    answer = done.result
    assert (answer["valid"], answer["tasks"]) == (False, [])
    says_all(answer["errors"], ready.plan)
    assert world(ready) == before


@pytest.mark.parametrize(
    ("name", "text", "word"),
    [
        ("plan.toml", b"[sprint\n", "line 1"),
        ("plan.toml", b'[sprint]\nid = "s"\nid = "t"\n', "id"),
        ("plan.json", b'{"sprint": {"id": "s", "id": "t"}}', "more than once"),
        ("plan.json", b"{", "JSON"),
        ("plan.json", b"\xff\xfe{}", "UTF-8"),
        ("plan.json", b"null", "null"),
        ("plan.json", b"[]", "task"),
        ("plan.json", b'{"sprint": {"id": "s"}, "agents": [], "tasks": []}', "at least one task"),
        ("plan.json", b"[" * 100_000, "deep"),
    ],
)
def test_a_file_that_is_no_plan(bench: Bench, name: str, text: bytes, word: str) -> None:
    bench.plan = bench.path / name
    bench.plan.write_bytes(text)
    lines = refused(bench, *bench.run_words())
    assert all(line.startswith(f"error: {bench.plan}: ") for line in lines), lines
    assert any(word in line for line in lines), lines


def test_a_plan_that_cannot_be_read(bench: Bench) -> None:
    bench.plan = bench.path / "missing.toml"
    assert "missing.toml" in refused_run(bench)
    bench.plan = bench.repository
    assert str(bench.repository) in refused_run(bench)


def test_more_approvals_than_reviewers(ready: Bench) -> None:
    write_plan(ready, task("work"), review={"required_approvals": 2})
    line = refused_run(ready)
    assert "1 reviewer" in line
    assert "2 approvals" in line


def check(bench: Bench, plan: Path, *more: str) -> Finished:
    done = bench.command("dag", "check", str(plan), *more)
    assert (done.code, done.stderr) == (0, "")
    return done


def test_a_good_plan_is_told_in_an_order_of_work(ready: Bench) -> None:
    write_plan(ready, task("late", "ada", "early"), task("early"))
    before = world(ready)
    assert check(ready, ready.plan, "--json").result == {
        "valid": True,
        "sprint": "s",
        "tasks": ["early", "late"],
        "errors": [],
    }
    said = check(ready, ready.plan).stdout
    assert "early, late" in said
    assert world(ready) == before


def test_one_task_of_one_agent_is_told_in_the_singular(ready: Bench) -> None:
    alone = task("only", reviewed_by=[])
    write_plan(ready, alone, agents=[("ada", "developer")], review={"required_approvals": 0})
    assert check(ready, ready.plan).stdout == "s: 1 task, 1 agent; order: only\n"
    write_plan(ready, task("early"), task("late", "ada", "early"))
    assert check(ready, ready.plan).stdout == "s: 2 tasks, 3 agents; order: early, late\n"
