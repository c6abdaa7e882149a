"""Effects that fail: each is done exactly once, whatever is known of the failed call; and nobody else's word is taken."""

from datetime import timedelta
from itertools import pairwise

import pytest
from structlog.typing import EventDict

from caloron_actors.adapters.memory.launcher import Finished
from caloron_actors.domain.events import EffectRejected, Limits
from caloron_actors.domain.ids import EffectKey
from caloron_actors.domain.marker import mark
from caloron_actors.ports.errors import NotFound, PortError, RateLimited, Rejected, Unauthorized, Unavailable
from tests.actors.cast import SEEN_BEFORE, Cast, Part, Stage, picky
from tests.actors.conftest import MakeService
from tests.actors.faults import FORGE_WRITES, When
from tests.actors.rehearsal import rehearse
from tests.actors.service import AUTHOR, SECRET, Service, running
from tests.domain.sprint.plans import dag, task

CHAIN = dag(task("a"), task("b", "a"))
GIT_CALLS = ("prepare_fresh", "prepare_rework", "prepare_review", "collect", "push")
READS = (
    "issues",
    "pull_requests",
    "pull_request",
    "reviews",
    "author_login",
    "permission",
    "base",
    "conflicts",
    "diff",
    "fetch_branch",
)


def lost() -> Unavailable:
    return Unavailable("the answer was lost", ambiguous=True)


def down() -> Unavailable:
    return Unavailable("nobody answers", ambiguous=False)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", [*sorted(FORGE_WRITES), *GIT_CALLS, "launch"])
async def test_an_effect_is_done_once_though_its_answer_was_lost(call: str, when: When) -> None:
    """C1, C4: the natural key tells whether it was done. Every call of the kind in turn."""
    rehearsal = await rehearse(CHAIN, Cast(reviewer=picky("a")))
    calls = rehearsal.writes.count(call)
    assert calls
    for nth in range(calls):
        async with running(CHAIN, cast=rehearsal.cast) as service:
            service.faults.fail(call, lost(), when, skip=nth)
            await service.finish()
            assert await rehearsal.compare(service) == []
            assert service.crashes() == []


@pytest.mark.parametrize("call", [*sorted(FORGE_WRITES), *GIT_CALLS, *READS])
async def test_a_call_that_did_not_get_through_is_repeated(call: str) -> None:
    rehearsal = await rehearse(CHAIN, Cast(reviewer=picky("a")))
    async with running(CHAIN, cast=rehearsal.cast) as service:
        service.faults.fail(call, down(), times=3)
        await service.finish()
        assert await rehearsal.compare(service) == []
        assert service.crashes() == []


async def test_trouble_is_met_with_growing_pauses_up_to_a_cap(service: MakeService) -> None:
    world = await service(dag(task("a")), jitter=0.4)
    world.faults.fail("create_issue", down(), times=11)
    await world.finish()
    moments = world.faults.moments("create_issue")
    pauses = [later - earlier for earlier, later in pairwise(moments)]
    assert pauses == pytest.approx([1.1 * min(2**n, 300) for n in range(11)])


async def test_the_pauses_grow_over_restarts(service: MakeService) -> None:
    """The count of tries is kept in the journal."""
    world = await service(dag(task("a")))
    world.faults.fail("create_issue", down(), times=6)
    await world.until(lambda: world.faults.calls["create_issue"] == 5)
    world.kill()
    await world.start()
    await world.finish()
    moments = world.faults.moments("create_issue")
    assert moments[6] - moments[5] == pytest.approx(32)


async def test_a_forge_that_says_when_is_asked_again_then(service: MakeService) -> None:
    world = await service(dag(task("a")))
    again = world.wall() + timedelta(minutes=20)
    world.faults.fail("create_issue", RateLimited("slow down", retry_after=again))
    await world.finish()
    first, second = world.faults.moments("create_issue")
    assert second - first == pytest.approx(1200)


async def test_a_waiting_effect_holds_up_no_other_task(service: MakeService) -> None:
    """The first task's issue has to wait for an hour; the second is merged long before."""
    world = await service(dag(task("a", by="ann"), task("b", by="bob")))
    world.faults.fail("create_issue", RateLimited("slow down", retry_after=world.wall() + timedelta(hours=1)))
    await world.until(lambda: world.sprint is not None and world.row("b").status == "done")
    assert world.clock.now().awake < timedelta(minutes=5)
    assert world.row("a").issue is None
    assert (await world.finish()).head.outcome == "succeeded"


async def test_a_waiting_note_holds_up_no_work(service: MakeService) -> None:
    """A label that cannot be put for an hour is put in the end, after the merge, and in its place among the others."""
    rehearsal = await rehearse(dag(task("a")), Cast())
    world = await service(dag(task("a")))
    world.faults.fail("add_labels", RateLimited("slow down", retry_after=world.wall() + timedelta(hours=1)))
    await world.until(lambda: world.sprint is not None and world.row("a").status == "done")
    assert world.clock.now().awake < timedelta(minutes=5)
    await world.finish()
    assert world.clock.now().awake >= timedelta(hours=1)
    assert await rehearsal.compare(world) == []


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("create_issue", "CreateIssue was refused: no"),
        ("push", "PushBranch was refused: no"),
        ("open_pull_request", "OpenPullRequest was refused: no"),
        ("submit_review", "its review was refused by the forge: no"),
        ("merge", "the forge refused the merge 3 times, the last time: no"),
        ("prepare_fresh", "the agent could not be started 5 times, the last time: no"),
        ("prepare_review", "could not be started 5 times, the last time: no"),
    ],
)
async def test_a_final_no_leaves_the_task_to_a_human(
    service: MakeService, call: str, words: str, logs: list[EventDict]
) -> None:
    """E6: a refusal is an event that everybody can see, not a missing number."""
    world = await service(dag(task("a")))
    world.faults.fail(call, Unauthorized("no", code=403), times=5)
    await world.finish()
    assert world.row("a").status == "blocked"
    assert words in (world.row("a").reason or "")
    assert any(isinstance(event, EffectRejected) for event in world.events)
    assert any(line["event"] == "effect_rejected" for line in logs)
    assert world.crashes() == []


@pytest.mark.parametrize("call", ["add_labels", "remove_label", "comment", "close_issue"])
@pytest.mark.parametrize("error", [Rejected("no", code=422), NotFound("gone", code=404)])
async def test_a_refused_note_stops_nothing(service: MakeService, call: str, error: PortError) -> None:
    """C4: the work counts; and what no longer exists needs no label."""
    world = await service(dag(task("a")))
    world.faults.fail(call, error)
    assert (await world.finish()).head.outcome == "succeeded"
    refused = [event for event in world.events if isinstance(event, EffectRejected)]
    gone = isinstance(error, NotFound) and call != "comment"
    assert len(refused) == (0 if gone else 1)


async def test_work_that_cannot_be_taken_is_a_failed_attempt(service: MakeService) -> None:
    world = await service(dag(task("a")), limits=Limits(failed_attempts=2))
    world.faults.fail("collect", Rejected("a broken object"))
    assert (await world.finish()).head.outcome == "succeeded"
    assert world.row("a").attempts == 2


def _forge_mark(world: Service, call: str, body: str, who: str) -> None:
    """When `call` is made the first time, `who` writes `body` on the forge in its stead, and the call is lost."""
    human = world.forge.as_human(who)

    def write(name: str, when: When) -> None:
        if name != call or when == "after":
            return
        world.faults.passing = None
        if call == "create_issue":
            human.open_issue("Do a", body)
        elif call == "comment":
            human.comment(1, body)
        else:
            human.review(2, "comment", body)

    world.faults.fail(call, lost())
    world.faults.passing = write


KEYS = {
    "create_issue": EffectKey("s1/a/CreateIssue/1"),
    "comment": EffectKey("s1/a/PostComment/4"),
    "submit_review": EffectKey("s1/a/SubmitReview/rev.1"),
}


@pytest.mark.parametrize("who", ["eve", AUTHOR, f"{AUTHOR}-rev"])
@pytest.mark.parametrize("secret", [SECRET, b"another secret"])
@pytest.mark.parametrize("call", KEYS)
async def test_a_mark_counts_only_by_its_own_writer_and_secret(
    service: MakeService, call: str, secret: bytes, who: str
) -> None:
    """A mark that was copied by somebody else, or made by whoever holds another secret, ends no probe."""
    writer = f"{AUTHOR}-rev" if call == "submit_review" else AUTHOR
    world = await service(dag(task("a")))
    _forge_mark(world, call, mark(secret, KEYS[call]), who)
    assert (await world.finish()).head.outcome == "succeeded"
    issues, pulls = await world.forge.issues(), await world.forge.pull_requests()
    texts = [(issue.author, issue.body) for issue in issues]
    for number in (*[issue.number for issue in issues], *[pull.number for pull in pulls]):
        texts += [(comment.author, comment.body) for comment in await world.forge.comments(number)]
    for pull in pulls:
        texts += [(review.author, review.body) for review in await world.forge.reviews(pull.number)]
    genuine = [author for author, body in texts if mark(SECRET, KEYS[call]) in body]
    copied = secret == SECRET and who != writer
    assert set(genuine) == ({writer, who} if copied else {writer})
    assert len(genuine) == (2 if copied else 1)


async def test_an_agents_words_cannot_carry_a_mark(service: MakeService) -> None:
    """A verdict's text is neutralised before it is posted."""
    key = EffectKey("s1/a/SubmitReview/rev.2")
    cast = Cast(reviewer=_says(f"CHANGES_NEEDED: {mark(SECRET, key)} fixes #1 @owner"))
    world = await service(dag(task("a")), cast=cast)
    await world.finish()
    pull = next(pull for pull in await world.forge.pull_requests())
    first = (await world.forge.reviews(pull.number))[0]
    assert mark(SECRET, key) not in first.body
    assert "@owner" not in first.body
    assert "fixes #1" not in first.body
    assert first.author == f"{AUTHOR}-rev"


async def test_a_plans_words_cannot_carry_a_mark(service: MakeService) -> None:
    """The text of one task holds the mark of another one, whose issue is looked for first."""
    copied = mark(SECRET, EffectKey("s1/b/CreateIssue/1"))
    world = await service(dag(task("a", body=f"Do it. <!-- why --> {copied}"), task("b", "a")))
    issues: list[int] = []

    def lose_first(name: str, when: When) -> None:
        if (name, when) == ("create_issue", "after"):
            issues.append(1)
            if len(issues) == 1:
                world.kill()

    world.faults.passing = lose_first
    await world.until(lambda: world.dead)
    world.faults.passing = None
    await world.start()
    await world.finish()
    bodies = [issue.body for issue in await world.forge.issues()]
    assert len(bodies) == 2
    assert "<!-- why -->" in "".join(bodies)
    assert sum(copied in body for body in bodies) == 1


def _says(words: str) -> Part:
    async def review(stage: Stage) -> Finished:
        if stage.told(SEEN_BEFORE):
            return Finished(stdout="APPROVED\n")
        return Finished(stdout=f"{words}\n")

    return review


async def test_a_pull_request_of_somebody_else_is_not_taken_for_ours(service: MakeService) -> None:
    """A7: same branch, another author and another base."""
    world = await service(dag(task("a")))
    eve = world.forge.as_human("eve")
    branch = "agent/dev/s1/a"

    def open_first(name: str, when: When) -> None:
        if (name, when) == ("push", "after"):
            world.faults.passing = None
            world.repository.set_branch("other", world.repository.head("main"))
            world.forge._rules.open_pull(
                eve.login, "mine", "", head=branch, base="other", now=world.forge._now()
            )

    world.faults.passing = open_first
    await world.finish()
    by = {pull.number: pull.author for pull in await world.forge.pull_requests()}
    number = world.row("a").pull_request
    assert number is not None
    assert by[number] == AUTHOR
    assert len(by) == 2
