"""Every refusal of the project's own format: one mistake each, with its place and what would be right."""

import json
import re
from typing import Any

import pytest

from caloron_actors.domain.dag import Dag, read_dag

Plan = dict[str, Any]
Row = tuple[str, object, str] | tuple[str, object, str, str]
"""A dotted path into the plan, the value put there, words of the message, and what the place has beyond the path."""

GONE = object()
"""As a value: the key is taken away."""


def plan() -> Plan:
    """A plan with two tasks, two authors and a reviewer, in which nothing is wrong."""
    return {
        "sprint": {"id": "s"},
        "agents": [{"id": "ada"}, {"id": "bo"}, {"id": "rita", "role": "reviewer"}],
        "tasks": [
            {"id": "core", "assigned_to": "ada", "reviewed_by": ["rita"], "depends_on": [], "budget": {}},
            {"id": "cli", "assigned_to": "bo", "reviewed_by": ["rita"], "depends_on": ["core"]},
        ],
        "review": {"required_approvals": 1},
        "escalation": {"supervisor": "rita"},
    }


def edited(path: str, value: object) -> Plan:
    """The right plan with one value changed."""
    tree = inner = plan()
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in steps:
        inner = inner[step]  # type: ignore[index]
    if value is GONE:
        del inner[last]  # type: ignore[arg-type]
    else:
        inner[last] = value  # type: ignore[index]
    return tree


def mistakes(tree: object) -> list[tuple[str, str]]:
    """The mistakes of a plan given as a JSON tree."""
    result = read_dag(json.dumps(tree).encode(), name="dag.json")
    assert not isinstance(result, Dag)
    return [(mistake.place, mistake.message) for mistake in result]


def place_of(row: Row) -> str:
    """Where the mistake of a row is."""
    return re.sub(r"\.([0-9]+)", r"[\1]", row[0]) + (row[3] if len(row) == 4 else "")


def test_the_plan_of_these_tests_is_right() -> None:
    assert isinstance(read_dag(json.dumps(plan()).encode(), name="dag.json"), Dag)


NAMES: list[Row] = [
    ("sprint.id", " ", "is empty"),
    ("sprint.id", GONE, "is missing; give it an id"),
    ("sprint.id", "Add Health", "'add-health' would do"),
    ("sprint.id", "add-endpoint,", "'add-endpoint' would do"),
    ("sprint.id", "a" * 65, "has 65 characters, an id has at most 64"),
    ("sprint.id", "-rf", "could be taken for an option"),
    ("sprint.id", "_s", "'s' would do"),
    ("sprint.id", "../escape", "'escape' would do"),
    ("sprint.repository", "calculator", "write owner/name"),
    ("sprint.repository", "-o/x", "write owner/name"),
    ("sprint.base_branch", "-d", "'-d' is not a name git gives"),
    ("sprint.base_branch", "a..b", "is not a name git gives"),
    ("sprint.base_branch", "a.lock", "is not a name git gives"),
    ("sprint.base_branch", "", "is not a name git gives"),
    ("agents.0.framework", "claude", "did you mean 'claude-code'?"),
    ("agents.0.framework", "x", "known are 'claude-code', 'codex-cli'"),
    ("review.on_exhausted", "merge", "must be 'escalate' or 'abandon'"),
]

TEXTS: list[Row] = [
    ("agents.0.role", " ", "agent ada: is empty"),
    ("tasks.0.title", " \t", "task core: is empty"),
    ("tasks.0.title", "a\0b", r"'a\x00b' holds a line break"),
    ("tasks.0.title", "\x1b[2J", "control character"),
    ("tasks.0.title", "a\u2028b", "control character"),
    ("tasks.0.title", "\ud800", r"'\ud800' holds"),
    ("tasks.0.body", "a\0", "holds a NUL character"),
    ("tasks.0.body", "\udfff", "half of a surrogate pair"),
    ("tasks.0.required_skills", ["x", ""], "is empty", "[1]"),
    ("sprint.start", "tomorrow", "is no date and time such as"),
]

NUMBERS: list[Row] = [
    ("tasks.0.budget.tokens", 0, "must be 1 or more"),
    ("tasks.0.budget.tokens", 10**20, "at most"),
    ("tasks.0.budget.attempts", -1, "must be 1 or more"),
    ("tasks.0.budget.money", 0, "must be greater than 0"),
    ("tasks.0.budget.money", True, "must be a number, but is true or false"),
    ("tasks.0.budget.wall_time", "0s", "'0s' is not a duration"),
    ("review.max_cycles", -1, "must be 0 or more"),
    ("review.required_approvals", -1, "must be 0 or more"),
    ("sprint.max_duration", "-1h", "'-1h' is not a duration such as 90s"),
    ("sprint.max_duration", "99999999h", "at most 366 days"),
    ("escalation.stall_threshold", "20", "'20' is not a duration"),
    ("escalation.probe_wait", "soon", "'soon' is not a duration"),
]

REFERENCES: list[Row] = [
    ("tasks.1.assigned_to", "boo", "task cli: there is no agent 'boo'"),
    ("tasks.1.assigned_to", "adda", "did you mean 'ada'?"),
    ("tasks.1.assigned_to", GONE, "is missing; name the agent"),
    ("tasks.0.reviewed_by", "ritta", "did you mean 'rita'?"),
    ("tasks.1.depends_on.0", "cor", "task cli: there is no task 'cor'; did you mean 'core'?"),
    ("tasks.1.depends_on.0", "zz", "known are 'core', 'cli'"),
    ("tasks.0.depends_on", ["core"], "depends on itself", "[0]"),
    ("tasks.1.depends_on", ["core", "core"], "the dependency 'core' is given twice", "[1]"),
    ("tasks.1.reviewed_by", ["rita", "rita"], "the reviewer 'rita' is given twice", "[1]"),
    ("tasks.0.reviewed_by", ["rita", "ada"], "is the author, whose own approval does not count", "[1]"),
    ("tasks.0.reviewed_by", [], "no reviewer, but 1 approval is required; name 1 more agent"),
    ("tasks.0.reviewed_by", None, "or set review.required_approvals to 0"),
    ("escalation.supervisor", "rit", "did you mean 'rita'?"),
    ("tasks.0.depends_on", ["cli"], "wait for each other in a cycle: core -> cli -> core;", "[0]"),
]

SHAPES: list[Row] = [
    ("tasks", GONE, "is missing; a sprint needs at least one task"),
    ("tasks", [], "is empty; a sprint needs at least one task"),
    ("tasks", {}, "must be an array of tables, but is a table"),
    ("tasks", [{}] * 5001, "has 5,001 entries, at most 5,000 are read"),
    ("tasks.1", "cli", "must be a table, but is text"),
    ("tasks.1", None, "must be a table, but is null"),
    ("sprint", "s", "must be a table, but is text"),
    ("sprint", GONE, "is missing"),
    ("tasks.0.title", 1.5, "must be text, but is a number"),
    ("review.max_cycles", "3", "must be a whole number, but is text"),
    ("review.max_cycles", 3.0, "must be a whole number, but is a number"),
    ("review.max_cycles", True, "must be a whole number, but is true or false"),
    ("review.auto_merge", 1, "must be true or false, but is a whole number"),
    ("sprint.max_duration", 90, "must be text, but is a whole number"),
    ("tasks.1.depends_on", "core", "must be an array of texts, but is text"),
    ("tasks.0.reviewed_by", {}, "must be text or an array of texts"),
    ("tasks.0.reviewed_by", [7], "must be text, but is a whole number", "[0]"),
    ("reveiw", {}, "unknown key; did you mean 'review'?"),
    ("sprint.base-branch", "x", "unknown key; did you mean 'base_branch'?"),
    ("agents.0.name", "x", "agent ada: unknown key"),
    ("tasks.0.depends", [], "task core: unknown key; did you mean 'depends_on'?"),
    ("tasks.0.budget.token", 1, "did you mean 'tokens'?"),
    ("review.maxcycles", 1, "did you mean 'max_cycles'?"),
    ("escalation.probe", 1, "did you mean 'probe_wait'?"),
]


def check(row: Row) -> None:
    """The mistake of a row is the only one found."""
    found = mistakes(edited(row[0], row[1]))
    assert [place for place, _ in found] == [place_of(row)]
    assert row[2] in found[0][1]


@pytest.mark.parametrize("row", NAMES)
def test_names_that_break_a_rule_are_refused(row: Row) -> None:
    """V4 leading dash, D8 and V3 case and length, D5 and C7 what stands in file names, K12 frameworks."""
    check(row)


@pytest.mark.parametrize("row", [*TEXTS, *NUMBERS])
def test_values_out_of_range_are_refused(row: Row) -> None:
    check(row)


@pytest.mark.parametrize("row", REFERENCES)
def test_references_that_lead_nowhere_are_refused(row: Row) -> None:
    """D3 duplicates and cycles, B10 unknown dependencies."""
    check(row)


@pytest.mark.parametrize("row", SHAPES)
def test_wrong_types_and_unknown_keys_are_refused(row: Row) -> None:
    """K4: what a file says and nobody reads is a mistake."""
    found = [mistake for mistake in mistakes(edited(row[0], row[1])) if mistake[0] == place_of(row)]
    assert len(found) == 1
    assert row[2] in found[0][1]


def test_a_body_and_a_prompt_are_one_too_many() -> None:
    tree = plan()
    tree["tasks"][0].update(body="a", prompt="b")
    assert mistakes(tree) == [
        ("tasks[0].prompt", "task core: means the same as 'body', which is given too; keep one of them")
    ]


def test_odd_keys_are_quoted() -> None:
    assert mistakes(edited("sprint.a\n b", 1))[0][0] == r"sprint['a\n b']"


def test_ids_given_twice_are_refused() -> None:
    """D3: two of one name never overwrite each other."""
    tree = plan()
    tree["agents"].append({"id": "ada"})
    tree["tasks"].append({"id": "core", "assigned_to": "ada", "reviewed_by": "rita"})
    assert mistakes(tree) == [
        ("agents[3].id", "agent 'ada' is given twice, first by agents[0].id; give each its own id"),
        ("tasks[2].id", "task 'core' is given twice, first by tasks[0].id; give each its own id"),
    ]


def test_an_agentless_plan_is_refused() -> None:
    tree = plan()
    tree["agents"] = []
    assert ("agents", "is empty; a sprint needs at least one agent") in mistakes(tree)


def test_more_approvals_than_reviewers_are_refused() -> None:
    tree = plan()
    tree["review"]["required_approvals"] = 3
    place, message = mistakes(tree)[0]
    assert place == "tasks[0].reviewed_by"
    assert "1 reviewer, but 3 approvals are required; name 2 more agents" in message


def test_no_reviewers_are_needed_where_no_approval_is() -> None:
    tree = plan()
    tree["review"]["required_approvals"] = 0
    tree["tasks"][0]["reviewed_by"] = []
    tree["tasks"][1]["reviewed_by"] = "bo"
    assert isinstance(read_dag(json.dumps(tree).encode(), name="dag.json"), Dag)


def test_unreadable_approvals_accuse_no_task() -> None:
    tree = plan()
    tree["review"]["required_approvals"] = "0"
    tree["tasks"][0]["reviewed_by"] = []
    assert [place for place, _ in mistakes(tree)] == ["review.required_approvals"]


def test_all_mistakes_come_at_once_in_the_order_of_their_places() -> None:
    """D3, D9: nothing of a broken plan is found out only after work was paid for."""
    tree = plan()
    tree["tasks"] += [{"id": f"t{n}", "assigned_to": "nobody", "reviewed_by": "rita"} for n in range(12)]
    tree["sprint"]["goal"] = 5
    tree["tasks"][0]["depends_on"] = ["cli", "nothing"]
    tree["tasks"][1]["title"] = []
    places = [place for place, _ in mistakes(tree)]
    assert places == [
        "sprint.goal",
        "tasks[0].depends_on[0]",
        "tasks[0].depends_on[1]",
        "tasks[1].title",
        *(f"tasks[{n}].assigned_to" for n in range(2, 14)),
    ]


def test_every_wrong_type_is_named() -> None:
    tree = plan()
    tree["tasks"] = [
        dict.fromkeys(("id", "title", "body", "assigned_to", "reviewed_by", "depends_on", "budget"), 1)
    ]
    assert [place for place, _ in mistakes(tree)] == sorted(f"tasks[0].{key}" for key in tree["tasks"][0])


def test_a_mistake_reads_as_one_line_for_people() -> None:
    tree = plan()
    tree["tasks"][0]["title"] = "\x1b[31m\nred"
    result = read_dag(json.dumps(tree).encode(), name="dag.json")
    assert not isinstance(result, Dag)
    assert str(result[0]).isprintable()
    assert str(result[0]).startswith("tasks[0].title: task core: ")


def test_a_task_and_an_agent_may_share_an_id() -> None:
    text = json.dumps(plan()).replace('"ada"', '"core"').encode()
    assert isinstance(read_dag(text, name="dag.json"), Dag)


def test_thousands_of_unknown_names_are_refused_in_reasonable_time() -> None:
    tree = plan()
    tree["tasks"] = [
        {"id": f"task-{n}", "assigned_to": "ada", "reviewed_by": "rita", "depends_on": [f"tusk-{n}"]}
        for n in range(5000)
    ]
    assert len(mistakes(tree)) == 5000


def test_entangled_cycles_are_named_until_nobody_would_read_on() -> None:
    tree = plan()
    tree["tasks"] = [
        {
            "id": f"t{n}",
            "assigned_to": "ada",
            "reviewed_by": "rita",
            "depends_on": [f"t{m}" for m in range(300) if m != n],
        }
        for n in range(300)
    ]
    found = mistakes(tree)
    assert found[0] == ("tasks", "there are more cycles than these; they show when these are undone")
    assert 100 < len(found) < 2000
