"""Every actor of the tree crashes once, at every commit of a sprint: the final world is that of an undisturbed run."""

import pytest

from tests.actors.cast import Cast, picky
from tests.actors.faults import When
from tests.actors.rehearsal import Rehearsal, rehearse
from tests.actors.rest import Bomb
from tests.actors.service import Service, running
from tests.domain.sprint.plans import dag, task

CHAIN = dag(task("a"), task("b", "a"))
ACTORS = {
    "journal": "root/journal",
    "sprint": "root/sprints/s1",
    "outbox": "root/outboxes/s1",
    "author": "root/agents/s1.dev",
    "reviewer": "root/agents/s1.rev",
    "poller": "root/pollers/local:repo",
    "listener": "root/listener",
}


def _crash_at(service: Service, path: str, call: str, nth: int, at: When) -> list[bool]:
    """Have the actor at `path` crash as soon as it can after the `nth` call. What is given tells if it was there."""
    seen = 0
    told: list[bool] = []

    def crash(name: str, when: When) -> None:
        nonlocal seen
        if (name, when) == (call, at):
            seen += 1
            if seen == nth:
                told.append(service.actor(path).tell(Bomb()))

    service.faults.passing = crash
    return told


async def _crashed(rehearsal: Rehearsal, path: str, call: str, nth: int, at: When) -> tuple[bool, list[str]]:
    """Whether the actor was there to crash, and what differs in the end."""
    async with running(rehearsal.plan, cast=rehearsal.cast) as service:
        told = _crash_at(service, path, call, nth, at)
        await service.finish()
        hit = path in service.crashes()
        assert hit == told[0]
        found = await rehearsal.compare(service)
        return hit, [f"{path} at {at} {call} ({nth}): {line}" for line in found]


@pytest.mark.parametrize("actor", ACTORS)
async def test_an_actor_may_crash_at_every_commit(actor: str) -> None:
    """Nothing is lost or done twice, and each agent is launched once for each attempt."""
    rehearsal = await rehearse(CHAIN, Cast(reviewer=picky("a")))
    wrong: list[str] = []
    hits = 0
    first = 2 if actor == "journal" else 1  # a service whose journal fails at the first commit fails to start
    stride = 4 if actor in ("poller", "listener") else 1  # they hold nothing that a commit could be about
    for nth in range(first, rehearsal.commits + 1, stride):
        hit, found = await _crashed(rehearsal, ACTORS[actor], "commit", nth, "after")
        hits += hit
        wrong += found
    assert hits > 10
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "call", ["create_issue", "open_pull_request", "submit_review", "merge", "comment", "launch"]
)
@pytest.mark.parametrize("actor", ["sprint", "outbox", "journal"])
async def test_an_effect_is_done_once_though_its_performer_crashes_over_it(actor: str, call: str) -> None:
    """The crash comes while the effect is being done: its outcome is lost, and found again by the probe."""
    rehearsal = await rehearse(CHAIN, Cast(reviewer=picky("a")))
    wrong: list[str] = []
    for nth in range(1, rehearsal.writes.count(call) + 1):
        for at in ("before", "after"):
            hit, found = await _crashed(rehearsal, ACTORS[actor], call, nth, at)
            assert hit
            wrong += found
    assert not wrong, "\n".join(wrong)
