"""Looks after one agent of a sprint: waits for its process, keeps its lease, takes its beats. Ends nobody but who was
never known to have begun."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, assert_never

import structlog

from caloron_actors.domain.events import AuthorEnded, Event, LaunchFailed, ReviewerEnded
from caloron_actors.domain.feedback import read_feedback
from caloron_actors.domain.ids import AgentId, SprintId
from caloron_actors.domain.marker import one_line
from caloron_actors.domain.verdict import read_verdict
from caloron_actors.ports.errors import PortError, Unavailable
from caloron_actors.ports.launcher import Absent, Alive, Ended, Launcher, RunId, RunState
from caloron_actors.runtime import Actor, Ask, Ctx, Tell

OUTPUT_LIMIT = 256 * 1024
"""Bytes of a run's output that are read for its verdict or its last words."""

AGAIN_FIRST, AGAIN_CAP = timedelta(seconds=1), timedelta(seconds=30)
"""The first and the longest pause before a run is waited for again, after this host could not say how it is."""

Role = Literal["author", "reviewer"]


@dataclass(frozen=True, kw_only=True)
class AgentArg:
    """What an Agent needs of its surroundings.

    `lease`: how often a live run's lease is renewed. `happened` tells a sprint an event, `back` that an agent's actor
    has started and knows of no run; both give False when the sprint could not be told.
    """

    launcher: Launcher
    lease: timedelta
    happened: Callable[[SprintId, Event], bool]
    back: Callable[[SprintId, AgentId], bool]


def agent_key(sprint: SprintId, agent: AgentId) -> str:
    """The key of an agent's actor: unique over all sprints of the service."""
    return f"{sprint}.{agent}"


class AgentActor(Actor[AgentArg, None]):
    """Holds the runs of one agent that may live (one at a time by the sprint's rule) and what was heard of them."""

    def __init__(self) -> None:
        self.arg: AgentArg
        self.watched: dict[RunId, str | None] = {}
        self.log = structlog.get_logger("agent")

    async def init(self, ctx: Ctx["AgentActor"], arg: AgentArg, restored: None) -> None:
        """Start with nothing, and ask the sprint what there is to look after."""
        self.arg = arg
        sprint, _, agent = ctx.id.partition(".")
        arg.back(SprintId(sprint), AgentId(agent))

    def watch(self, ctx: Ctx["AgentActor"], run: RunId, role: Role) -> None:
        """Wait for the end of a run, once."""
        if run in self.watched:
            return
        self.watched[run] = None
        self.log.info("run_watched", run=str(run), role=role)
        self.attend(ctx, run, role, tries=0)
        self.renew(ctx, run)

    def attend(self, ctx: Ctx["AgentActor"], run: RunId, role: Role, *, tries: int) -> None:
        """Wait for the end of a run and read what it printed; `tries` counts how often that met with trouble."""

        async def wait() -> tuple[RunState, str, str]:
            over: RunState = await self.arg.launcher.wait(run)
            if isinstance(over, Absent):
                # Told as over before its slot is taken, it could still be claimed by a late harness.
                over = await self.arg.launcher.stop(run, timedelta(0))
            output = await self.arg.launcher.output(run, OUTPUT_LIMIT)
            return over, output.stdout, output.stderr

        ctx.spawn(wait, lambda result: RunOver(run, role, tries, result))

    def renew(self, ctx: Ctx["AgentActor"], run: RunId) -> None:
        async def renew() -> str | None:
            await self.arg.launcher.renew_lease(run)
            state = await self.arg.launcher.look(run)
            return state.nonce if isinstance(state, Alive) else None

        ctx.spawn(renew, lambda nonce: LeaseRenewed(run, nonce if isinstance(nonce, str) else None))

    async def is_of(self, run: RunId, nonce: str) -> bool:
        """Whether `nonce` is that of a watched run's claim, which is looked up where it is not known yet."""
        if run not in self.watched:
            return False
        if self.watched[run] is None:
            with suppress(PortError):
                state = await self.arg.launcher.look(run)
                self.watched[run] = state.nonce if isinstance(state, Alive) else None
        return self.watched[run] == nonce

    def over(self, run: RunId, role: Role, over: RunState, stdout: str, stderr: str) -> None:
        """Tell the sprint how a run ended."""
        self.watched.pop(run, None)
        event = end_of_run(run, role, over, stdout, stderr)
        self.log.info("run_ended", run=str(run), role=role, end=type(event).__name__)
        self.arg.happened(run.sprint, event)


def end_of_run(run: RunId, role: Role, over: RunState, stdout: str, stderr: str) -> Event:
    """Put the end of a run into the sprint's words. Only exit status 0 is a finished run; silence is no verdict."""
    if not isinstance(over, Ended):
        return LaunchFailed(
            task=run.task, agent=run.agent, run=run.ordinal, role=role, reason="its run was given up"
        )
    words = describe(over, stderr or stdout)
    stopped = over.cause in ("stopped", "orphaned")
    if role == "author":
        return AuthorEnded(
            task=run.task,
            run=run.ordinal,
            result=_author_result(over),
            detail=words,
            feedback=read_feedback(stdout),
        )
    if stopped or _author_result(over) != "finished":
        return ReviewerEnded(
            task=run.task, agent=run.agent, run=run.ordinal, verdict=None, detail=words, stopped=stopped
        )
    judgement = read_verdict(stdout)
    return ReviewerEnded(
        task=run.task,
        agent=run.agent,
        run=run.ordinal,
        verdict=judgement.verdict,
        detail=judgement.text,
    )


def _author_result(over: Ended) -> Literal["finished", "failed", "stopped", "not_started"]:
    match over.cause:
        case "exited":
            return "finished" if over.code == 0 else "failed"
        case "stopped" | "orphaned":
            return "stopped" if over.started else "not_started"
        case "not_started":
            return "not_started"
        case "lost":
            return "failed" if over.started else "not_started"
        case "wall_time":
            return "failed"
        case _:
            assert_never(over.cause)


def describe(over: Ended, output: str) -> str:
    """Say how a process ended in one line, with its last words."""
    lines = [line for line in output.splitlines() if line.strip()]
    last = f": {one_line(lines[-1], 200)}" if lines else ""
    match over.cause:
        case "exited" if over.signal is not None:
            return f"the agent was killed by signal {over.signal}{last}"
        case "exited":
            return f"the agent ended with exit status {over.code}{last}"
        case "wall_time":
            return f"the agent was stopped at its time limit{last}"
        case "lost":
            return f"the agent's harness died without a record {over.detail}".rstrip()
        case "not_started":
            return f"the agent's command could not be started: {over.detail}"
        case _:
            return f"the agent was {over.cause}"


class Watch(Tell["AgentActor"], frozen=True):
    """Look after this run until it ends."""

    run_id: RunId
    role: Role

    async def run(self, actor: AgentActor, ctx: Ctx[AgentActor]) -> None:
        """Start waiting."""
        actor.watch(ctx, self.run_id, self.role)


class RunOver(Tell["AgentActor"], frozen=True):
    """A watched run has ended, or waiting for it failed."""

    run_id: RunId
    role: Role
    tries: int
    result: tuple[RunState, str, str] | Exception

    async def run(self, actor: AgentActor, ctx: Ctx[AgentActor]) -> None:
        """Tell the sprint. Trouble of this host is no news of the run and passes; a bug crashes this actor."""
        if isinstance(self.result, Unavailable):
            pause = min(AGAIN_FIRST * (1 << min(self.tries, 16)), AGAIN_CAP)
            actor.log.warning("wait_failed", run=str(self.run_id), error=str(self.result), pause=str(pause))
            ctx.after(pause, AttendAgain(self.run_id, self.role, self.tries + 1))
            return
        if isinstance(self.result, Exception):
            raise self.result
        over, stdout, stderr = self.result
        actor.over(self.run_id, self.role, over, stdout, stderr)


class AttendAgain(Tell["AgentActor"], frozen=True):
    """The pause after trouble with waiting is over."""

    run_id: RunId
    role: Role
    tries: int

    async def run(self, actor: AgentActor, ctx: Ctx[AgentActor]) -> None:
        """Wait again."""
        actor.attend(ctx, self.run_id, self.role, tries=self.tries)


class LeaseRenewed(Tell["AgentActor"], frozen=True):
    """A run's lease was renewed; its nonce is known once it was claimed."""

    run_id: RunId
    nonce: str | None

    async def run(self, actor: AgentActor, ctx: Ctx[AgentActor]) -> None:
        """Renew again later, as long as the run is watched."""
        if self.run_id in actor.watched:
            actor.watched[self.run_id] = self.nonce or actor.watched[self.run_id]
            ctx.after(actor.arg.lease, RenewLease(self.run_id))


class RenewLease(Tell["AgentActor"], frozen=True):
    """It is time to renew a run's lease."""

    run_id: RunId

    async def run(self, actor: AgentActor, ctx: Ctx[AgentActor]) -> None:
        """Do so, if it still runs."""
        if self.run_id in actor.watched:
            actor.renew(ctx, self.run_id)


class BeatHeard(Ask["AgentActor", bool], frozen=True):
    """A harness says that it lives. Answers whether its claim is the known one."""

    run_id: RunId
    nonce: str
    seq: int

    async def run(self, actor: AgentActor, ctx: Ctx[AgentActor]) -> bool:
        """Check it and log it."""
        if not await actor.is_of(self.run_id, self.nonce):
            return False
        actor.log.debug("beat", run=str(self.run_id), seq=self.seq)
        return True


class HeartbeatHeard(Ask["AgentActor", bool], frozen=True):
    """An agent says by itself that it lives. Answers whether it has a run here."""

    status: str | None
    tokens_used: int | None

    async def run(self, actor: AgentActor, ctx: Ctx[AgentActor]) -> bool:
        """Log it: it proves life, nothing more."""
        if not actor.watched:
            return False
        actor.log.info("heartbeat", agent=ctx.id, status=self.status, tokens_used=self.tokens_used)
        return True
