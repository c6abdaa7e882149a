"""How the world answers each kind of effect: one of its possible outcomes, drawn from the tape."""

from collections.abc import Iterator
from typing import Literal, assert_never

from msgspec.structs import replace

from caloron_actors.domain import effects as fx
from caloron_actors.domain import events as ev
from caloron_actors.domain.dag import Dag
from caloron_actors.domain.ids import AgentId, TaskId
from tests.domain.sprint.outside import Place, Process, Pull, Tape, TinyForge
from tests.domain.sprint.plans import AUTHOR_LOGIN

RunKey = tuple[TaskId, AgentId, int]
PATHS = ("a.txt",)
Said = Literal["approve", "request_changes"]
_SAYS: tuple[Said | None, ...] = ("approve", "approve", "request_changes", None)
_ENDS: tuple[Literal["finished", "failed"], ...] = ("finished", "finished", "finished", "failed")


class Answers:
    """The forge and the processes, changed by effects as they are carried out."""

    def __init__(self, plan: Dag, tape: Tape) -> None:
        self.tape = tape
        self.forge = TinyForge()
        self.runs: dict[RunKey, Process] = {}
        self.given_up: set[RunKey] = set()
        self._authors = {task.id: task.assigned_to for task in plan.tasks}

    def to(self, effect: fx.Effect) -> ev.TaskEvent:  # noqa: C901, PLR0911, PLR0912 - one line a kind
        """Carry an effect out; its outcome."""
        place = self.forge.place(effect.task)
        if not isinstance(effect, fx.StopRun) and self.tape.one_of([False] * 15 + [True]):
            return ev.EffectRejected(task=effect.task, effect=effect, reason="no")
        match effect:
            case fx.CreateIssue():
                place.issue = self.forge.number()
                return ev.IssueCreated(effect.task, place.issue)
            case fx.AddLabel() | fx.RemoveLabel() | fx.PostComment() | fx.CloseIssue():
                return ev.NoteWritten(effect.task)
            case fx.PrepareWork():
                conflicts = self.tape.one_of([PATHS, PATHS, ()]) if effect.merge_base_in else ()
                start = effect.head or self.forge.commit()
                return ev.WorkPrepared(task=effect.task, run=effect.run, start=start, conflicts=conflicts)
            case fx.LaunchAuthor():
                return self._launch(Process(effect.task, effect.agent, effect.run, "author"))
            case fx.LaunchReviewer():
                return self._launch(Process(effect.task, effect.agent, effect.run, "reviewer"))
            case fx.CollectWork():
                return self._collect(effect)
            case fx.SaveWork():
                commit = self.tape.one_of([self.forge.commit(), None])
                return ev.WorkSaved(task=effect.task, run=effect.run, commit=commit)
            case fx.PushBranch():
                return self._push(place, effect)
            case fx.OpenPullRequest():
                pull = place.open_pull or Pull(self.forge.number())
                place.pulls[pull.number] = pull
                return ev.PullRequestOpened(effect.task, pull.number)
            case fx.SubmitReview():
                return self._submit(place, effect)
            case fx.MergePullRequest():
                return self._merge(place, effect)
            case fx.StopRun():
                return self._stop(effect)
            case _:
                assert_never(effect)

    def _launch(self, run: Process) -> ev.TaskEvent:
        key = (run.task, run.agent, run.run)
        assert key not in self.runs, "no run is launched twice"
        busy = [p for p in self.runs.values() if p.alive and run.agent == p.agent]
        assert not busy, "an agent has one process at most"
        if key in self.given_up or self.tape.one_of([False] * 7 + [True]):
            return ev.LaunchFailed(
                task=run.task, agent=run.agent, run=run.run, role=run.role, reason="no room"
            )
        run.started = run.role == "reviewer" or self.tape.one_of([True] * 5 + [False])
        self.runs[key] = run
        return ev.RunStarted(task=run.task, agent=run.agent, run=run.run, role=run.role)

    def _collect(self, effect: fx.CollectWork) -> ev.TaskEvent:
        unresolved = PATHS if effect.must_resolve else ()
        missing = ev.WorkMissing(task=effect.task, run=effect.run, reason="it changed nothing")
        still = ev.WorkMissing(task=effect.task, run=effect.run, reason="markers", unresolved=unresolved)
        got = ev.WorkCollected(task=effect.task, run=effect.run, commit=self.forge.commit())
        answers: list[ev.TaskEvent] = [got, got, got, missing, still]
        return self.tape.one_of(answers)

    def _push(self, place: Place, effect: fx.PushBranch) -> ev.TaskEvent:
        if place.branch not in (effect.expected, effect.commit):
            return ev.EffectRejected(task=effect.task, effect=effect, reason="the branch stands elsewhere")
        place.branch = effect.commit
        return ev.BranchPushed(effect.task, effect.commit)

    def _submit(self, place: Place, effect: fx.SubmitReview) -> ev.TaskEvent:
        pull = place.open_pull
        if pull is None:
            return ev.EffectRejected(task=effect.task, effect=effect, reason="no open pull request")
        state: Literal["approved", "changes_requested"] = (
            "approved" if effect.verdict == "approve" else "changes_requested"
        )
        said = replace(self.forge.review(pull, effect.agent, state, effect.head), by_agent=True)
        return ev.ReviewSubmitted(task=effect.task, agent=effect.agent, run=effect.run, review=said)

    def _merge(self, place: Place, effect: fx.MergePullRequest) -> ev.TaskEvent:
        pull = place.pulls[effect.number]
        if pull.merge_commit is not None:
            return ev.PullRequestMerged(effect.task, pull.merge_commit, pull.merged_by)
        if not pull.open or place.branch != effect.head:
            return ev.MergeRefused(effect.task, effect.head, "closed, or the head has moved")
        match self.tape.one_of(["merged", "merged", "merged", "conflict", "refused"]):
            case "merged":
                return ev.PullRequestMerged(effect.task, self.forge.merge(place, pull, AUTHOR_LOGIN))
            case "conflict":
                return ev.MergeConflicted(effect.task, effect.head, PATHS)
            case _:
                return ev.MergeRefused(effect.task, effect.head, "a rule of the branch")

    def _stop(self, effect: fx.StopRun) -> ev.TaskEvent:
        key = (effect.task, effect.agent, effect.run)
        role: Literal["author", "reviewer"] = (
            "author" if self._authors[effect.task] == effect.agent else "reviewer"
        )
        run = self.runs.get(key)
        if run is None:
            self.given_up.add(key)
            return ev.LaunchFailed(
                task=effect.task, agent=effect.agent, run=effect.run, role=role, reason="given up"
            )
        run.alive = False
        if role == "author":
            result: Literal["stopped", "not_started"] = "stopped" if run.started else "not_started"
            return ev.AuthorEnded(task=run.task, run=run.run, result=result)
        return ev.ReviewerEnded(task=run.task, agent=run.agent, run=run.run, verdict=None, stopped=True)

    def end(self, run: Process, *, orphaned: bool = False) -> Iterator[ev.TaskEvent]:
        """A process ends by itself; its end is told when the sprint has it watched."""
        run.alive = False
        if not run.watched:
            return
        if run.role == "reviewer":
            verdict = None if orphaned else self.tape.one_of(_SAYS)
            yield ev.ReviewerEnded(
                task=run.task, agent=run.agent, run=run.run, verdict=verdict, detail="so", stopped=orphaned
            )
        elif not run.started:
            yield ev.AuthorEnded(task=run.task, run=run.run, result="not_started", detail="no such command")
        else:
            result = "stopped" if orphaned else self.tape.one_of(_ENDS)
            yield ev.AuthorEnded(task=run.task, run=run.run, result=result, detail="so")
