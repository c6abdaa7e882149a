"""Plans and files made at random: right ones are read as they are, and no content at all raises."""

import json
import string
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caloron_actors.domain.dag import (
    FRAMEWORKS,
    Agent,
    Budget,
    Dag,
    EscalationPolicy,
    ReviewPolicy,
    TaskPlan,
    format_duration,
    read_dag,
    topological,
)
from caloron_actors.domain.ids import AgentId, SprintId, TaskId, is_id

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

EXAMPLES = sorted((Path(__file__).parents[3] / "config" / "examples").iterdir())
FIRST = string.ascii_lowercase + string.digits

ids = st.builds(str.__add__, st.sampled_from(FIRST), st.text(FIRST + "_-", max_size=63))
lines = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1).filter(str.strip)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
lengths = st.integers(1, 366 * 24 * 3600).map(lambda seconds: timedelta(seconds=seconds))
counts = st.integers(1, 10**15)
budgets = st.builds(
    Budget,
    tokens=st.none() | counts,
    money=st.none() | st.floats(0, 10**6, exclude_min=True),
    wall_time=st.none() | lengths,
    attempts=st.none() | counts,
)


@st.composite
def plans(draw: st.DrawFn) -> Dag:
    """A plan in which nothing is wrong: two groups of agents, so that nobody reviews its own work."""
    names = draw(st.lists(ids, min_size=2, max_size=6, unique=True))
    authors, reviewers = names[: len(names) // 2], names[len(names) // 2 :]
    approvals = draw(st.integers(0, len(reviewers)))
    task_ids = draw(st.lists(ids, min_size=1, max_size=8, unique=True))
    tasks = [
        TaskPlan(
            id=TaskId(task_id),
            title=draw(lines),
            body=draw(texts),
            assigned_to=AgentId(draw(st.sampled_from(authors))),
            reviewed_by=tuple(
                AgentId(name)
                for name in draw(st.lists(st.sampled_from(reviewers), min_size=approvals, unique=True))
            ),
            depends_on=tuple(
                TaskId(below)
                for below in draw(
                    st.lists(st.sampled_from(task_ids[:index]), unique=True) if index else st.just([])
                )
            ),
            required_skills=tuple(draw(st.lists(lines, max_size=2))),
            budget=draw(budgets),
        )
        for index, task_id in enumerate(task_ids)
    ]
    return Dag(
        id=SprintId(draw(ids)),
        goal=draw(texts),
        repository=draw(st.none() | st.just("Owner/Name.x")),
        base_branch=draw(st.none() | st.just("release/1.x")),
        max_duration=draw(st.none() | lengths),
        start=draw(st.none() | st.datetimes().map(lambda moment: moment.isoformat())),
        agents=tuple(
            Agent(
                id=AgentId(name),
                role=draw(lines),
                framework=draw(st.none() | st.sampled_from(FRAMEWORKS)),
                definition=draw(st.none() | lines),
            )
            for name in names
        ),
        tasks=tuple(draw(st.permutations(tasks))),
        review=ReviewPolicy(
            required_approvals=approvals,
            auto_merge=draw(st.booleans()),
            max_cycles=draw(st.integers(0, 100)),
            require_checks=draw(st.booleans()),
            on_exhausted=draw(st.sampled_from(("escalate", "abandon"))),
        ),
        escalation=EscalationPolicy(
            stall_threshold=draw(lengths),
            probe_wait=draw(lengths),
            supervisor=draw(st.none() | st.sampled_from([AgentId(name) for name in names])),
            human_contact=draw(st.none() | lines),
        ),
    )


def tree_of(plan: Dag) -> dict[str, Any]:
    """A plan as the values of the project's own format; what is None is left out."""
    parts = {name: as_tree(getattr(plan, name)) for name in ("agents", "tasks", "review", "escalation")}
    sprint = ("id", "goal", "repository", "base_branch", "max_duration", "start")
    return {"sprint": _given({name: getattr(plan, name) for name in sprint}), **parts}


def as_tree(value: object) -> object:
    """A part of a plan as plain values."""
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, tuple | list):
        return [as_tree(item) for item in value]
    if isinstance(value, Agent | Budget | TaskPlan | ReviewPolicy | EscalationPolicy):
        return _given({name: getattr(value, name) for name in value.__struct_fields__})
    return value


def _given(fields: dict[str, object]) -> dict[str, object]:
    return {name: as_tree(value) for name, value in fields.items() if value is not None}


def as_toml(tree: dict[str, Any]) -> str:
    """The same tree as TOML, with inline tables."""
    out = []
    for name, value in tree.items():
        for item in value if isinstance(value, list) else [value]:
            out.append(f"[[{name}]]" if isinstance(value, list) else f"[{name}]")
            out += [f"{key} = {_toml_value(inner)}" for key, inner in item.items()]
    return "\n".join(out)


def _toml_value(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml_value(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml_value(item) for item in value) + "]"
    if isinstance(value, str):
        escaped = (f"\\U{ord(char):08x}" if not char.isalnum() else char for char in value)
        return '"' + "".join(escaped) + '"'
    return json.dumps(value)


WRITERS: list[tuple[str, Callable[[dict[str, Any]], str]]] = [
    ("plan.json", json.dumps),
    ("plan.toml", as_toml),
]


@pytest.mark.parametrize(("name", "write"), WRITERS)
@UNHURRIED
@given(plan=plans())
def test_a_right_plan_is_read_as_it_was_written(
    name: str, write: Callable[[dict[str, Any]], str], plan: Dag
) -> None:
    assert read_dag(write(tree_of(plan)).encode(), name=name) == plan


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | ids,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@UNHURRIED
@given(plan=plans(), data=st.data())
def test_no_change_of_a_plan_raises(plan: Dag, data: st.DataObject) -> None:
    """Values of any type in any place give a plan that keeps the rules, or mistakes with a text."""
    tree = tree_of(plan)
    for _ in range(data.draw(st.integers(1, 4))):
        inner: Any = tree
        while isinstance(inner, dict | list) and inner:
            key = data.draw(st.sampled_from(list(inner) if isinstance(inner, dict) else range(len(inner))))
            if data.draw(st.booleans()) or not isinstance(inner[key], dict | list):
                inner[key] = data.draw(json_values)
                break
            inner = inner[key]
    expect_plan_or_mistakes(json.dumps(tree).encode(), "plan.json")


@UNHURRIED
@given(
    text=st.binary(), name=st.sampled_from(["a.toml", "a.json", "", "\0.json", "a.json/..", "\udcff.json"])
)
def test_no_bytes_raise(text: bytes, name: str) -> None:
    expect_plan_or_mistakes(text, name)


@UNHURRIED
@given(tree=json_values)
def test_no_json_raises(tree: object) -> None:
    expect_plan_or_mistakes(json.dumps(tree).encode(), "plan.json")


@UNHURRIED
@given(
    tree=st.dictionaries(
        st.sampled_from(["sprint", "agents", "tasks", "data", "output", "review_policy", "sprint_id"]),
        json_values,
    )
)
def test_no_shape_raises(tree: object) -> None:
    expect_plan_or_mistakes(json.dumps(tree).encode(), "plan.json")


@UNHURRIED
@given(example=st.sampled_from(EXAMPLES), data=st.data())
def test_no_damage_to_an_example_raises(example: Path, data: st.DataObject) -> None:
    text = bytearray(example.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(text) - 1))
        text[place : place + data.draw(st.integers(0, 20))] = data.draw(st.binary(max_size=5))
    expect_plan_or_mistakes(bytes(text), example.name)


def expect_plan_or_mistakes(text: bytes, name: str) -> None:
    result = read_dag(text, name=name)
    assert result == read_dag(text, name=name)
    if isinstance(result, Dag):
        agents = {agent.id for agent in result.agents}
        assert len(topological(result)) == len(result.tasks) > 0
        assert all(is_id(name) for name in (result.id, *agents, *(task.id for task in result.tasks)))
        assert agents.issuperset(result.authors())
        assert agents.issuperset(result.needed_reviewers())
    else:
        assert result
        assert all(mistake.message and str(mistake).isprintable() for mistake in result), result
