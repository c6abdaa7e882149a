"""The working copy of a sprint inside one `step`: it gathers changed rows, intents and withdrawals."""

from datetime import timedelta
from typing import Any

import msgspec

from caloron_actors.domain.dag import TaskPlan
from caloron_actors.domain.effects import (
    CollectWork,
    CreateIssue,
    Effect,
    Intent,
    LaunchAuthor,
    LaunchReviewer,
    MergePullRequest,
    OpenPullRequest,
    PostComment,
    PrepareWork,
    PushBranch,
    SaveWork,
    StopRun,
    SubmitReview,
)
from caloron_actors.domain.ids import EffectKey, TaskId
from caloron_actors.domain.instant import Now
from caloron_actors.domain.sprint.index import Index
from caloron_actors.domain.sprint.state import Sprint, Step
from caloron_actors.domain.task import AuthorRun, Conflict, ReviewRun, Status, Task

_OF_AUTHOR = {
    "preparing": PrepareWork.__name__,
    "launching": LaunchAuthor.__name__,
    "stopping": StopRun.__name__,
    "collecting": CollectWork.__name__,
    "saving": SaveWork.__name__,
}
_OF_REVIEWER = {
    "launching": LaunchReviewer.__name__,
    "stopping": StopRun.__name__,
    "submitting": SubmitReview.__name__,
}
"""The effect that is promised while a run is in a phase."""


class Draft:
    """A sprint under change. Lives only inside one call of `step`; the sprint it was made from is never touched."""

    def __init__(self, sprint: Sprint, now: Now) -> None:
        self.plan = sprint.plan
        self.head = msgspec.structs.replace(sprint.head, age=sprint.head.age.at(now), seq=sprint.head.seq + 1)
        self.tasks = dict(sprint.tasks)
        self.touched: dict[TaskId, Task] = {}
        self._before = sprint
        self._index = sprint.index or Index.of(sprint.plan.dag, sprint.tasks)
        self._unindexed: dict[TaskId, Task] = {}
        self._intents: list[Intent] = []
        self._withdrawn: list[EffectKey] = []

    @property
    def age(self) -> timedelta:
        """The sprint's age at this event."""
        return self.head.age.lived

    def edit(self, task: TaskId, **changes: Any) -> Task:
        """Replace fields of a task's row."""
        before = self.tasks[task]
        row = msgspec.structs.replace(before, **changes)
        self.touched.setdefault(task, before)
        self._unindexed.setdefault(task, before)
        self.tasks[task] = row
        return row

    def edit_head(self, **changes: Any) -> None:
        """Replace fields of the sprint's head row."""
        self.head = msgspec.structs.replace(self.head, **changes)

    def task_plan(self, task: TaskId) -> TaskPlan:
        """What the plan says of a task."""
        return self._index.plan.plans[task]

    @property
    def index(self) -> Index:
        """The index of the rows as they are now."""
        if self._unindexed:
            after = [self.tasks[task] for task in self._unindexed]
            self._index = self._index.moved(self._unindexed, after)
            self._unindexed = {}
        return self._index

    def want(self, effect: Effect, ordinal: str | int) -> None:
        """Promise an effect. `ordinal` tells it from others of its kind for that task, and never repeats."""
        self._intents.append(
            Intent(key=self._key(type(effect).__name__, effect.task, ordinal), effect=effect)
        )

    def note(self, task: TaskId, number: int, text: str) -> None:
        """Promise a comment."""
        row = self.edit(task, notes=self.tasks[task].notes + 1)
        self.want(PostComment(task, number, text), row.notes)

    def stop_author(self, task: TaskId) -> None:
        """Promise the end of the author's present run, and take back what would still start it."""
        run = self.tasks[task].author
        if run is None or run.phase in ("stopping", "collecting", "saving"):
            return
        if run.phase == "preparing":
            self._withdraw(PrepareWork.__name__, task, run.ordinal)
        elif run.phase == "launching":
            self._withdraw(LaunchAuthor.__name__, task, run.ordinal)
        self.edit(task, author=msgspec.structs.replace(run, phase="stopping"))
        agent = self.task_plan(task).assigned_to
        effect = StopRun(task=task, agent=agent, run=run.ordinal, grace=self.head.limits.stop_grace)
        self.want(effect, f"{agent}.{run.ordinal}")

    def stop_reviewers(self, task: TaskId) -> None:
        """Promise the end of all reviewers' runs of a task, and take back what would still start them."""
        for review in self.tasks[task].reviewers:
            if review.phase not in ("launching", "running"):
                continue
            if review.phase == "launching":
                self._withdraw(LaunchReviewer.__name__, task, f"{review.agent}.{review.run}")
            self.edit_review(task, review, phase="stopping")
            effect = StopRun(task=task, agent=review.agent, run=review.run, grace=self.head.limits.stop_grace)
            self.want(effect, f"{review.agent}.{review.run}")

    def drop_author(self, task: TaskId) -> None:
        """Forget the author's present run, of which nothing lives, and take back all that was promised for its work."""
        row = self.tasks[task]
        if row.author is not None:
            kind = _OF_AUTHOR.get(row.author.phase)
            agent = self.task_plan(task).assigned_to
            ordinal = row.author.ordinal
            if kind is not None:
                self._withdraw(kind, task, f"{agent}.{ordinal}" if kind == StopRun.__name__ else ordinal)
            self.edit(task, author=None)
        elif row.status is Status.IN_PROGRESS and not row.wanted:
            if row.runs and not (isinstance(row.round, Conflict) and row.pull_request is None):
                self._withdraw(PushBranch.__name__, task, row.runs)
            if row.pull_requests:
                self._withdraw(OpenPullRequest.__name__, task, row.pull_requests)

    def drop_review(self, task: TaskId, review: ReviewRun) -> None:
        """Take back all that was promised for a reviewer's run, of which nothing lives."""
        kind = _OF_REVIEWER.get(review.phase)
        if kind is not None:
            self._withdraw(kind, task, f"{review.agent}.{review.run}")

    def bind_issue(self, task: TaskId, number: int) -> None:
        """Bind an issue that stands already, and take back that it has to be opened."""
        self._withdraw(CreateIssue.__name__, task, 1)
        self.edit(task, issue=number)

    def unsend_merge(self, task: TaskId) -> None:
        """Take back a merge that was sent and has not begun."""
        row = self.tasks[task]
        if row.merging:
            self._withdraw(MergePullRequest.__name__, task, row.merges)
            self.edit(task, merging=False)

    def edit_review(self, task: TaskId, review: ReviewRun, **changes: Any) -> ReviewRun:
        """Replace fields of one reviewer's part in a task."""
        after = msgspec.structs.replace(review, **changes)
        rows = self.tasks[task].reviewers
        self.edit(task, reviewers=tuple(after if r.agent == review.agent else r for r in rows))
        return after

    def edit_author(self, task: TaskId, run: AuthorRun, **changes: Any) -> AuthorRun:
        """Replace fields of a task's present author's run."""
        after = msgspec.structs.replace(run, **changes)
        self.edit(task, author=after)
        return after

    def backoff(self, failures: int) -> timedelta:
        """The age at which to try again after `failures` in a row: the first wait doubled each time, up to the cap."""
        limits = self.head.limits
        doublings = min(max(failures - 1, 0), 32)
        return self.age + min(limits.retry_first * (1 << doublings), limits.retry_cap)

    def done(self) -> Step:
        """Close the draft."""
        changed = tuple(self.tasks[t] for t, before in self.touched.items() if self.tasks[t] != before)
        before = self._before.head
        clock_only = msgspec.structs.replace(self.head, age=before.age, seq=before.seq)
        nothing = not (changed or self._intents or self._withdrawn) and clock_only == before
        return Step(
            sprint=Sprint(plan=self.plan, head=self.head, tasks=self.tasks, index=self.index),
            changed=changed,
            intents=tuple(self._intents),
            withdrawn=tuple(self._withdrawn),
            idle=nothing and self.head.age.counted_on(before.age),
        )

    def _key(self, kind: str, task: TaskId, ordinal: str | int) -> EffectKey:
        return EffectKey(f"{self.head.id}/{task}/{kind}/{ordinal}")

    def _withdraw(self, kind: str, task: TaskId, ordinal: str | int) -> None:
        key = self._key(kind, task, ordinal)
        kept = [intent for intent in self._intents if intent.key != key]
        if len(kept) == len(self._intents):
            self._withdrawn.append(key)
        self._intents = kept
