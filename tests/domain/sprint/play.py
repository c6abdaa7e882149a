"""A sprint played by hand: a test says what happens, the play keeps the promised effects and holds every rule."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal, TypeVar

import msgspec

from caloron_actors.domain import effects as fx
from caloron_actors.domain import events as ev
from caloron_actors.domain.dag import Dag
from caloron_actors.domain.ids import AgentId, Commit, EffectKey, TaskId
from caloron_actors.domain.sprint.schedule import condition
from caloron_actors.domain.sprint.state import Refused, Sprint, Step
from caloron_actors.domain.task import Review, Status, Task
from tests.domain.sprint.plans import AUTHOR_LOGIN, FIRST_BOOT, PATIENT, review, sha, sprint_plan
from tests.domain.sprint.rules import Ledger, checked_step

E = TypeVar("E", bound=fx.Effect)
Verdict = Literal["approve", "request_changes"]


class Play:
    """The sprint, the clock, and the effects that were promised and not yet carried out."""

    def __init__(self, plan: Dag, limits: ev.Limits = PATIENT, *, begin: bool = True) -> None:
        self.now = FIRST_BOOT
        self.limits = limits
        self.sprint = Sprint.new(sprint_plan(plan), self.now, limits)
        self.open: dict[EffectKey, fx.Intent] = {}
        self.past: list[fx.Effect] = []
        self.ledger = Ledger()
        self._number = 100
        if begin:
            self.start()
            self.give_issues()

    def try_tell(self, event: ev.Event) -> Step | Refused:
        """Let something happen; the sprint moves unless it refuses."""
        moved = checked_step(self.sprint, event, self.now, self.ledger)
        if isinstance(moved, Step):
            self.sprint = moved.sprint
            for key in moved.withdrawn:
                self.open.pop(key, None)
            for intent in moved.intents:
                self.open[intent.key] = intent
                self.past.append(intent.effect)
        return moved

    def tell(self, event: ev.Event) -> Step:
        """Let something happen that the sprint has to accept."""
        moved = self.try_tell(event)
        assert isinstance(moved, Step), moved
        return moved

    def refuses(self, event: ev.Event) -> str:
        """Let something happen that the sprint has to refuse; gives its reason."""
        moved = self.try_tell(event)
        assert isinstance(moved, Refused), event
        return moved.reason

    def row(self, task: str) -> Task:
        """A task's row."""
        return self.sprint.tasks[TaskId(task)]

    def statuses(self) -> dict[str, str]:
        """Every task's status."""
        return {name: row.status.value for name, row in self.sprint.tasks.items()}

    @property
    def condition(self) -> str:
        """Whether the sprint runs, is blocked or has ended."""
        return condition(self.sprint)

    def wait(self, duration: timedelta) -> None:
        """Let time pass and tell the sprint."""
        wall, awake = self.now.wall + duration, self.now.awake + duration
        self.now = msgspec.structs.replace(self.now, wall=wall, awake=awake)
        self.try_tell(ev.TimePassed())

    def reboot(self, away: timedelta) -> None:
        """The host is away for a while: its awake clock begins anew."""
        wall = self.now.wall + away
        self.now = msgspec.structs.replace(self.now, wall=wall, awake=timedelta(0), boot_id=f"{wall}")

    def effects(self, kind: type[E], task: str | None = None) -> list[E]:
        """The open effects of a kind."""
        found = [i.effect for i in self.open.values() if isinstance(i.effect, kind)]
        return [effect for effect in found if task in (None, effect.task)]

    def take(self, kind: type[E], task: str, agent: str | None = None) -> E:
        """Take the oldest open effect of a kind, to carry it out."""
        for key, intent in self.open.items():
            effect = intent.effect
            if isinstance(effect, kind) and effect.task == task:
                if agent is not None and getattr(effect, "agent", None) != agent:
                    continue
                del self.open[key]
                return effect
        raise AssertionError(f"no {kind.__name__} for {task} is promised: {list(self.open)}")

    def number(self) -> int:
        """A number the forge has not given yet."""
        self._number += 1
        return self._number

    def start(self) -> Step:
        """The service takes the sprint up."""
        return self.tell(ev.SprintStarted(self.limits, AUTHOR_LOGIN))

    def give_issues(self) -> None:
        """The forge opens every issue that was asked for, numbered from 1."""
        for number, effect in enumerate(self.effects(fx.CreateIssue), start=1):
            self.take(fx.CreateIssue, effect.task)
            self.tell(ev.IssueCreated(effect.task, number))

    def prepare(self, task: str, *, conflicts: tuple[str, ...] = ()) -> int:
        """The working copy stands ready. Gives the run's number."""
        effect = self.take(fx.PrepareWork, task)
        start = effect.head or sha("base")
        self.tell(ev.WorkPrepared(task=effect.task, run=effect.run, start=start, conflicts=conflicts))
        return effect.run

    def launch(self, task: str, *, conflicts: tuple[str, ...] = ()) -> int:
        """The author's process starts. Gives the run's number."""
        self.prepare(task, conflicts=conflicts)
        effect = self.take(fx.LaunchAuthor, task)
        self.tell(ev.RunStarted(task=effect.task, agent=effect.agent, run=effect.run, role="author"))
        return effect.run

    def ends(
        self,
        task: str,
        result: Literal["finished", "failed", "stopped", "not_started"] = "finished",
        detail: str = "it broke",
    ) -> None:
        """The author's process ends."""
        run = self.row(task).author
        assert run is not None
        self.tell(ev.AuthorEnded(task=TaskId(task), run=run.ordinal, result=result, detail=detail))

    def collect(self, task: str) -> Commit:
        """The author's work becomes a commit of its own."""
        effect = self.take(fx.CollectWork, task)
        commit = sha(f"{task}-{effect.run}")
        self.tell(ev.WorkCollected(task=effect.task, run=effect.run, commit=commit))
        return commit

    def no_work(self, task: str, *, unresolved: tuple[str, ...] = ()) -> None:
        """The author has left nothing that could be taken."""
        effect = self.take(fx.CollectWork, task)
        reason = "the agent changed nothing"
        self.tell(ev.WorkMissing(task=effect.task, run=effect.run, reason=reason, unresolved=unresolved))

    def push(self, task: str) -> None:
        """The branch is pushed, and its pull request opened when it has none."""
        effect = self.take(fx.PushBranch, task)
        self.tell(ev.BranchPushed(effect.task, effect.commit))
        if self.effects(fx.OpenPullRequest, task):
            self.take(fx.OpenPullRequest, task)
            self.tell(ev.PullRequestOpened(effect.task, self.number()))

    def work(self, task: str, *, conflicts: tuple[str, ...] = ()) -> Commit:
        """An attempt that succeeds, from its preparation to the pull request. Gives the new head."""
        self.launch(task, conflicts=conflicts)
        self.ends(task)
        commit = self.collect(task)
        self.push(task)
        return commit

    def start_review(self, task: str, agent: str = "rev") -> int:
        """A reviewer's process starts. Gives the run's number."""
        effect = self.take(fx.LaunchReviewer, task, agent)
        self.tell(ev.RunStarted(task=effect.task, agent=effect.agent, run=effect.run, role="reviewer"))
        return effect.run

    def end_review(
        self, task: str, verdict: Verdict | None, agent: str = "rev", text: str = "", *, stopped: bool = False
    ) -> None:
        """A reviewer's process ends."""
        run = next(r for r in self.row(task).reviewers if r.agent == agent)
        event = ev.ReviewerEnded(
            task=TaskId(task),
            agent=AgentId(agent),
            run=run.run,
            verdict=verdict,
            detail=text,
            stopped=stopped,
        )
        self.tell(event)

    def submit(self, task: str, agent: str = "rev") -> Review:
        """A reviewer's verdict is written on the forge."""
        effect = self.take(fx.SubmitReview, task, agent)
        state: Literal["approved", "changes_requested"] = (
            "approved" if effect.verdict == "approve" else "changes_requested"
        )
        told = review(self.number(), effect.agent, effect.head, state, effect.text)
        said = msgspec.structs.replace(told, by_agent=True)
        self.tell(ev.ReviewSubmitted(task=effect.task, agent=effect.agent, run=effect.run, review=said))
        return said

    def judge(self, task: str, verdict: Verdict, agent: str = "rev", text: str = "better, please") -> Review:
        """A whole review, from its start to the forge."""
        self.start_review(task, agent)
        self.end_review(task, verdict, agent, text)
        return self.submit(task, agent)

    def silence(self, task: str, agent: str = "rev", times: int = 3) -> None:
        """A reviewer that says nothing, however often it is asked."""
        for _ in range(times):
            self.start_review(task, agent)
            self.end_review(task, None, agent, "it printed nothing")
            self.wait(timedelta(minutes=1))

    def merge(self, task: str) -> None:
        """The forge merges."""
        effect = self.take(fx.MergePullRequest, task)
        self.tell(ev.PullRequestMerged(effect.task, sha(f"merge-{task}")))

    def finish(self, *tasks: str) -> None:
        """Everything goes well with these tasks."""
        for task in tasks:
            self.work(task)
            for agent in [r.agent for r in self.row(task).reviewers]:
                self.judge(task, "approve", agent)
            self.merge(task)

    def looked(
        self,
        task: str,
        *,
        state: Literal["open", "closed"] = "open",
        merged_by: str | None = None,
        head: Commit | None = None,
        reviews: Sequence[Review] = (),
    ) -> ev.TaskObserved:
        """What a look at the forge tells of a task's pull request; with `merged_by` it is merged."""
        row = self.row(task)
        assert row.pull_request is not None
        assert row.head is not None
        fact = ev.PullRequestFact(
            number=row.pull_request,
            state="closed" if merged_by else state,
            merged=merged_by is not None,
            merge_commit=sha(f"merge-{task}") if merged_by else None,
            merged_by=merged_by,
            head=head or row.head,
            reviews=tuple(reviews),
        )
        return ev.TaskObserved(task=TaskId(task), pull_request=fact)

    def issue_closed(self, task: str, by: str | None = "maria") -> ev.TaskObserved:
        """What a look tells of a task's issue that was closed."""
        number = self.row(task).issue
        assert number is not None
        return ev.TaskObserved(
            task=TaskId(task), issue=ev.IssueFact(number=number, state="closed", closed_by=by)
        )

    def is_now(self, task: str, status: Status, words: str | None = None) -> None:
        """Assert a task's status, and words of its reason (None: it has no reason)."""
        row = self.row(task)
        assert row.status is status, (row.status, row.reason)
        assert (row.reason is None) if words is None else words in (row.reason or "")
