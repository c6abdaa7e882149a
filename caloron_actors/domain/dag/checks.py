"""What must hold between the parts of a plan, whatever format it came in: names, references, reviewers, cycles."""

import re
from collections.abc import Iterable, Mapping

from caloron_actors.domain.dag.cycles import find_cycles
from caloron_actors.domain.dag.draft import Draft, DraftAgent, DraftTask
from caloron_actors.domain.dag.findings import Findings, counted, id_fault, shown
from caloron_actors.domain.dag.reader import Mention
from caloron_actors.domain.ids import REPOSITORY_RULE, is_id, is_repository

FRAMEWORKS = ("claude-code", "codex-cli", "gemini-cli", "cursor-cli", "open-code", "aider", "stub")
"""The frameworks an agent can name."""

_STEPS_PRINTED = 20_000  # many thousands of entangled cycles need not all be read to be undone
_NO_BRANCH = re.compile(r"^$|^[-/.]|[\s~^:?*\[\\\x00-\x1f\x7f]|\.\.|//|/\.|@\{|\.lock(/|$)|[/.]$|^@$")


def check_draft(draft: Draft, findings: Findings) -> None:
    """Note every mistake of a plan that can be seen from its parts together."""
    _check_sprint(draft, findings)
    _check_agents(draft.agents, findings)
    agents = {agent.id.text: agent for agent in draft.agents if agent.id}
    first = _first_by_id("task", [(task.id, False) for task in draft.tasks], findings)
    for task in draft.tasks:
        check = _TaskCheck(task, findings)
        check.agents(agents)
        check.dependencies(first)
        check.reviewers(draft)
    if draft.supervisor is not None and draft.supervisor.text not in agents:
        name = draft.supervisor.text
        near = findings.near(name, agents)
        findings.add(draft.supervisor.place, f"there is no agent {shown(name)}{near}")
    _check_cycles(draft.tasks, findings)


def _check_sprint(draft: Draft, findings: Findings) -> None:
    if draft.id is not None and not is_id(draft.id.text):
        findings.add(draft.id.place, f"the id {shown(draft.id.text)} {id_fault(draft.id.text)}")
    repository, branch = draft.repository, draft.base_branch
    if repository is not None and not is_repository(repository.text):
        findings.add(
            repository.place, f"{shown(repository.text)} is no repository's name; write {REPOSITORY_RULE}"
        )
    if branch is not None and (_NO_BRANCH.search(branch.text) or not branch.text.isprintable()):
        findings.add(
            branch.place, f"{shown(branch.text)} is not a name git gives to branches; write one like 'main'"
        )


def _check_agents(agents: Iterable[DraftAgent], findings: Findings) -> None:
    _first_by_id("agent", [(agent.id, agent.implied) for agent in agents], findings)
    for agent in agents:
        framework = agent.framework
        if framework is not None and framework.text not in FRAMEWORKS:
            near = findings.near(framework.text, FRAMEWORKS)
            findings.add(framework.place, f"there is no framework {shown(framework.text)}{near}")


def _first_by_id(
    kind: str, ids: Iterable[tuple[Mention | None, bool]], findings: Findings
) -> dict[str, Mention]:
    """Note bad and repeated ids; give each id's first place. An implied id is judged where it comes from."""
    first: dict[str, Mention] = {}
    for mention, implied in ids:
        if mention is None:
            continue
        before = first.setdefault(mention.text, mention)
        if before is not mention:
            findings.add(
                mention.place,
                f"{kind} {shown(mention.text)} is given twice, first by {before.place}; give each its own id",
            )
        elif not implied and not is_id(mention.text):
            findings.add(mention.place, f"the {kind} id {shown(mention.text)} {id_fault(mention.text)}")
    return first


class _TaskCheck:
    """The checks of one task against the rest of the plan."""

    def __init__(self, task: DraftTask, findings: Findings) -> None:
        self._task = task
        self._findings = findings
        plain = task.id is not None and is_id(task.id.text)
        self._about = f"task {task.id.text}: " if task.id and plain else ""

    def agents(self, agents: Mapping[str, DraftAgent]) -> None:
        """Its author and its reviewers exist."""
        author = self._task.assigned_to
        for mention in (*((author,) if author else ()), *self._task.reviewed_by.names):
            if mention.text not in agents:
                near = self._findings.near(mention.text, agents)
                self._refuse(mention.place, f"there is no agent {shown(mention.text)}{near}")
        self._refuse_repeated(self._task.reviewed_by.names, "reviewer")

    def dependencies(self, tasks: Mapping[str, Mention]) -> None:
        """Its dependencies exist, and are other tasks."""
        for mention in self._task.depends_on.names:
            if self._task.id and mention.text == self._task.id.text:
                self._refuse(mention.place, "the task depends on itself; remove this dependency")
            elif mention.text not in tasks:
                near = self._findings.near(mention.text, tasks)
                self._refuse(mention.place, f"there is no task {shown(mention.text)}{near}")
        self._refuse_repeated(self._task.depends_on.names, "dependency")

    def reviewers(self, draft: Draft) -> None:
        """It can get the approvals that the plan requires: from others than its author, as many as needed."""
        needed, reviewed_by, author = draft.approvals, self._task.reviewed_by, self._task.assigned_to
        if not needed:
            return
        for mention in reviewed_by.names:
            if author is not None and mention.text == author.text:
                self._refuse(
                    mention.place,
                    f"{shown(mention.text)} is the author, whose own approval does not count; name another agent, "
                    f"or {draft.no_approvals}",
                )
        names = {mention.text for mention in reviewed_by.names}
        if len(names) < needed and reviewed_by.whole:
            required = f"{counted(needed, 'approval')} {'is' if needed == 1 else 'are'} required"
            has = counted(len(names), "reviewer") if names else "no reviewer"
            self._refuse(
                reviewed_by.place,
                f"the task has {has}, but {required}; name {counted(needed - len(names), 'more agent')}, "
                f"or {draft.no_approvals}",
            )

    def _refuse_repeated(self, names: Iterable[Mention], kind: str) -> None:
        seen: set[str] = set()
        for mention in names:
            if mention.text in seen:
                self._refuse(mention.place, f"the {kind} {shown(mention.text)} is given twice; keep one")
            seen.add(mention.text)

    def _refuse(self, place: str, message: str) -> None:
        self._findings.add(place, self._about + message)


def _check_cycles(tasks: Iterable[DraftTask], findings: Findings) -> None:
    edges: dict[str, dict[str, str]] = {}
    for task in tasks:
        if task.id is not None and task.id.text not in edges:
            edges[task.id.text] = {
                name.text: name.place for name in task.depends_on.names if name.text != task.id.text
            }
    printed = 0
    for cycle in find_cycles({name: tuple(following) for name, following in edges.items()}):
        if printed > _STEPS_PRINTED:
            findings.add("tasks", "there are more cycles than these; they show when these are undone")
            return
        printed += len(cycle)
        round_trip = " -> ".join(name if is_id(name) else shown(name) for name in (*cycle, cycle[0]))
        place = edges[cycle[0]][cycle[1]]
        findings.add(
            place, f"these tasks wait for each other in a cycle: {round_trip}; remove one dependency of it"
        )
