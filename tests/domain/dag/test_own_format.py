"""The project's own format: every key in TOML, the same in JSON, the defaults, and the examples."""

import json
import tomllib
from datetime import timedelta
from pathlib import Path

import pytest

from caloron_actors.domain.dag import (
    Agent,
    Budget,
    Dag,
    EscalationPolicy,
    ReviewPolicy,
    TaskPlan,
    read_dag,
    remaining_path,
)
from caloron_actors.domain.ids import AgentId, SprintId, TaskId

EXAMPLES = Path(__file__).parents[3] / "config" / "examples"
EVERYTHING = """
[sprint]
id = "s-1"
goal = "first line\\nsecond line"
repository = "Acme/Full.Stack_2"
base_branch = "release/1.x"
max_duration = "1h30m"
start = "2026-05-04T09:00:00Z"

[[agents]]
id = "dev"
role = "backend developer"
framework = "codex-cli"
definition = "agents/dev.yml"

[[agents]]
id = "rita"

[[tasks]]
id = "a"
title = "Straße — 道"
prompt = "do\\tthis\\n"
assigned_to = "dev"
reviewed_by = "rita"
required_skills = ["python", "sql"]
budget = {tokens = 1000, money = 2.5, wall_time = "90s", attempts = 2}

[[tasks]]
id = "b"
assigned_to = "dev"
reviewed_by = ["rita"]
depends_on = ["a"]

[review]
required_approvals = 1
auto_merge = false
max_cycles = 0
require_checks = true
on_exhausted = "abandon"

[escalation]
stall_threshold = "5m"
probe_wait = "2m"
supervisor = "rita"
human_contact = "@octocat"
"""
EXPECTED = Dag(
    id=SprintId("s-1"),
    goal="first line\nsecond line",
    repository="Acme/Full.Stack_2",
    base_branch="release/1.x",
    max_duration=timedelta(minutes=90),
    start="2026-05-04T09:00:00Z",
    agents=(
        Agent(
            id=AgentId("dev"), role="backend developer", framework="codex-cli", definition="agents/dev.yml"
        ),
        Agent(id=AgentId("rita")),
    ),
    tasks=(
        TaskPlan(
            id=TaskId("a"),
            title="Straße — 道",
            body="do\tthis\n",
            assigned_to=AgentId("dev"),
            reviewed_by=(AgentId("rita"),),
            required_skills=("python", "sql"),
            budget=Budget(tokens=1000, money=2.5, wall_time=timedelta(seconds=90), attempts=2),
        ),
        TaskPlan(
            id=TaskId("b"),
            title="b",
            assigned_to=AgentId("dev"),
            reviewed_by=(AgentId("rita"),),
            depends_on=(TaskId("a"),),
        ),
    ),
    review=ReviewPolicy(
        required_approvals=1, auto_merge=False, max_cycles=0, require_checks=True, on_exhausted="abandon"
    ),
    escalation=EscalationPolicy(
        stall_threshold=timedelta(minutes=5),
        probe_wait=timedelta(minutes=2),
        supervisor=AgentId("rita"),
        human_contact="@octocat",
    ),
)


def read(text: str | bytes, name: str) -> Dag:
    plan = read_dag(text if isinstance(text, bytes) else text.encode(), name=name)
    assert isinstance(plan, Dag), plan
    return plan


def test_every_key_is_read_and_upper_case_repositories_are_names() -> None:
    """G8, V2: a forge's repositories have upper-case letters too."""
    assert read(EVERYTHING, "sprint.toml") == EXPECTED


def test_json_has_the_same_keys() -> None:
    assert read(json.dumps(tomllib.loads(EVERYTHING)), "sprint.json") == EXPECTED


def test_a_wrapped_plan_is_found() -> None:
    tree = {"ok": True, "data": {"output": tomllib.loads(EVERYTHING)}}
    assert read(json.dumps(tree), "sprint.json") == EXPECTED


def test_what_is_left_out_has_the_defaults_of_the_plan() -> None:
    tree = {
        "sprint": {"id": "s", "goal": None},
        "agents": [{"id": "dev"}, {"id": "rita"}],
        "tasks": [{"id": "t", "assigned_to": "dev", "reviewed_by": "rita", "budget": None}],
    }
    assert read(json.dumps(tree), "s.json") == Dag(
        id=SprintId("s"),
        agents=(Agent(id=AgentId("dev")), Agent(id=AgentId("rita"))),
        tasks=(
            TaskPlan(id=TaskId("t"), title="t", assigned_to=AgentId("dev"), reviewed_by=(AgentId("rita"),)),
        ),
    )


def test_a_misspelled_table_never_turns_a_plan_into_caloron_s_format() -> None:
    """K4: Caloron's own keys are ignored nowhere but in Caloron's own file."""
    tree = tomllib.loads(EVERYTHING)
    tree["review_policy"] = tree.pop("review")
    result = read_dag(json.dumps(tree).encode(), name="sprint.json")
    assert not isinstance(result, Dag)
    assert [mistake.place for mistake in result] == ["review_policy"]


@pytest.mark.parametrize(
    "path", sorted(path for path in EXAMPLES.iterdir() if path.suffix != ".py"), ids=lambda path: path.name
)
def test_every_example_is_a_plan(path: Path) -> None:
    assert read(path.read_bytes(), path.name).tasks


def test_the_calculator_has_a_diamond_two_authors_and_a_reviewer() -> None:
    plan = read((EXAMPLES / "calculator.toml").read_bytes(), "calculator.toml")
    depends = {task.id: set(task.depends_on) for task in plan.tasks}
    assert len(plan.tasks) >= 6
    assert depends[TaskId("cli")] == {"add-ops", "history"}
    assert depends[TaskId("add-ops")] == depends[TaskId("history")] == {"core"}
    assert remaining_path(plan)[TaskId("core")] == 4
    assert len(plan.authors()) == 2
    assert plan.needed_reviewers() == ("rita",)
    assert all(len(task.body) > 100 for task in plan.tasks)
