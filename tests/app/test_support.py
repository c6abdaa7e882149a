"""What a plan asks for and cannot get is refused, all of it at once."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from caloron_actors.app.mistakes import Mistakes, mistake
from caloron_actors.app.support import check_supported
from caloron_actors.domain.dag import Budget, ReviewPolicy
from tests.domain.sprint.plans import dag, task


def test_what_is_kept_is_accepted() -> None:
    kept = replace(task("a"), budget=Budget(wall_time=timedelta(minutes=5), attempts=2))
    check_supported(dag(kept))


def test_every_limit_that_would_be_ignored_is_named_with_its_place() -> None:
    """K4, M3: no key is read and then forgotten."""
    plan = dag(
        task("a"),
        replace(task("b"), budget=Budget(tokens=0)),
        replace(task("c"), budget=Budget(tokens=10, money=1.5)),
        review=ReviewPolicy(require_checks=True),
    )
    with pytest.raises(Mistakes) as refused:
        check_supported(plan)
    assert [line.partition(": ")[0] for line in refused.value.lines] == [
        "review.require_checks",
        "tasks[1].budget.tokens",
        "tasks[2].budget.tokens",
        "tasks[2].budget.money",
    ]
    assert all("cannot be" in line for line in refused.value.lines)


def test_mistakes_are_lines() -> None:
    both = Mistakes(["one: is wrong", "two: is wrong"])
    assert both.lines == ("one: is wrong", "two: is wrong")
    assert str(both) == "one: is wrong\ntwo: is wrong"
    assert mistake("one: is wrong").lines == ("one: is wrong",)
