"""Ids, and the names derived from them: always valid, always inside their limits, never two for one by accident."""

import re
import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caloron_actors.domain.ids import (
    ID_LIMIT,
    ID_RULE,
    AgentId,
    SprintId,
    TaskId,
    branch_name,
    is_commit,
    is_id,
    is_repository,
    shorten,
    slug,
)

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

FIRST = string.ascii_lowercase + string.digits
ids = st.builds(str.__add__, st.sampled_from(FIRST), st.text(FIRST + "_-", max_size=63))
long_names = st.text(FIRST + "_-", min_size=65, max_size=200)


@UNHURRIED
@given(st.text(FIRST + "_-A.\n", max_size=70))
def test_an_id_is_what_the_rule_says(text: str) -> None:
    assert is_id(text) == (re.fullmatch(ID_RULE.strip("^$"), text) is not None)


@pytest.mark.parametrize("text", ["a", "0", "a_b-c", "a" * 64, "task-1"])
def test_ids(text: str) -> None:
    assert is_id(text)


@pytest.mark.parametrize("text", ["", "-a", "_a", "A", "a" * 65, "a b", "a\n", "é", "../a", "a.b", "\u0663"])
def test_what_is_no_id(text: str) -> None:
    """V4: nothing that a command could take for an option. D8: no upper case, nothing too long."""
    assert not is_id(text)


@pytest.mark.parametrize("name", ["owner/name", "Alpi-Rubio/Full.Stack_2", "0/1", "_x/y"])
def test_repositories_have_upper_case_letters_and_dots(name: str) -> None:
    """G8, V2: a forge's own spelling is taken."""
    assert is_repository(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "name",
        "a/b/c",
        "-o/x",
        "o/-x",
        "../x",
        "o/..",
        "o/.git",
        "o/x.git",
        "o/x.lock",
        "o/x.",
        "o /x",
        "o/x\n",
        "/",
    ],
)
def test_what_is_no_repository(name: str) -> None:
    assert not is_repository(name)


def test_commits_are_full_names() -> None:
    assert is_commit("0123456789abcdef" * 2 + "01234567")
    assert not is_commit("abc1234")
    assert not is_commit("A" * 40)
    assert not is_commit("a" * 64)


@UNHURRIED
@given(st.text(), st.integers(12, 200))
def test_a_shortened_name_fits_its_limit(name: str, limit: int) -> None:
    """D8, V3: derived names never overflow."""
    short = shorten(name, limit)
    assert len(short) <= limit
    assert short == name or len(name) > limit


@UNHURRIED
@given(ids | long_names.filter(lambda name: name[0] not in "-_"))
def test_a_shortened_id_is_an_id(name: str) -> None:
    assert is_id(shorten(name))


@UNHURRIED
@given(long_names, long_names, st.integers(12, ID_LIMIT))
def test_two_long_names_stay_two(one: str, other: str, limit: int) -> None:
    assert (shorten(one, limit) == shorten(other, limit)) == (one == other)


def test_names_that_share_their_head_stay_apart() -> None:
    assert shorten("a" * 100 + "x", 32) != shorten("a" * 100 + "y", 32)


@UNHURRIED
@given(st.text())
def test_every_text_gives_a_valid_id(text: str) -> None:
    """D5, D8: ids made from a goal or a file's name obey the rule."""
    assert is_id(slug(text))


@UNHURRIED
@given(ids.filter(lambda text: not text.endswith(("-", "_")) and "--" not in text))
def test_a_slug_leaves_an_id_as_it_is(text: str) -> None:
    assert slug(text) == text


def test_slugs_read_well() -> None:
    assert slug("Add a health endpoint, please!") == "add-a-health-endpoint-please"
    assert slug("...") == "x"
    assert slug("…", fallback="sprint") == "sprint"


@UNHURRIED
@given(ids, ids, ids)
def test_a_branch_fits_and_is_a_name_git_takes(agent: str, sprint: str, task: str) -> None:
    branch = branch_name(AgentId(agent), SprintId(sprint), TaskId(task))
    assert len(branch) <= 128
    assert re.fullmatch(r"agent/[a-z0-9][a-z0-9_-]*/[a-z0-9][a-z0-9_-]*/[a-z0-9][a-z0-9_-]*", branch)


@UNHURRIED
@given(st.tuples(ids, ids, ids), st.tuples(ids, ids, ids))
def test_two_tasks_never_share_a_branch(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    def branch(agent: str, sprint: str, task: str) -> str:
        return branch_name(AgentId(agent), SprintId(sprint), TaskId(task))

    assert (branch(*one) == branch(*other)) == (one == other)
