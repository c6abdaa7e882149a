"""What the simulation has found in the service, each as a case of its own."""

import pytest
from msgspec.structs import replace

from caloron_actors.domain.dag import ReviewPolicy
from caloron_actors.domain.events import Limits
from tests.simulation.runner import run_plans, run_seed
from tests.simulation.workload import REVIEWERS, plain_plan


def test_sprints_of_one_repository_may_have_different_reviewers() -> None:
    """Seed 10768: their one poller knew the accounts of the first sprint's reviewers only, and every look failed."""
    one = plain_plan("s1", count=2)
    tasks = tuple(replace(task, reviewed_by=REVIEWERS) for task in plain_plan("s2", count=2).tasks)
    agents = (*one.agents, replace(one.agents[-1], id=REVIEWERS[1]))
    other = replace(
        plain_plan("s2", count=2), tasks=tasks, agents=agents, review=ReviewPolicy(required_approvals=2)
    )
    outcome = run_plans([one, other], mode="client", limits=Limits(max_agents=1), trace=True)
    assert outcome.broken == []
    assert [line for line in outcome.trace if "look_failed" in line] == []


@pytest.mark.parametrize(("seed", "mode"), [(211, "port"), (11553, "port"), (11384, "client")])
def test_an_effect_does_not_wait_for_a_clock_that_was_set_back(seed: int, mode: str) -> None:
    """The clock was set back by hours while the postponing was stored, and the next try was as many hours away."""
    assert run_seed(seed, mode).broken == []
