"""Levels, dependents and paths of a plan, and the cycles of a graph, held against simple definitions."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caloron_actors.domain.dag import (
    Agent,
    Dag,
    TaskPlan,
    critical_path,
    dependents,
    remaining_path,
    topological,
)
from caloron_actors.domain.dag.cycles import find_cycles
from caloron_actors.domain.ids import AgentId, SprintId, TaskId

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def plan(depends: dict[str, list[str]]) -> Dag:
    return Dag(
        id=SprintId("s"),
        agents=(Agent(id=AgentId("dev")),),
        tasks=tuple(
            TaskPlan(
                id=TaskId(name),
                title=name,
                assigned_to=AgentId("dev"),
                depends_on=tuple(TaskId(below) for below in below_it),
            )
            for name, below_it in depends.items()
        ),
    )


@st.composite
def acyclic(draw: st.DrawFn) -> dict[str, list[str]]:
    """A graph without cycles, its names in any order."""
    count = draw(st.integers(1, 12))
    names = [f"t{index}" for index in range(count)]
    edges = {
        name: draw(st.lists(st.sampled_from(names[:index]), unique=True)) if index else []
        for index, name in enumerate(names)
    }
    return {name: edges[name] for name in draw(st.permutations(names))}


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    """Any graph, with cycles or without, and edges that lead nowhere."""
    names = [f"t{index}" for index in range(draw(st.integers(1, 7)))]
    return {name: draw(st.lists(st.sampled_from([*names, "nowhere"]), unique=True)) for name in names}


DIAMOND = {"readme": ["cli"], "cli": ["b", "a"], "b": ["core"], "a": ["core"], "core": [], "alone": []}


def test_levels_keep_the_plan_s_order() -> None:
    assert topological(plan(DIAMOND)) == ("core", "alone", "b", "a", "cli", "readme")


def test_dependents_are_the_edges_turned_round() -> None:
    assert dependents(plan(DIAMOND)) == {
        "readme": (),
        "cli": ("readme",),
        "b": ("cli",),
        "a": ("cli",),
        "core": ("b", "a"),
        "alone": (),
    }


def test_remaining_paths_count_tasks_and_critical_paths_weigh_them() -> None:
    assert remaining_path(plan(DIAMOND)) == {"readme": 1, "cli": 2, "b": 3, "a": 3, "core": 4, "alone": 1}
    weights = {"readme": 0.5, "cli": 1, "b": 2, "a": 4, "core": 1, "alone": 6}
    heavy = critical_path(plan(DIAMOND), lambda task: weights[task.id])
    assert heavy == {"readme": 0.5, "cli": 1.5, "b": 3.5, "a": 5.5, "core": 6.5, "alone": 6}


def test_a_chain_of_thousands_has_an_order() -> None:
    chain = {f"t{index}": [f"t{index - 1}"] if index else [] for index in range(5000)}
    assert remaining_path(plan(chain))[TaskId("t0")] == 5000


def test_a_plan_that_was_never_checked_is_refused() -> None:
    with pytest.raises(ValueError, match="no order"):
        topological(plan({"a": ["b"], "b": ["a"]}))


@UNHURRIED
@given(acyclic())
def test_every_task_comes_after_its_dependencies(depends: dict[str, list[str]]) -> None:
    order = topological(plan(depends))
    assert sorted(order) == sorted(depends)
    for name, below in depends.items():
        assert all(order.index(TaskId(name)) > order.index(TaskId(other)) for other in below)


@UNHURRIED
@given(acyclic())
def test_a_remaining_path_is_one_longer_than_its_longest_dependent_s(depends: dict[str, list[str]]) -> None:
    paths = remaining_path(plan(depends))
    for name, after in dependents(plan(depends)).items():
        assert paths[name] == 1 + max((paths[other] for other in after), default=0)


@UNHURRIED
@given(acyclic())
def test_what_has_an_order_has_no_cycle(depends: dict[str, list[str]]) -> None:
    assert list(find_cycles(depends)) == []


@UNHURRIED
@given(graphs())
def test_cycles_are_real_and_none_comes_twice(graph: dict[str, list[str]]) -> None:
    cycles = list(find_cycles(graph))
    for cycle in cycles:
        for name, following in zip(cycle, (*cycle[1:], cycle[0]), strict=True):
            assert following in graph[name]
        assert len(set(cycle)) == len(cycle)
        assert list(graph).index(cycle[0]) == min(list(graph).index(name) for name in cycle)
    assert len(set(cycles)) == len(cycles)


@UNHURRIED
@given(graphs())
def test_one_edge_out_of_every_cycle_named_leaves_no_other_part_in_a_cycle(
    graph: dict[str, list[str]],
) -> None:
    """Every task that lies on any cycle lies in a part of the graph of which a cycle is named."""
    named = {name for cycle in find_cycles(graph) for name in cycle}
    left = {name: [other for other in edges if other not in named] for name, edges in graph.items()}
    assert list(find_cycles({name: edges for name, edges in left.items() if name not in named})) == []


def test_two_cycles_that_share_a_task_are_both_named() -> None:
    assert list(find_cycles({"a": ["b"], "b": ["a", "c"], "c": ["b"]})) == [("a", "b"), ("b", "c")]


def test_a_long_cycle_is_found_without_recursion() -> None:
    ring = {f"t{index}": [f"t{(index + 1) % 5000}"] for index in range(5000)}
    assert [len(cycle) for cycle in find_cycles(ring)] == [5000]
