"""The poller: what humans do on the forge reaches the sprint, as it is, once, and only from those who may decide."""

from datetime import timedelta

import pytest
from structlog.typing import EventDict

from caloron_actors.actors.poller import LookNow
from caloron_actors.domain.dag import ReviewPolicy
from caloron_actors.domain.events import TaskObserved
from caloron_actors.domain.ids import Commit
from caloron_actors.domain.sprint.schedule import condition
from caloron_actors.domain.sprint.state import Sprint
from caloron_actors.ports.errors import Unauthorized, Unavailable
from caloron_actors.ports.forge import ReviewSeen
from tests.actors.cast import Cast, mute, picky
from tests.actors.conftest import MakeService
from tests.actors.service import AUTHOR, Service
from tests.domain.sprint.plans import dag, task

BY_HAND = ReviewPolicy(auto_merge=False)
MINUTE = timedelta(minutes=1)


async def _waiting_for_a_merge(service: MakeService) -> tuple[Service, int]:
    """A service whose only task is approved and waits for a human to merge it; its pull request."""
    world = await service(dag(task("a"), review=BY_HAND))
    await world.finish()
    await world.let(2 * MINUTE)
    number = world.row("a").pull_request
    assert number is not None
    return world, number


async def _without_verdict(service: MakeService) -> tuple[Service, int]:
    """A service whose only task is blocked because its reviewer is mute; its pull request."""
    world = await service(dag(task("a")), cast=Cast(reviewer=mute))
    assert condition(await world.finish()) == "blocked"
    number = world.row("a").pull_request
    assert number is not None
    return world, number


def _observed(world: Service) -> list[TaskObserved]:
    return [event for event in world.events if isinstance(event, TaskObserved)]


async def test_a_humans_merge_ends_the_task(service: MakeService) -> None:
    """A1, A2, A4."""
    world, number = await _waiting_for_a_merge(service)
    world.forge.grant("ada", "write")
    world.forge.as_human("ada").merge(number)
    assert (await world.end()).head.outcome == "succeeded"
    comments = [comment.body for comment in await world.forge.comments(1)]
    assert any("merged by ada" in body for body in comments)


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(hours=-1)])
async def test_clocks_may_differ(service: MakeService, ahead: timedelta) -> None:
    """What is asked for "since" is a date of the forge's own."""
    world = await service(dag(task("a"), review=BY_HAND))
    world.forge._wall = lambda: world.wall() - ahead
    await world.finish()
    await world.let(2 * MINUTE)
    number = world.row("a").pull_request
    assert number is not None
    world.forge.grant("ada", "write")
    world.forge.as_human("ada").merge(number)
    began = world.clock.now().awake
    assert (await world.end()).head.outcome == "succeeded"
    assert world.clock.now().awake - began < 5 * MINUTE


async def test_a_humans_close_cancels_the_task(service: MakeService) -> None:
    world, _ = await _waiting_for_a_merge(service)
    world.forge.grant("ada", "write")
    world.forge.as_human("ada").close_issue(1)
    await world.end()
    assert world.row("a").status == "cancelled"
    assert "closed by ada" in (world.row("a").reason or "")


async def test_a_closed_pull_request_sends_the_author_back(service: MakeService) -> None:
    world, number = await _waiting_for_a_merge(service)
    world.forge.grant("ada", "write")
    world.forge.as_human("ada").close_pull_request(number)
    await world.until(lambda: world.row("a").status == "in_progress")
    await world.until(lambda: world.row("a").pull_request not in (None, number))
    assert (await world.forge.pull_request(number)).state == "closed"


async def test_only_changes_are_told_and_journalled(service: MakeService) -> None:
    """A11: an hour of looking at an unchanged repository writes nothing and asks for no reviews."""
    world, _ = await _waiting_for_a_merge(service)
    seq, reviews = (await world.journal.sprints())[0].seq, world.faults.calls["reviews"]
    told, looks = len(_observed(world)), world.faults.calls["issues"]
    await world.let(60 * MINUTE)
    assert (await world.journal.sprints())[0].seq == seq
    assert len(_observed(world)) == told
    assert world.faults.calls["reviews"] == reviews
    assert 55 <= world.faults.calls["issues"] - looks <= 65


async def test_looks_follow_activity(service: MakeService) -> None:
    """Often after news, then ever more seldom."""
    world, number = await _waiting_for_a_merge(service)
    world.forge.grant("ada", "write")
    world.forge.as_human("ada").review(number, "request_changes", "not yet")
    await world.until(lambda: world.row("a").status == "in_progress")
    seen = len(world.faults.moments("issues"))
    await world.let(timedelta(seconds=15))
    first, second, third = world.faults.moments("issues")[seen - 1 : seen + 2]
    assert (second - first, third - second) == pytest.approx((2, 4))


@pytest.mark.parametrize("permission", ["write", "admin"])
async def test_an_approval_of_somebody_who_may_write_counts(service: MakeService, permission: str) -> None:
    world, number = await _without_verdict(service)
    world.forge.grant("ada", "write" if permission == "write" else "admin")
    world.forge.as_human("ada").review(number, "approve")
    assert (await world.end()).head.outcome == "succeeded"


async def test_a_humans_approval_settles_a_quarrel_with_a_reviewer_agent(service: MakeService) -> None:
    """B8: what a look tells knows agents' reviews from humans', so the one can outvote the other."""
    world = await service(dag(task("a"), review=ReviewPolicy(max_cycles=0)), cast=Cast(reviewer=picky("a")))
    assert condition(await world.finish()) == "blocked"
    number = world.row("a").pull_request
    assert number is not None
    world.forge.grant("ada", "write")
    world.forge.as_human("ada").review(number, "approve")
    assert (await world.end()).head.outcome == "succeeded"
    facts = [event.pull_request for event in _observed(world) if event.pull_request is not None]
    assert [review.by_agent for review in facts[-1].reviews] == [True, False]


async def test_the_word_of_a_stranger_is_not_heard(service: MakeService) -> None:
    """B6, R14: approvals and change requests alike."""
    world, number = await _without_verdict(service)
    stranger = world.forge.as_human("stranger")
    stranger.review(number, "approve")
    stranger.review(number, "request_changes", "no")
    stranger.review(number, "comment", "I approve")
    await world.let(10 * MINUTE)
    assert world.row("a").status == "blocked"
    assert world.row("a").reviews == ()


async def test_the_authors_own_word_is_not_heard(service: MakeService) -> None:
    """B6: a forge that lets an author approve its own pull request changes nothing."""
    world, number = await _without_verdict(service)
    rules = world.forge._rules
    pull = rules.pulls[number]
    rules.reviews[number].append(
        ReviewSeen(
            id=99, author=AUTHOR, state="approved", body="", commit=pull.head, submitted_at=world.wall()
        )
    )
    world.forge.as_human("stranger").review(number, "comment", "look")
    await world.let(10 * MINUTE)
    assert world.row("a").status == "blocked"
    assert world.row("a").reviews == ()


async def test_a_stranger_cannot_stop_a_merge(service: MakeService) -> None:
    world = await service(dag(task("a")))
    await world.until(lambda: world.sprint is not None and world.row("a").pull_request is not None)
    number = world.row("a").pull_request
    assert number is not None
    world.forge.as_human("stranger").review(number, "request_changes", "never")
    assert (await world.end()).head.outcome == "succeeded"
    assert world.row("a").review_cycles == 0


async def test_a_permission_is_asked_again_after_a_while(service: MakeService) -> None:
    """Somebody who was made a member since is heard."""
    world, number = await _without_verdict(service)
    ada = world.forge.as_human("ada")
    ada.review(number, "approve")
    await world.let(10 * MINUTE)
    assert world.row("a").status == "blocked"
    world.forge.grant("ada", "write")
    ada.review(number, "approve")
    assert (await world.end()).head.outcome == "succeeded"


async def test_two_reviews_within_one_second_are_both_heard(service: MakeService) -> None:
    """A forge tells times in whole seconds: what was seen in a second may not be all that happens in it."""
    world, number = await _without_verdict(service)
    world.forge.grant("ada", "write")
    world.forge.as_human("stranger").review(number, "comment", "hm")
    calls = world.faults.calls["reviews"]
    assert await world.tree.poller_of(_sprint(world)).ask(LookNow()) is None
    assert world.faults.calls["reviews"] == calls + 1
    world.forge.as_human("ada").review(number, "approve")
    await world.let(5 * MINUTE)
    assert (await world.end()).head.outcome == "succeeded"


async def test_a_push_by_a_human_is_reviewed_anew(service: MakeService) -> None:
    """B1, E11: the approval of the earlier head counts no more."""
    world, _ = await _waiting_for_a_merge(service)
    before = world.row("a").head
    after = _push(world, "a human's line\n")
    await world.until(lambda: world.row("a").head == after)
    await world.finish()
    assert [review.head for review in world.row("a").reviews] == [before, after]


async def test_an_outdated_look_does_not_move_the_head_back(service: MakeService) -> None:
    """The forge's list lags behind the push of a rework: nothing is stopped or reviewed twice."""
    world, number = await _waiting_for_a_merge(service)
    world.forge.grant("ada", "write")
    old = await world.forge.pull_request(number)
    world.forge.as_human("ada").review(number, "request_changes", "again")
    await world.until(lambda: world.row("a").status == "in_progress")
    await world.until(lambda: world.row("a").status == "in_review")
    new = world.row("a").head
    assert new != old.head
    world.repository.set_branch(old.head_branch, old.head)
    assert await world.tree.poller_of(_sprint(world)).ask(LookNow()) is None
    await world.let(timedelta(seconds=1))
    assert world.row("a").head == new
    world.repository.set_branch(old.head_branch, new)
    await world.finish()
    assert world.row("a").review_runs == 2


async def test_a_forge_that_is_down_is_said_so_and_looked_at_again(
    service: MakeService, logs: list[EventDict]
) -> None:
    """A10: no crash, no silence."""
    world, number = await _waiting_for_a_merge(service)
    world.faults.fail("issues", Unavailable("connection refused", ambiguous=False), times=5)
    world.faults.fail("pull_requests", Unauthorized("bad credentials", code=401), times=2)
    world.forge.as_human("stranger").review(number, "comment", "hm")
    world.forge.grant("ada", "write")
    world.forge.as_human("ada").merge(number)
    assert (await world.end()).head.outcome == "succeeded"
    failed = [line["error"] for line in logs if line["event"] == "look_failed"]
    assert failed == ["connection refused"] * 5 + ["bad credentials"] * 2
    assert world.crashes() == []


async def test_a_full_look_on_demand_sees_what_lies_behind_the_mark(service: MakeService) -> None:
    """It reads everything, and tells it whatever was told before; trouble is its answer."""
    world, number = await _waiting_for_a_merge(service)
    world.forge.grant("ada", "write")
    poller = world.tree.poller_of(_sprint(world))
    told = len(_observed(world))
    assert await poller.ask(LookNow()) is None
    assert len(_observed(world)) == told
    world.forge.as_human("ada").merge(number)
    world.faults.fail("issues", Unavailable("connection refused", ambiguous=False))
    assert await poller.ask(LookNow()) == "connection refused"
    assert world.row("a").status == "in_review"
    assert await poller.ask(LookNow()) is None
    await world.let(timedelta(0))
    assert world.row("a").status == "done"


async def test_a_poller_without_open_tasks_asks_nothing(service: MakeService) -> None:
    world = await service(dag(task("a")))
    await world.finish()
    asked = world.faults.calls["issues"]
    await world.let(60 * MINUTE)
    assert world.faults.calls["issues"] == asked


def _sprint(world: Service) -> Sprint:
    assert world.sprint is not None
    return world.sprint


def _push(world: Service, text: str) -> Commit:
    """A human commits on top of the task's branch."""
    branch = "agent/dev/s1/a"
    head = world.repository.head(branch)
    assert head is not None
    files = {**world.repository.files(head), "human.txt": text.encode()}
    after = world.repository.commit(files, (head,), "By hand")
    world.repository.set_branch(branch, after)
    return after
