"""The promises of the service, checked while a simulation runs and at its end. Looks at the world, not at the service."""

import re
from collections import Counter

from caloron_actors.adapters.memory.forge import MemoryForge
from caloron_actors.domain.dag import Dag
from caloron_actors.domain.ids import AgentId, Commit, SprintId, TaskId, branch_name
from caloron_actors.ports.journal import Entry
from caloron_actors.ports.launcher import LaunchOrder, RunId
from tests.simulation.storage import Disk

MARK = re.compile(r"<!-- caloron:(\S+) [0-9a-f]{32} -->")
AUTHOR = "caloron"


class Checks:
    """Gathers what was broken. `plans` are the sprints of the seed."""

    def __init__(self, plans: dict[SprintId, Dag], forge: MemoryForge, live: set[RunId]) -> None:
        self.broken: list[str] = []
        self._plans = plans
        self._rules = forge._rules
        self._live = live

    def say(self, words: str) -> None:
        """Note a broken promise."""
        self.broken.append(words)

    def starting(self, order: LaunchOrder) -> None:
        """A process is about to start: the only one of its task's author and of its agent, after all that it needs."""
        run = order.run
        plan = next(task for task in self._plans[run.sprint].tasks if task.id == run.task)
        for other in sorted(self._live):
            if (other.sprint, other.agent) == (run.sprint, run.agent):
                self.say(f"{run} starts while {other} lives")
        if run.agent == plan.assigned_to:
            for need in plan.depends_on:
                if not self.merged(run.sprint, need):
                    self.say(f"{run} starts before {need} is merged")

    def merged(self, sprint: SprintId, task: TaskId) -> bool:
        """Whether a pull request of the task's branch is merged."""
        branch = self.branch(sprint, task)
        return any(pull.merged for pull in self._rules.pulls.values() if pull.head_branch == branch)

    def branch(self, sprint: SprintId, task: TaskId) -> str:
        plan = next(found for found in self._plans[sprint].tasks if found.id == task)
        return branch_name(plan.assigned_to, sprint, task)

    def merging(self, number: int, head: Commit) -> None:
        """The service is about to merge: enough different accounts that may decide have approved this very commit."""
        pull = self._rules.pulls.get(number)
        if pull is None or pull.state != "open" or self._rules.git.head(pull.head_branch) != head:
            return  # the forge will refuse it
        sprint = next((s for s, plan in self._plans.items() if pull.head_branch.split("/")[2] == s), None)
        if sprint is None:
            self.say(f"pull request #{number} is none of the service's, and it merges it")
            return
        needed = self._plans[sprint].review.required_approvals
        approved = {
            review.author
            for review in self._rules.reviews[number]
            if review.state == "approved" and review.commit == head and self._may_decide(review.author)
        }
        if len(approved) < needed:
            self.say(f"#{number} is merged at {head[:8]} with {len(approved)} of {needed} approvals")

    def _may_decide(self, login: str | None) -> bool:
        return login is not None and login != AUTHOR and self._rules.may_write(login)

    def at_the_end(self, disk: Disk, reviewers: dict[AgentId, str]) -> None:
        """Everything that must hold once nothing is owed any more."""
        self._each_mark_once({AUTHOR, *reviewers.values()})
        self._acknowledged(disk)
        self.broken += disk.replayed()
        for sprint in self._plans:
            self._forge_is_as_stored(disk, sprint)
        if self._live:
            self.say(f"still alive: {sorted(map(str, self._live))}")

    def _each_mark_once(self, ours: set[str]) -> None:
        """Each effect wrote at most one thing: its key is in the mark of what it wrote."""
        rules = self._rules
        written = [
            *((issue.author, issue.body) for issue in rules.issues.values()),
            *((pull.author, pull.body) for pull in rules.pulls.values()),
            *((comment.author, comment.body) for there in rules.comments.values() for comment in there),
            *((review.author, review.body) for there in rules.reviews.values() for review in there),
        ]
        counted = Counter(key for author, body in written if author in ours for key in MARK.findall(body))
        for key, times in counted.items():
            if times > 1:
                self.say(f"{key} was written {times} times")

    def _acknowledged(self, disk: Disk) -> None:
        """What a commit's caller was told stands in the journal, and its promises are known to it."""
        rows = {(s, n): k for s, n, k in disk.native.execute("SELECT sprint, seq, kind FROM events")}
        known = dict(disk.native.execute("SELECT key, state FROM intents"))
        for entry in disk.acknowledged:
            self._one_acknowledged(entry, rows, known)

    def _one_acknowledged(
        self, entry: Entry, rows: dict[tuple[str, int], str], known: dict[str, str]
    ) -> None:
        place = (entry.head.id, entry.head.seq)
        if rows.get(place) != type(entry.event).__name__:
            self.say(f"the acknowledged {type(entry.event).__name__} at {place} is lost: {rows.get(place)}")
        for intent in entry.intents:
            if intent.key not in known:
                self.say(f"the promise {intent.key} is lost")
        if entry.settled is not None and known.get(entry.settled) != "settled":
            self.say(f"{entry.settled} was settled and is {known.get(entry.settled)}")

    def _forge_is_as_stored(self, disk: Disk, sprint: SprintId) -> None:
        stored = disk.sprint(sprint)
        if stored is None:
            self.say(f"sprint {sprint} is lost")
            return
        if left := disk.open_keys(sprint):
            self.say(f"{sprint} still owes {left}")
        for row in stored.tasks.values():
            branch = self.branch(sprint, row.id)
            pulls = [pull for pull in self._rules.pulls.values() if pull.head_branch == branch]
            merged = [pull.number for pull in pulls if pull.merged]
            if len(merged) > 1:
                self.say(f"{sprint}/{row.id} was merged as {merged}")
            if (row.status == "done") != bool(merged) and not row.final:
                self.say(f"{sprint}/{row.id} is {row.status}, merged pull requests: {merged}")
            if row.status == "done" and not merged:
                self.say(f"{sprint}/{row.id} is done without a merge")
            self._labels(sprint, row.issue, row.pull_request, row.labels)

    def _labels(self, sprint: SprintId, issue: int | None, pull: int | None, worn: tuple[str, ...]) -> None:
        for kind, number in (("issue", issue), ("pull", pull)):
            if number is None:
                continue
            want = {label.partition(":")[2] for label in worn if label.startswith(f"{kind}:")}
            have = {name for name in self._rules.labels(number) if name != "caloron:task"}
            if want != have:
                self.say(f"{sprint}: {kind} #{number} wears {sorted(have)} instead of {sorted(want)}")
