"""The formats of the predecessors: what they become, and what of them is refused."""

import json
from datetime import timedelta
from typing import Any

import pytest

from caloron_actors.domain.dag import Agent, Dag, read_dag
from caloron_actors.domain.ids import AgentId, is_id

Tree = dict[str, Any]


def read(tree: object, name: str = "dag.json") -> Dag:
    plan = read_dag(json.dumps(tree).encode(), name=name)
    assert isinstance(plan, Dag), plan
    return plan


def mistakes(tree: object, name: str = "dag.json") -> list[str]:
    result = read_dag(json.dumps(tree).encode(), name=name)
    assert not isinstance(result, Dag)
    return [str(mistake) for mistake in result]


def caloron() -> Tree:
    return {
        "sprint": {
            "id": "s",
            "goal": "g",
            "start": "2026-04-01T08:00:00.123456789Z",
            "max_duration_hours": 1.5,
        },
        "agents": [
            {"id": "dev", "role": "developer", "definition_path": "agents/dev.yaml"},
            {
                "id": "qa",
                "role": "qa",
                "definition_path": "",
                "spec": {"personality": "qa", "framework": "aider"},
            },
            {"id": "rev", "role": "reviewer", "definition_path": "r.yaml", "spec": {"model": "strong"}},
        ],
        "tasks": [
            {
                "id": "a",
                "title": "A",
                "assigned_to": "dev",
                "issue_template": "t.md",
                "depends_on": [],
                "reviewed_by": "rev",
                "github_issue_number": 7,
            },
            {
                "id": "b",
                "title": "B",
                "assigned_to": "qa",
                "depends_on": ["a"],
                "reviewed_by": "rev",
                "note": 1,
            },
        ],
        "review_policy": {"required_approvals": 1, "auto_merge": False, "max_review_cycles": 2},
        "escalation": {"stall_threshold_minutes": 30, "supervisor_id": "boss", "human_contact": ""},
        "comment": "unknown keys are ignored",
    }


def noether() -> Tree:
    return {
        "sprint_id": "s",
        "tasks": {
            "a": {"title": "A", "status": "Ready", "depends_on": [], "agent_id": "dev", "reviewer_id": "rev"},
            "b": {
                "title": "",
                "status": "Pending",
                "depends_on": ["a"],
                "agent_id": None,
                "reviewer_id": "rev",
            },
        },
    }


def tasks() -> list[Tree]:
    return [
        {
            "id": "a",
            "title": "A",
            "depends_on": [],
            "agent_prompt": "do a",
            "framework": "stub",
            "component": "X",
        },
        {"id": "b", "title": "B", "depends_on": ["a"], "body": "do b", "required_skills": ["sql"]},
        {
            "id": "c",
            "title": "C",
            "depends_on": ["a"],
            "prompt": "do c",
            "assigned_to": "dev",
            "reviewed_by": "b",
        },
    ]


def test_caloron_becomes_a_plan_with_its_review_policy() -> None:
    """B6: the policies of the file take effect."""
    plan = read(caloron())
    assert plan.start == "2026-04-01T08:00:00.123456789Z"
    assert plan.max_duration == timedelta(minutes=90)
    assert [agent.framework for agent in plan.agents] == [None, "aider", "claude-code"]
    assert [agent.definition for agent in plan.agents] == ["agents/dev.yaml", None, "r.yaml"]
    assert (plan.review.required_approvals, plan.review.auto_merge, plan.review.max_cycles) == (1, False, 2)
    assert plan.escalation.stall_threshold == timedelta(minutes=30)
    assert plan.escalation.supervisor is None
    assert plan.tasks[1].depends_on == ("a",)


def test_caloron_s_supervisor_counts_where_it_is_an_agent() -> None:
    tree = caloron()
    tree["escalation"]["supervisor_id"] = "rev"
    assert read(tree).escalation.supervisor == "rev"


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("id", "-a", "tasks[0].id: the task id '-a' starts with '-' and could be taken for an option"),
        ("id", "_a", "tasks[0].id: the task id '_a' starts with '_' and could be taken for an option"),
        (
            "reviewed_by",
            None,
            "tasks[0].reviewed_by: task a: the task has no reviewer, but 1 approval is required",
        ),
        ("reviewed_by", "dev", "tasks[0].reviewed_by: task a: 'dev' is the author"),
        ("assigned_to", "deb", "tasks[0].assigned_to: task a: there is no agent 'deb'"),
        (
            "depends_on",
            ["b"],
            "tasks[0].depends_on[0]: these tasks wait for each other in a cycle: a -> b -> a",
        ),
        ("title", "", "tasks[0].title: task a: is empty"),
    ],
)
def test_caloron_s_plans_are_checked_too(key: str, value: object, expected: str) -> None:
    """V4: Caloron's rule for ids lets a leading dash or underscore pass, ours says what to write instead."""
    tree = caloron()
    tree["tasks"][0][key] = value
    if key == "id":
        tree["tasks"][1]["depends_on"] = [value]
    assert [mistake[: len(expected)] for mistake in mistakes(tree)] == [expected]


def test_caloron_s_lengths_and_frameworks_are_checked() -> None:
    """K12: an unknown framework is refused, never replaced."""
    tree = caloron()
    tree["sprint"]["max_duration_hours"] = 10**7
    tree["escalation"]["stall_threshold_minutes"] = 0
    tree["agents"][1]["spec"]["framework"] = "claude_code"
    assert [mistake.split(";")[0] for mistake in mistakes(tree)] == [
        "agents[1].spec.framework: there is no framework 'claude_code'",
        "escalation.stall_threshold_minutes: must be greater than 0, and at most 1,000,000,000,000,000",
        "sprint.max_duration_hours: is longer than 366 days",
    ]


def test_a_dag_state_becomes_a_plan() -> None:
    plan = read(noether())
    assert [agent.id for agent in plan.agents] == ["dev", "b", "rev"]
    assert [agent.role for agent in plan.agents] == ["developer", "developer", "reviewer"]
    assert [task.title for task in plan.tasks] == ["A", "b"]
    assert plan.review.required_approvals == 1


def test_a_dag_state_without_reviewers_needs_no_approval() -> None:
    tree = noether()
    del tree["tasks"]["a"]["reviewer_id"]
    tree["tasks"]["b"]["reviewer_id"] = ""
    plan = read(tree)
    assert plan.review.required_approvals == 0
    assert plan.needed_reviewers() == ()


@pytest.mark.parametrize(
    ("task", "key", "value", "expected"),
    [
        ("b", "reviewer_id", None, "tasks.b.reviewer_id: task b: the task has no reviewer, but 1 approval"),
        ("b", "reviewer_id", 5, "tasks.b.reviewer_id: task b: must be text, but is a whole number"),
        ("b", "reviewer_id", "b", "tasks.b.reviewer_id: task b: 'b' is the author"),
        ("a", "status", "Done", "tasks.a.status: task a: is Done: this sprint has already started"),
        (
            "a",
            "status",
            "InProgress",
            "tasks.a.status: task a: is InProgress: this sprint has already started",
        ),
        ("a", "status", "ready", "tasks.a.status: task a: 'ready' is no status"),
        ("a", "id", "z", "tasks.a.id: task a: is 'z', but the task stands under 'a'"),
        ("a", "agent_id", "Dev", "tasks.a.agent_id: the agent id 'Dev' has other characters"),
        ("b", "depends_on", ["x"], "tasks.b.depends_on[0]: task b: there is no task 'x'"),
    ],
)
def test_dag_states_are_checked_too(task: str, key: str, value: object, expected: str) -> None:
    """B10: an unknown dependency is said instead of waited for."""
    tree = noether()
    tree["tasks"][task][key] = value
    assert [mistake[: len(expected)] for mistake in mistakes(tree)] == [expected]


def test_a_dag_state_without_tasks_or_with_odd_names_is_refused() -> None:
    assert mistakes({"sprint_id": "s", "tasks": {}}) == ["tasks: is empty; a sprint needs at least one task"]
    assert mistakes({"sprint_id": "s"}) == ["tasks: is empty; a sprint needs at least one task"]
    (odd,) = mistakes({"sprint_id": "s", "tasks": {"A b": {}}})
    assert odd.startswith("tasks['A b']: the task id 'A b' has other characters")
    assert odd.endswith("'a-b' would do")
    many: Tree = {f"t{n}": {} for n in range(5001)}
    assert "has 5,001 entries" in mistakes({"sprint_id": "s", "tasks": many})[0]


@pytest.mark.parametrize(
    "tree",
    [
        tasks(),
        {"tasks": tasks()},
        {"data": {"tasks": tasks()}},
        {"output": {"tasks": tasks()}},
        {"ok": True, "data": {"output": {"tasks": tasks()}}},
        {"output": {"data": tasks()}},
    ],
)
def test_a_task_list_becomes_a_plan_wherever_it_lies(tree: object) -> None:
    """D9: a list that was computed before is checked like every other."""
    plan = read(tree, "My Sprint, again.JSON")
    assert plan.id == "my-sprint-again"
    assert plan.agents == (
        Agent(id=AgentId("a"), framework="stub"),
        Agent(id=AgentId("b")),
        Agent(id=AgentId("dev")),
        Agent(id=AgentId("reviewer"), role="reviewer"),
    )
    assert [task.body for task in plan.tasks] == ["do a", "do b", "do c"]
    assert [task.reviewed_by for task in plan.tasks] == [("reviewer",), ("reviewer",), ("b",)]
    assert plan.tasks[1].required_skills == ("sql",)
    assert plan.review.required_approvals == 1


@pytest.mark.parametrize("name", ["....json", "-.json", "日本.json", "x" * 300 + ".json", "plans/q1.json"])
def test_a_task_list_s_sprint_has_a_valid_id_from_any_file_name(name: str) -> None:
    """D5, D8: a derived id obeys the rule for ids."""
    assert is_id(read(tasks(), name).id)


def test_nobody_reviews_its_own_work_where_a_task_is_called_reviewer() -> None:
    listed = tasks()
    listed[0]["id"], listed[1]["depends_on"], listed[2]["depends_on"] = "reviewer", [], []
    plan = read(listed)
    assert plan.tasks[0].assigned_to == "reviewer"
    assert plan.tasks[0].reviewed_by == ("reviewer-2",)


@pytest.mark.parametrize(
    ("index", "key", "value", "expected"),
    [
        (2, "id", "b", "tasks[2].id: task 'b' is given twice, first by tasks[1].id"),
        (1, "id", "B!", "tasks[1].id: the task id 'B!' has other characters"),
        (1, "depends_on", ["zzz"], "tasks[1].depends_on[0]: task b: there is no task 'zzz'"),
        (1, "framework", "claud", "tasks[1].framework: there is no framework 'claud'"),
        (1, "agent_prompt", "again", "tasks[1].body: task b: means the same as 'agent_prompt'"),
        (2, "assigned_to", "De v", "tasks[2].assigned_to: the agent id 'De v' has other characters"),
        (2, "reviewed_by", ["dev"], "tasks[2].reviewed_by[0]: task c: 'dev' is the author"),
        (2, "reviewed_by", [None], "tasks[2].reviewed_by[0]: task c: must be text, but is null"),
        (
            0,
            "depends_on",
            ["c"],
            "tasks[0].depends_on[0]: these tasks wait for each other in a cycle: a -> c -> a",
        ),
    ],
)
def test_task_lists_are_checked_too(index: int, key: str, value: object, expected: str) -> None:
    """D3, D9: duplicates, unknown dependencies and cycles are refused before anything is paid for."""
    listed = tasks()
    listed[2]["reviewed_by"] = "rita"
    listed[index][key] = value
    assert [mistake[: len(expected)] for mistake in mistakes(listed)] == [expected]


def test_one_agent_has_one_framework() -> None:
    listed = tasks()
    listed[1].update(assigned_to="a", framework="stub")
    listed[2].update(assigned_to="a", framework="aider")
    (mistake,) = mistakes(listed)
    assert mistake.startswith(
        "tasks[2].framework: agent 'a' has the framework 'stub' by tasks[0].framework; give"
    )
    listed[0]["framework"] = None
    listed[2]["framework"] = "stub"
    assert read(listed).agents[0] == Agent(id=AgentId("a"), framework="stub")
