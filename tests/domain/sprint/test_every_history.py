"""Random plans in a random world: whatever happens, every rule holds and the sprint can end (B1, B3, B7, B8, B12, C2)."""

from collections import Counter
from datetime import timedelta

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from caloron_actors.domain.dag import Dag, ReviewPolicy, TaskPlan
from caloron_actors.domain.events import Limits
from tests.domain.sprint.outside import Tape
from tests.domain.sprint.plans import dag, task
from tests.domain.sprint.world import World

AUTHORS = ("dev", "ops")
REVIEWERS = ("rev", "eve")
UNHURRIED = settings(
    deadline=None,
    phases=[
        Phase.explicit,
        Phase.reuse,
        Phase.generate,
    ],  # making a tape shorter takes longer than reading it
    max_examples=300,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)


@st.composite
def plans(draw: st.DrawFn) -> Dag:
    """A small plan with a policy."""
    policy = ReviewPolicy(
        required_approvals=draw(st.sampled_from([1, 1, 2, 0])),
        auto_merge=draw(st.sampled_from([True, True, True, False])),
        max_cycles=draw(st.integers(0, 2)),
        on_exhausted=draw(st.sampled_from(["escalate", "abandon"])),
    )
    tasks: list[TaskPlan] = []
    for number in range(draw(st.integers(1, 4))):
        names = [plan.id for plan in tasks]
        needs = draw(st.lists(st.sampled_from(names), unique=True, max_size=2)) if names else []
        asked = draw(st.integers(max(policy.required_approvals, 1), 2))
        by = draw(st.sampled_from(AUTHORS))
        tasks.append(task(f"t{number}", *needs, by=by, reviewed_by=REVIEWERS[:asked]))
    limit = draw(st.sampled_from([None, None, timedelta(hours=1)]))
    return dag(*tasks, review=policy, max_duration=limit)


tapes = st.binary(min_size=50, max_size=500)
short_tapes = st.binary(max_size=40)


endings = st.sampled_from(["", "cancelled", "suspended"])


@given(plans(), st.integers(1, 4), tapes, short_tapes, endings)
@UNHURRIED
def test_every_sprint_comes_to_rest(plan: Dag, slots: int, wild: bytes, rest: bytes, ending: str) -> None:
    world = World(plan, Limits(max_agents=slots), Tape(wild))
    world.live_wildly(may_cancel=ending == "cancelled")
    if ending == "suspended":
        world.suspend(Tape(rest))
    world.come_to_rest(Tape(rest, again=True))
    started = Counter(run.task for run in world.answers.runs.values() if run.role == "author" and run.started)
    attempts = {name: row.attempts for name, row in world.sprint.tasks.items()}
    assert attempts == {name: started[name] for name in attempts}, (
        "attempts are the commands that were started"
    )
