"""The only writer of a sprint: takes events, asks `step`, commits, and only then tells anybody."""

import dataclasses
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import msgspec
import structlog

from caloron_actors.actors.agent import AgentActor, AgentArg, Watch, agent_key
from caloron_actors.actors.runs import Runs
from caloron_actors.actors.storage import Storage
from caloron_actors.domain.effects import Intent
from caloron_actors.domain.events import Event, Limits, RunStarted, SprintStarted, TimePassed
from caloron_actors.domain.ids import AgentId, EffectKey, SprintId
from caloron_actors.domain.sprint.schedule import next_deadline
from caloron_actors.domain.sprint.state import Refused, Sprint, Step
from caloron_actors.domain.sprint.step import step
from caloron_actors.ports.clock import WallClock
from caloron_actors.ports.journal import Entry, OpenIntent
from caloron_actors.ports.launcher import RunId
from caloron_actors.ports.watching import Watcher
from caloron_actors.runtime import Actor, AlreadyStarted, Ask, Ctx, Factory, MailboxPolicy, Tell, Timer


@dataclass(frozen=True, kw_only=True)
class SprintArg:
    """What a Sprint needs of its surroundings.

    `promise` hands committed intents to its outbox, and the keys of those withdrawn; `remind` those of earlier commits.
    `look_anew` has the forge looked at as if nothing had been told yet.
    """

    sprint: SprintId
    limits: Limits
    author_login: str
    clock: WallClock
    watcher: Watcher
    storage: Storage
    agents: Factory[AgentArg, AgentActor]
    promise: Callable[[tuple[Intent, ...], tuple[EffectKey, ...]], bool]
    remind: Callable[[tuple[OpenIntent, ...]], bool]
    look_anew: Callable[[], bool]
    agent_arg: AgentArg


class SprintActor(Actor[SprintArg, None]):
    """Holds one sprint. Its state is what the journal has; it re-reads all of it at every start.

    An event is acknowledged when it is durable. While the storage is unavailable the event in work is held, and those
    behind it wait in the mailbox.
    """

    mailbox = MailboxPolicy(capacity=100_000, overflow="reject")

    def __init__(self) -> None:
        self.arg: SprintArg
        self.sprint: Sprint
        self.runs: Runs
        self._timer: Timer | None = None
        self._log = structlog.get_logger("sprint")

    async def init(self, ctx: Ctx["SprintActor"], arg: SprintArg, restored: None) -> None:
        """Read the sprint back, look after the runs that may live, and start (or go on)."""
        self.arg = arg
        stored = await arg.storage.load(arg.sprint)
        if stored is None:
            raise LookupError(f"sprint {arg.sprint} is not in the journal")
        self.sprint = stored
        self._log = self._log.bind(sprint=arg.sprint)
        self.runs = Runs(stored.plan.dag)
        for run in self.runs.alive(stored):
            self.watch(ctx, run)
        # A commit whose answer was lost has promised effects that the outbox was not told of, and a crash may have
        # cost a fact that the poller takes for told.
        arg.remind(await arg.storage.open_intents(arg.sprint))
        arg.look_anew()
        if stored.head.outcome is None:
            await self.apply(ctx, SprintStarted(arg.limits, arg.author_login), settles=None)
        arg.watcher.moved(self.sprint, TimePassed())

    async def apply(self, ctx: Ctx["SprintActor"], event: Event, settles: EffectKey | None) -> str | None:
        """Step, make it durable, then let the world know. Gives the reason when the event was refused."""
        now = self.arg.clock.now()
        moved = step(self.sprint, event, now)
        match moved:
            case Refused(reason=reason):
                self._log.info("event_refused", kind=type(event).__name__, reason=reason)
                if settles is not None:
                    await self._refuse(ctx, event, settles, reason)
                return reason
            case Step(idle=True, sprint=same) if settles is None:
                # A deadline that has passed without effect (no slot is free) must not be set again.
                head = msgspec.structs.replace(self.sprint.head, age=same.head.age)
                self.sprint = dataclasses.replace(self.sprint, head=head)
                self._set_timer(ctx)
                return None
            case Step():
                entry = Entry(
                    at=now,
                    event=event,
                    head=moved.sprint.head,
                    changed=moved.changed,
                    intents=moved.intents,
                    withdrawn=moved.withdrawn,
                    settled=settles,
                )
                await self.arg.storage.commit(entry, ctx.unhurried)
        self.sprint = moved.sprint
        self._after(ctx, event, moved)
        return None

    def watch(self, ctx: Ctx["SprintActor"], run: RunId) -> None:
        """Have the agent's actor look after a run; its actor is started when there is none."""
        message = Watch(run_id=run, role=self.runs.role(run))
        key = agent_key(run.sprint, run.agent)
        if self.arg.agents.ref(key).tell(message):
            return

        async def start() -> None:
            with suppress(AlreadyStarted):
                await self.arg.agents.start_child(key, self.arg.agent_arg)
            self.arg.agents.ref(key).tell(message)

        ctx.spawn(start, lambda result: StartOfAgentFailed(run, repr(result)) if result else None)

    async def _refuse(self, ctx: Ctx["SprintActor"], event: Event, settles: EffectKey, reason: str) -> None:
        """An outcome that no longer fits changes nothing, but its intent is settled all the same."""
        now = self.arg.clock.now()
        head = self.sprint.head.refusing(now)
        entry = Entry(at=now, event=event, head=head, settled=settles, refusal=reason)
        await self.arg.storage.commit(entry, ctx.unhurried)
        self.sprint = dataclasses.replace(self.sprint, head=head)
        self.arg.watcher.moved(self.sprint, event)

    def _after(self, ctx: Ctx["SprintActor"], event: Event, moved: Step) -> None:
        if moved.intents or moved.withdrawn:
            self.arg.promise(moved.intents, moved.withdrawn)
        if isinstance(event, RunStarted):
            run = RunId(self.arg.sprint, event.task, event.agent, event.run)
            self.watch(ctx, run)
        self._set_timer(ctx)
        self.arg.watcher.moved(self.sprint, event)

    def _set_timer(self, ctx: Ctx["SprintActor"]) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = next_deadline(self.sprint)
        if deadline is not None:
            age = self.sprint.head.age.at(self.arg.clock.now()).lived
            wait = max(deadline - age, timedelta(0))
            self._timer = ctx.after(wait, Happened(TimePassed()))


class Happened(Tell["SprintActor"], frozen=True):
    """Something happened that nobody waits for."""

    event: Event

    async def run(self, actor: SprintActor, ctx: Ctx[SprintActor]) -> None:
        """Apply it."""
        await actor.apply(ctx, self.event, settles=None)


class Apply(Ask["SprintActor", str | None], frozen=True):
    """Something happened whose durability the asker waits for; `settles` is the intent it is the outcome of."""

    event: Event
    settles: EffectKey | None = None

    async def run(self, actor: SprintActor, ctx: Ctx[SprintActor]) -> str | None:
        """Apply it; answers the reason when it was refused."""
        return await actor.apply(ctx, self.event, self.settles)


class Look(Ask["SprintActor", Sprint], frozen=True):
    """The sprint as it is."""

    async def run(self, actor: SprintActor, ctx: Ctx[SprintActor]) -> Sprint:
        """Give the value itself: it never changes."""
        return actor.sprint


class AgentBack(Tell["SprintActor"], frozen=True):
    """An agent's actor has (re)started and knows of nothing: tell it what to look after."""

    agent: AgentId

    async def run(self, actor: SprintActor, ctx: Ctx[SprintActor]) -> None:
        """Tell it again of every run of its."""
        for run in actor.runs.alive_of(actor.sprint, self.agent):
            actor.watch(ctx, run)


class StartOfAgentFailed(Tell["SprintActor"], frozen=True):
    """An agent's actor could not be started: without one a run would be looked after by nobody."""

    agent_run: RunId
    reason: str

    async def run(self, actor: SprintActor, ctx: Ctx[SprintActor]) -> None:
        """Let the sprint's supervisor try the whole again."""
        raise RuntimeError(f"no actor for {self.agent_run}: {self.reason}")
