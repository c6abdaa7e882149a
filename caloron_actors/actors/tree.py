"""The whole supervision tree, and how its dynamic children come back after a factory has started anew."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import anyio
import structlog

from caloron_actors.actors.agent import AgentActor, AgentArg
from caloron_actors.actors.journal import JournalActor, JournalArg, OpenJournal, Stored
from caloron_actors.actors.listener import ListenerActor, ListenerArg
from caloron_actors.actors.localforge import LocalForgeActor, LocalForgeArg
from caloron_actors.actors.outbox import OutboxActor, OutboxArg, Promised, Reminded
from caloron_actors.actors.perform import Performer
from caloron_actors.actors.perform.world import World
from caloron_actors.actors.poller import LookAnew, PollerActor, PollerArg
from caloron_actors.actors.receipts import Pause
from caloron_actors.actors.restoring import Copies, Restoring
from caloron_actors.actors.sprint import AgentBack, Happened, SprintActor, SprintArg
from caloron_actors.actors.storage import Storage
from caloron_actors.actors.waiting import pauses
from caloron_actors.domain.events import Limits
from caloron_actors.domain.ids import AgentId, SprintId
from caloron_actors.domain.sprint.state import Sprint
from caloron_actors.ports.clock import WallClock
from caloron_actors.ports.embedded import EmbeddedForge
from caloron_actors.ports.errors import PortError, StateUnusable, Unavailable
from caloron_actors.ports.launcher import Launcher
from caloron_actors.ports.listening import Addresses, Listening
from caloron_actors.ports.watching import Watcher
from caloron_actors.runtime import (
    AlreadyStarted,
    ChildSpec,
    Factory,
    FactorySpec,
    Ref,
    SupervisorSpec,
    System,
    child,
    factory,
    supervisor,
)

A = TypeVar("A")
Arg = TypeVar("Arg")

STOP_LIMIT = 10.0
STORAGE_LIMIT = 7 * 24 * 3600.0
"""Seconds that a start may wait for the storage: reading through a large file, or until somebody has freed the disk."""
CRASHES, WITHIN = 10, 60.0
"""How many restarts a part of the tree survives, and within how many seconds, before it takes its supervisor down."""


@dataclass(frozen=True, kw_only=True)
class SprintPorts:
    """What one sprint needs of the world, found when it is taken up."""

    world: World
    limits: Limits
    author_login: str


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What the tree needs of the world.

    `ports_of` gives a stored sprint its ports; `opened` is told the addresses. `failed` is told why the journal cannot
    be used (any more): the service then has to end.
    """

    clock: WallClock
    pause: Pause
    jitter: Callable[[], float]
    watcher: Watcher
    open_journal: OpenJournal
    failed: Callable[[PortError], None]
    embedded: EmbeddedForge | None
    launcher: Launcher
    lease: timedelta
    listening: Listening
    opened: Callable[[Addresses], None]
    poll_active: timedelta
    poll_idle: timedelta
    ports_of: Callable[[Sprint], Awaitable[SprintPorts]]


class Tree:
    """The tree of one service: its specification, and the addresses in it.

    Sprints, outboxes and pollers are stopped by a kill: all that they hold is stored, or can be read again, and what
    they may be waiting for is a disk that nobody frees.
    """

    def __init__(self, system: System, around: Surroundings) -> None:
        self._around = around
        self._looking: dict[SprintId, anyio.Lock] = {}
        agents = factory(AgentActor, id="agents", intensity=CRASHES, period=WITHIN)
        sprints = factory(
            SprintActor,
            id="sprints",
            shutdown="kill",
            init_timeout=STORAGE_LIMIT,
            intensity=CRASHES,
            period=WITHIN,
            rebuilt=self._for_each(self._add_sprint),
        )
        outboxes = factory(
            OutboxActor,
            id="outboxes",
            shutdown="kill",
            init_timeout=STORAGE_LIMIT,
            intensity=CRASHES,
            period=WITHIN,
            rebuilt=self._for_each(self._add_outbox),
        )
        pollers = factory(
            PollerActor,
            id="pollers",
            shutdown="kill",
            intensity=CRASHES,
            period=WITHIN,
            rebuilt=self._for_each(self._add_poller),
        )
        self.journal = system.ref(JournalActor, "root/journal")
        self.storage = Storage(self.journal, around.pause)
        self.agents: Factory[AgentArg, AgentActor] = system.factory(agents, "root/agents")
        self.sprints: Factory[SprintArg, SprintActor] = system.factory(sprints, "root/sprints")
        self.outboxes: Factory[OutboxArg, OutboxActor] = system.factory(outboxes, "root/outboxes")
        self.pollers: Factory[PollerArg, PollerActor] = system.factory(pollers, "root/pollers")
        self.root = self._root(agents, sprints, outboxes, pollers)

    def _root(self, *factories: FactorySpec[Any, Any]) -> SupervisorSpec:
        around = self._around
        journal = JournalArg(open=around.open_journal, pause=around.pause, failed=around.failed)
        embedded = [self._localforge(around.embedded)] if around.embedded else []
        listener = ListenerArg(
            listening=around.listening, storage=self.storage, agents=self.agents, opened=around.opened
        )
        return supervisor(
            child(JournalActor, journal, id="journal", shutdown=STOP_LIMIT, init_timeout=STORAGE_LIMIT),
            *embedded,
            *factories,
            child(ListenerActor, listener, id="listener"),
            id="root",
            strategy="rest_for_one",
            intensity=5,
            period=WITHIN,
        )

    def _localforge(self, forge: EmbeddedForge) -> ChildSpec:
        around = self._around
        arg = LocalForgeArg(forge=forge, pause=around.pause, failed=around.failed)
        return child(LocalForgeActor, arg, id="localforge", init_timeout=STORAGE_LIMIT)

    async def take_up(self, sprint: Sprint) -> None:
        """Start the actors of a sprint that was stored just now."""
        await self._reconcile(sprint)
        await self._add_sprint(sprint)
        await self._add_outbox(sprint)
        await self._add_poller(sprint)

    def poller_of(self, sprint: Sprint) -> Ref[PollerActor]:
        """The poller of a sprint's repository."""
        return self.pollers.ref(_poller_key(sprint))

    async def _ports(self, sprint: Sprint) -> SprintPorts:
        """The ports of a sprint, as soon as they can be had."""
        log = structlog.get_logger("tree")
        for pause in pauses():
            try:
                return await self._around.ports_of(sprint)
            except Unavailable as error:
                log.warning("sprint_waits", sprint=sprint.head.id, error=str(error), wait=str(pause))
                await self._around.pause(pause)
            except StateUnusable as error:
                self._around.failed(error)
                await anyio.sleep_forever()
        raise AssertionError("the pauses never end")

    async def _reconcile(self, sprint: Sprint) -> None:
        """See that a sprint out of a backup knows what was done since, before any actor of it starts."""
        async with self._looking.setdefault(sprint.head.id, anyio.Lock()):
            copy = await self.storage.read(Copies())
            stored = await self.storage.load(sprint.head.id) if sprint.head.restored < copy else None
            if stored is not None and stored.head.restored < copy:
                ports = await self._ports(stored)
                restoring = Restoring(self.storage, self._around.clock, self._around.pause)
                await restoring.reconcile(stored, ports.world, copy)

    def _for_each(
        self, add: Callable[[Sprint], Awaitable[None]]
    ) -> Callable[[Factory[Any, Any]], Awaitable[None]]:
        """What a factory runs after it has started empty: add a child for every sprint that has anything left to do."""

        async def rebuild(_: Factory[Any, Any]) -> None:
            for head in await self.storage.read(Stored()):
                if head.outcome is None or await self.storage.open_intents(head.id):
                    sprint = await self.storage.load(head.id)
                    if sprint is not None:
                        await self._reconcile(sprint)
                        await add(sprint)

        return rebuild

    async def _add_sprint(self, sprint: Sprint) -> None:
        ports = await self._ports(sprint)
        outbox = self.outboxes.ref(sprint.head.id)
        arg = SprintArg(
            sprint=sprint.head.id,
            limits=ports.limits,
            author_login=ports.author_login,
            clock=self._around.clock,
            watcher=self._around.watcher,
            storage=self.storage,
            agents=self.agents,
            promise=lambda intents, withdrawn: outbox.tell(Promised(intents, withdrawn)),
            remind=lambda entries: outbox.tell(Reminded(entries)),
            look_anew=lambda: self.poller_of(sprint).tell(LookAnew()),
            agent_arg=AgentArg(
                launcher=self._around.launcher,
                lease=self._around.lease,
                happened=lambda sprint, event: self.sprints.ref(sprint).tell(Happened(event)),
                back=lambda sprint, agent: self.sprints.ref(sprint).tell(AgentBack(agent)),
            ),
        )
        await _once(self.sprints, sprint.head.id, arg)

    async def _add_outbox(self, sprint: Sprint) -> None:
        ports = await self._ports(sprint)
        arg = OutboxArg(
            sprint=sprint.head.id,
            performer=Performer(ports.world),
            clock=self._around.clock,
            jitter=self._around.jitter,
            storage=self.storage,
            sprint_ref=self.sprints.ref(sprint.head.id),
        )
        await _once(self.outboxes, sprint.head.id, arg)

    async def _add_poller(self, sprint: Sprint) -> None:
        ports = await self._ports(sprint)
        arg = PollerArg(
            forge=ports.world.forge,
            clock=self._around.clock,
            active=self._around.poll_active,
            idle=self._around.poll_idle,
            sprints=lambda: tuple(map(self.sprints.ref, self.sprints.keys())),
            reviewer_login=self._reviewer_login,
        )
        await _once(self.pollers, _poller_key(sprint), arg)

    async def _reviewer_login(self, sprint: Sprint, reviewer: AgentId) -> str:
        return await (await self._ports(sprint)).world.forge.reviewer_login(reviewer)


async def _once(made: Factory[Arg, A], key: str, arg: Arg) -> None:
    """Start a child, or leave the one alone that is there."""
    with suppress(AlreadyStarted):
        await made.start_child(key, arg)


def _poller_key(sprint: Sprint) -> str:
    return sprint.plan.repository.replace("/", ":")
