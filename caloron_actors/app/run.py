"""`run`: one sprint from its plan to its outcome, going on where an earlier run of it has stopped."""

import hashlib
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import anyio
import msgspec
import structlog

from caloron_actors.actors.asking import ASK_FAILURES
from caloron_actors.actors.poller import LookNow
from caloron_actors.actors.sprint import Look
from caloron_actors.adapters.sqlite import SqliteJournal, StateDirectory
from caloron_actors.adapters.system import SystemClock
from caloron_actors.app.commands import commands_for
from caloron_actors.app.follower import Follower
from caloron_actors.app.host import Host, OpenHost, open_real_host
from caloron_actors.app.mistakes import mistake
from caloron_actors.app.options import HostOptions
from caloron_actors.app.real import DATABASE, FORGE
from caloron_actors.app.repository import (
    check_base_branch,
    check_outside,
    inspect,
    repository_name,
)
from caloron_actors.app.support import check_supported
from caloron_actors.app.suspending import owes, suspend
from caloron_actors.domain.dag import Dag
from caloron_actors.domain.events import Limits
from caloron_actors.domain.ids import SprintId, TaskId
from caloron_actors.domain.sprint.schedule import condition
from caloron_actors.domain.sprint.state import Sprint, SprintPlan
from caloron_actors.git import Git, GitUnusable
from caloron_actors.ports.commands import Argv
from caloron_actors.ports.watching import Watcher
from caloron_actors.views.report import render_report
from caloron_actors.views.result import RunResult, run_result

PATIENCE = 120.0
LOOKS = 2
PAUSE = 1.0


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """A checked command line. `author` and `reviewer` None: each agent's framework."""

    dag: Dag
    repository: Path
    state: Path
    author: Argv | None
    reviewer: Argv | None
    limits: Limits
    environ: Mapping[str, str]
    time_limit: timedelta | None = None
    changes_once: TaskId | None = None


def default_run_state(root: Path, dag: Dag, repository: Path) -> Path:
    """Where a run keeps its state when it is not told: a directory of its own for the plan and the repository."""
    content = msgspec.json.encode(dag) + b"\0" + str(repository.absolute().resolve()).encode()
    return root / "runs" / f"{dag.id}-{hashlib.sha256(content).hexdigest()[:12]}"


async def run(
    options: RunOptions, shown: Watcher, interrupted: anyio.Event, open_host: OpenHost = open_real_host
) -> RunResult:
    """Run the sprint until it has ended, only humans can move it, the time limit is over or `interrupted` is set.

    `open_host` opens the service, once the state directory is held. Raises `Mistakes` and `StateUnusable` before
    anything is created.
    """
    check_supported(options.dag)
    git = await find_git()
    plan = await _plan(options, git)
    commands = commands_for(
        options.dag,
        author=options.author,
        reviewer=options.reviewer,
        environ=options.environ,
        changes_once=options.changes_once,
    )
    follower = Follower(shown)
    async with AsyncExitStack() as stack:
        stack.enter_context(StateDirectory.hold(options.state))
        stored = await _stored(options, plan)
        if stored is not None and stored.head.outcome is not None and not await _left_to_do(options, stored):
            return await _report(stored, options.state, fresh=False)
        host_options = HostOptions(
            state=options.state.absolute(),
            limits=options.limits,
            commands_of=lambda sprint: commands,
            watcher=follower,
        )
        host = await stack.enter_async_context(open_host(host_options, git))
        sprint = stored or Sprint.new(plan, host.clock.now(), options.limits)
        return await _drive(host, sprint, options, follower, interrupted, stored=stored is not None)


async def find_git() -> Git:
    """Find git. Raises `Mistakes` when there is none that can be used."""
    try:
        return await Git.find()
    except GitUnusable as error:
        raise mistake(str(error)) from error


async def _plan(options: RunOptions, git: Git) -> SprintPlan:
    source = await inspect(git, options.repository)
    check_base_branch(options.dag, source)
    check_outside(options.state, source)
    name = repository_name(options.dag, source)
    return SprintPlan(dag=options.dag, source=str(source.path), repository=name, base_branch=source.branch)


async def _stored(options: RunOptions, plan: SprintPlan) -> Sprint | None:
    """The sprint in the state directory, if any. Raises `Mistakes` when it is another one.

    The journal is opened, and made, here first: what is wrong with it is said before anything else is begun.
    """
    async with SqliteJournal.open(options.state.absolute() / DATABASE, wall=SystemClock()) as journal:
        for head in await journal.sprints():
            known = await journal.load(head.id)
            if known is None or known.plan.dag != plan.dag:
                raise mistake(
                    f"--state {options.state}: belongs to another plan (sprint {head.id}); name another"
                )
            if known.plan.source != plan.source:
                raise mistake(
                    f"--state {options.state}: belongs to the repository {known.plan.source}; name another"
                )
            return known
    return None


async def _left_to_do(options: RunOptions, sprint: Sprint) -> bool:
    """Whether an ended sprint still owes the forge something."""
    async with SqliteJournal.open(options.state.absolute() / DATABASE, wall=SystemClock()) as journal:
        return len(await journal.open_intents(sprint.head.id)) > 0


async def _drive(
    host: Host,
    sprint: Sprint,
    options: RunOptions,
    follower: Follower,
    interrupted: anyio.Event,
    *,
    stored: bool,
) -> RunResult:
    """Take the sprint up, wait for its end or for whatever ends the run before it, and report the newest state."""
    async with anyio.create_task_group() as group:
        group.start_soon(_cancel_when, interrupted, group.cancel_scope)
        with anyio.move_on_after(_seconds(options.time_limit)):
            if not stored:
                await host.tree.storage.create(sprint.plan, sprint.head, tuple(sprint.tasks.values()))
            await host.tree.take_up(sprint)
            await _until_still(host, sprint.head.id, follower)
        group.cancel_scope.cancel()
    if condition(follower.sprint or sprint) == "running":
        await suspend(host, sprint.head.id, options.limits.stop_grace, follower)
    return await _report(follower.sprint or sprint, options.state, fresh=True)


async def _cancel_when(event: anyio.Event, scope: anyio.CancelScope) -> None:
    await event.wait()
    scope.cancel()


async def _until_still(host: Host, sprint: SprintId, follower: Follower) -> None:
    """Wait until the sprint has ended or waits for humans, and everything it has promised is done."""
    looked_at_seq = -1
    while True:
        now = follower.sprint
        if now is None or condition(now) == "running" or await owes(host, sprint):
            await follower.next(now)
        elif condition(now) == "ended" or looked_at_seq == now.head.seq:
            return
        else:
            await _look(host, now)
            looked_at_seq = await _heard(host, sprint)


async def _look(host: Host, sprint: Sprint) -> None:
    """Take a full look at the forge for what humans did there; a failed one is repeated, then said."""
    trouble: str | None = None
    for _ in range(LOOKS):
        try:
            trouble = await host.tree.poller_of(sprint).ask(LookNow(), timeout=PATIENCE)
        except ASK_FAILURES as error:
            trouble = str(error)
        if trouble is None:
            return
    structlog.get_logger("run").warning("look_failed", sprint=sprint.head.id, error=trouble)


async def _heard(host: Host, sprint: SprintId) -> int:
    """Where the sprint stands once it has dealt with all that it was told before this."""
    while True:
        try:
            return (await host.tree.sprints.ref(sprint).ask(Look(), timeout=None)).head.seq
        except ASK_FAILURES:
            await anyio.sleep(PAUSE)


async def _report(sprint: Sprint, state: Path, *, fresh: bool) -> RunResult:
    """The result, and its report beside the state; one that stands is only written again when `fresh`."""
    path = anyio.Path(state.absolute() / "report.md")
    repository = state.absolute() / FORGE / "repositories" / f"{sprint.plan.repository}.git"
    result = run_result(sprint, repository=str(repository), report=str(path))
    if fresh or not await path.exists():
        try:
            await path.write_text(render_report(sprint, result))
        except OSError as error:
            structlog.get_logger("run").error("report_not_written", path=str(path), error=error.strerror)
    return result


def _seconds(limit: timedelta | None) -> float | None:
    return None if limit is None else limit.total_seconds()
