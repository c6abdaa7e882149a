"""Carries out a sprint's intents: claim, probe, perform, and settle by the commit that applies the outcome.

Effects of one lane are done one after another; lanes do not wait for each other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from caloron_actors.actors.asking import ASK_FAILURES
from caloron_actors.actors.lanes import Lanes, Waiting
from caloron_actors.actors.perform import Performer
from caloron_actors.actors.sprint import Apply, Look, SprintActor
from caloron_actors.actors.storage import Storage
from caloron_actors.domain.effects import Intent, MergePullRequest, lane
from caloron_actors.domain.events import EffectRejected, Event, MergeRefused
from caloron_actors.domain.ids import EffectKey, SprintId
from caloron_actors.domain.sprint.schedule import merge_waits
from caloron_actors.domain.sprint.state import Sprint
from caloron_actors.ports.clock import WallClock
from caloron_actors.ports.errors import RateLimited, Rejected, Unavailable
from caloron_actors.ports.journal import OpenIntent
from caloron_actors.runtime import Actor, Ctx, MailboxPolicy, Ref, Tell

RETRY_FIRST = timedelta(seconds=1)
RETRY_CAP = timedelta(minutes=5)
LONGEST_WAIT = timedelta(hours=1)
"""How long an intent waits at most before it is tried again: the longest reset a forge names, however clocks jump."""
UNANSWERED = 3
"""Tries of a merge without an answer after which another one goes first."""
LOOK_PATIENCE = 120.0


@dataclass(frozen=True, kw_only=True)
class OutboxArg:
    """What an Outbox needs of its surroundings. `jitter` gives numbers from 0 to 1."""

    sprint: SprintId
    performer: Performer
    clock: WallClock
    jitter: Callable[[], float]
    storage: Storage
    sprint_ref: Ref[SprintActor]


class OutboxActor(Actor[OutboxArg, None]):
    """Holds the lanes of one sprint. The journal is the truth: a claim fails for what was withdrawn or settled."""

    mailbox = MailboxPolicy(capacity=100_000, overflow="reject")

    def __init__(self) -> None:
        self.arg: OutboxArg
        self.lanes = Lanes()
        self._log = structlog.get_logger("outbox")

    async def init(self, ctx: Ctx["OutboxActor"], arg: OutboxArg, restored: None) -> None:
        """Take up every open intent: whatever an earlier life may have begun is probed first."""
        self.arg = arg
        self._log = self._log.bind(sprint=arg.sprint)
        self.take_up(ctx, await arg.storage.open_intents(arg.sprint))

    def take_up(self, ctx: Ctx["OutboxActor"], entries: tuple[OpenIntent, ...]) -> None:
        """Put open intents of whatever age into their lanes, to be probed first, and not before they are due."""
        for entry in entries:
            self.lanes.put(Waiting(entry.intent, probe=True, tries=entry.tries, due=entry.due))
        for name in self.lanes.names:
            self.advance(ctx, name)

    def advance(self, ctx: Ctx["OutboxActor"], name: str) -> None:
        """Start the first intent of a lane, unless one of it is under way."""
        first = self.lanes.begin(name)
        if first is None:
            return
        wait = timedelta(0) if first.due is None else first.due - self.arg.clock.now().wall
        if wait > timedelta(0):
            first.due = None
            self.pause(ctx, name, wait)
        else:
            ctx.spawn(lambda: self._carry_out(first), lambda result: LaneTurn(name, result))

    def pause(self, ctx: Ctx["OutboxActor"], name: str, wait: timedelta) -> None:
        """Let a lane wait for its first intent, unless that was withdrawn: then its claim ends it at once."""
        wait = min(wait, LONGEST_WAIT) if self.lanes.is_wanted(name) else timedelta(0)
        self.lanes.pause(name, ctx.after(wait, LaneDue(name)))

    def resume(self, ctx: Ctx["OutboxActor"], name: str) -> None:
        """End a lane's pause, if it is in one."""
        if self.lanes.resume(name):
            self.advance(ctx, name)

    async def _carry_out(self, waiting: Waiting) -> timedelta | None:
        """Do one intent to its end. Gives None when it is out of the way, or how long to wait before the next try."""
        key, effect = waiting.intent.key, waiting.intent.effect
        sprint = await self._sprint()
        if not await self.arg.storage.claim(self.arg.sprint, key):
            return None
        waiting.tries += 1
        log = self._log.bind(effect=key, attempt=waiting.tries)
        probe = waiting.probe or sprint.head.restored > 0
        event: Event
        try:
            event = await self.arg.performer.perform(sprint, waiting.intent, probe=probe, tried=waiting.probe)
        except Unavailable as error:
            gives_way = await self._gives_way(waiting, error)
            if gives_way is None:
                return await self._postpone(waiting, error)
            event = gives_way
            log.warning("merge_gives_way", error=str(error))
        except Rejected as error:
            event = EffectRejected(task=effect.task, effect=effect, reason=str(error))
            log.warning("effect_rejected", reason=str(error))
        await self._settle(key, event)
        log.info("effect_done", task=effect.task, outcome=type(event).__name__)
        return None

    async def _sprint(self) -> Sprint:
        """The sprint as it is; it may be starting again just now."""
        while True:
            try:
                return await self.arg.sprint_ref.ask(Look(), timeout=LOOK_PATIENCE)
            except ASK_FAILURES:
                await self.arg.performer.pause(RETRY_FIRST)

    async def _settle(self, key: EffectKey, event: Event) -> None:
        """Offer the outcome until it is durable: the sprint may be starting again in between.

        An offer without an answer may have been taken all the same; then the intent is open no more. It has no limit of
        time, because the sprint holds what it cannot store for now: a second offer behind the first would be refused.
        """
        while True:
            try:
                await self.arg.sprint_ref.ask(Apply(event, settles=key), timeout=None)
            except ASK_FAILURES:
                await self.arg.performer.pause(RETRY_FIRST)
            else:
                return
            left = await self.arg.storage.open_intents(self.arg.sprint)
            if all(entry.intent.key != key for entry in left):
                return

    async def _gives_way(self, waiting: Waiting, error: Unavailable) -> MergeRefused | None:
        """A merge that the forge does not answer lets another one of the sprint go first. A busy forge has all wait."""
        effect = waiting.intent.effect
        if not isinstance(effect, MergePullRequest) or isinstance(error, RateLimited):
            return None
        if waiting.tries < UNANSWERED or not merge_waits(await self._sprint(), self.arg.clock.now()):
            return None
        return MergeRefused(effect.task, effect.head, str(error), unanswered=True)

    async def _postpone(self, waiting: Waiting, error: Unavailable) -> timedelta:
        now = self.arg.clock.now().wall
        wait = min(RETRY_FIRST * (1 << min(waiting.tries - 1, 16)), RETRY_CAP)
        wait *= 1 + 0.25 * self.arg.jitter()
        if error.retry_after is not None:
            wait = max(wait, error.retry_after - now)
        waiting.probe = waiting.probe or error.ambiguous
        self._log.warning("effect_postponed", effect=waiting.intent.key, error=str(error), wait=str(wait))
        await self.arg.storage.postpone(self.arg.sprint, waiting.intent.key, now + wait, str(error))
        # The storing took a part of the wait; a clock that was set back meanwhile must not make it longer.
        return min(wait, max(timedelta(0), now + wait - self.arg.clock.now().wall))


class Promised(Tell["OutboxActor"], frozen=True):
    """A commit has promised these effects, and withdrawn others."""

    intents: tuple[Intent, ...]
    withdrawn: tuple[EffectKey, ...]

    async def run(self, actor: OutboxActor, ctx: Ctx[OutboxActor]) -> None:
        """Put them into their lanes, which wait no more for what was withdrawn: its claim finds that it is gone."""
        for key in self.withdrawn:
            if (name := actor.lanes.withdraw(key)) is not None:
                actor.resume(ctx, name)
        for intent in self.intents:
            actor.lanes.put(Waiting(intent, probe=False, tries=0))
            actor.advance(ctx, lane(intent.effect))


class Reminded(Tell["OutboxActor"], frozen=True):
    """These effects were promised by earlier commits and are still open."""

    entries: tuple[OpenIntent, ...]

    async def run(self, actor: OutboxActor, ctx: Ctx[OutboxActor]) -> None:
        """Take up those that are not here; they may have been tried before."""
        actor.take_up(ctx, self.entries)


class LaneTurn(Tell["OutboxActor"], frozen=True):
    """The first intent of a lane is out of the way, has to wait, or has met a bug."""

    name: str
    result: timedelta | Exception | None

    async def run(self, actor: OutboxActor, ctx: Ctx[OutboxActor]) -> None:
        """Go on with the lane; a bug crashes this actor, which starts again from the journal."""
        if isinstance(self.result, Exception):
            raise self.result
        if self.result is not None:
            actor.pause(ctx, self.name, self.result)
            return
        actor.lanes.end(self.name)
        actor.advance(ctx, self.name)


class LaneDue(Tell["OutboxActor"], frozen=True):
    """The waiting time of a lane's first intent is over."""

    name: str

    async def run(self, actor: OutboxActor, ctx: Ctx[OutboxActor]) -> None:
        """Try it again."""
        actor.resume(ctx, self.name)
