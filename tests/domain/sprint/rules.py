"""What has to hold for every step of every sprint, whatever happened before it."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec

from caloron_actors.domain.effects import (
    Effect,
    Intent,
    LaunchAuthor,
    LaunchReviewer,
    MergePullRequest,
    PrepareWork,
)
from caloron_actors.domain.events import Event
from caloron_actors.domain.ids import AgentId, EffectKey
from caloron_actors.domain.instant import Now
from caloron_actors.domain.review import assess
from caloron_actors.domain.sprint.index import Index
from caloron_actors.domain.sprint.schedule import condition
from caloron_actors.domain.sprint.state import Refused, Sprint, SprintHead, Step
from caloron_actors.domain.sprint.step import step
from caloron_actors.domain.task import Status, Task

_EVENTS = msgspec.json.Decoder(Event)
_EFFECTS = msgspec.json.Decoder(Effect)
_TASKS = msgspec.json.Decoder(Task)
_HEADS = msgspec.json.Decoder(SprintHead)


@dataclass
class Ledger:
    """What was promised so far, over the whole life of one sprint."""

    promised: set[EffectKey] = field(default_factory=set)


def checked_step(sprint: Sprint, event: Event, now: Now, ledger: Ledger) -> Step | Refused:
    """Take a step and hold every rule against it."""
    rows, head, index = dict(sprint.tasks), sprint.head, sprint.index
    moved = step(sprint, event, now)
    assert sprint.tasks == rows, "the sprint that was passed in is never touched"
    assert sprint.head is head
    assert sprint.index is index
    if index is not None:
        assert index == Index.of(sprint.plan.dag, rows), "nor is its index"
    assert step(sprint, event, now) == moved, "the same sprint, event and time give the same step"
    same_when_read_back(_EVENTS, event)
    if isinstance(moved, Step):
        _bookkeeping(sprint, moved, ledger)
        _order(moved)
        _limits(sprint, moved.sprint)
        for intent in moved.intents:
            _reviewed(moved, intent)
        _condition(moved.sprint)
    return moved


def same_when_read_back(decoder: msgspec.json.Decoder[Any], value: object) -> None:
    """A value survives being stored."""
    assert decoder.decode(msgspec.json.encode(value)) == value


def _bookkeeping(before: Sprint, moved: Step, ledger: Ledger) -> None:
    after = moved.sprint
    differing = {name for name, row in after.tasks.items() if row != before.tasks[name]}
    assert sorted(row.id for row in moved.changed) == sorted(differing), "changed rows, all and only"
    assert all(after.tasks[row.id] == row for row in moved.changed)
    assert after.index == Index.of(after.plan.dag, after.tasks), "the index follows the rows"
    assert after.head.seq == before.head.seq + 1
    keys = [intent.key for intent in moved.intents]
    repeated = [key for key, times in Counter(keys).items() if times > 1 or key in ledger.promised]
    assert not repeated, "a key names one effect for ever"
    ledger.promised.update(keys)
    assert set(moved.withdrawn) <= ledger.promised, "only what was promised can be taken back"
    if moved.idle:
        assert not any((moved.changed, moved.intents, moved.withdrawn))
        assert msgspec.structs.replace(after.head, age=before.head.age, seq=before.head.seq) == before.head
    for row in moved.changed:
        same_when_read_back(_TASKS, row)
    for intent in moved.intents:
        same_when_read_back(_EFFECTS, intent.effect)
    same_when_read_back(_HEADS, after.head)


def _order(moved: Step) -> None:
    """Nothing starts before its needs are merged."""
    for plan in moved.sprint.plan.dag.tasks:
        row = moved.sprint.tasks[plan.id]
        if row.runs or row.status in (Status.READY, Status.STARTING, Status.IN_PROGRESS):
            assert all(moved.sprint.tasks[need].status is Status.DONE for need in plan.depends_on)


def agents_at_work(sprint: Sprint) -> Counter[AgentId]:
    """How many processes each agent has or may have."""
    plans = {plan.id: plan for plan in sprint.plan.dag.tasks}
    work: Counter[AgentId] = Counter()
    for row in sprint.tasks.values():
        if row.author is not None and row.author.holds_slot:
            work[plans[row.id].assigned_to] += 1
        work.update(review.agent for review in row.reviewers if review.holds_slot)
    return work


def _limits(before: Sprint, after: Sprint) -> None:
    work, earlier = agents_at_work(after), agents_at_work(before)
    assert all(times == 1 for times in work.values()), "an agent does one thing at a time"
    assert work.total() <= max(after.head.limits.max_agents, earlier.total()), "slots are limited"
    assert sum(row.merging for row in after.tasks.values()) <= 1, "one merge at a time"
    policy = after.plan.dag.review
    for row in after.tasks.values():
        assert row.review_cycles <= policy.max_cycles
        assert row.conflict_rounds <= after.head.limits.conflict_rounds
        assert row.failures <= after.head.limits.failed_attempts
        if row.status in (Status.BLOCKED, Status.CANCELLED, Status.FAILED):
            assert row.reason, "who does not go on says why"
        if row.status is Status.DONE:
            assert row.merge_commit is not None, "done means merged"
        if row.merging:
            assert row.status is Status.MERGING


def _reviewed(moved: Step, intent: Intent) -> None:
    match intent.effect:
        case MergePullRequest() as merge:
            may_be_merged(moved.sprint, merge)
        case LaunchAuthor() | LaunchReviewer() | PrepareWork():
            assert moved.sprint.head.suspended is None or isinstance(intent.effect, LaunchAuthor)
            assert moved.sprint.head.ending is None
        case _:
            pass


def may_be_merged(sprint: Sprint, merge: MergePullRequest) -> None:
    """A merge needs enough approvals of that very head by distinct logins, and nobody's standing objection.

    An agent's objection no longer stands once a human has approved after it.
    """
    row, policy = sprint.tasks[merge.task], sprint.plan.dag.review
    assert policy.auto_merge
    assert row.status is Status.MERGING
    assert row.head == merge.head
    on_head = [review for review in row.reviews if review.head == merge.head]
    latest = {review.login: review for review in sorted(on_head, key=lambda r: (r.submitted_at, r.id))}
    yes = [review for review in latest.values() if review.state == "approved"]
    assert len(yes) >= policy.required_approvals
    for no in (review for review in latest.values() if review.state == "changes_requested"):
        assert no.by_agent
        assert any(not review.by_agent and review.submitted_at >= no.submitted_at for review in yes)
    assert assess(row.reviews, merge.head).approvals >= policy.required_approvals


def _condition(sprint: Sprint) -> None:
    match condition(sprint):
        case "ended":
            assert all(row.final for row in sprint.tasks.values())
            done = [row.status is Status.DONE for row in sprint.tasks.values()]
            assert (sprint.head.outcome == "succeeded") == all(done)
            assert sprint.head.ended_at is not None
        case "blocked":
            assert any(waits_for_a_human(row) for row in sprint.tasks.values())
        case "running":
            assert sprint.head.outcome is None


def waits_for_a_human(row: Task) -> bool:
    """Whether only a human can move this task."""
    waits = row.status is Status.IN_REVIEW and not any(review.pending for review in row.reviewers)
    return waits or row.status in (Status.BLOCKED, Status.HUMAN_ASSIGNED)
