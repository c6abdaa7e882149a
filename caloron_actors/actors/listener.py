"""Keeps the doors to the outside open and passes on what comes through them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import anyio
import structlog

from caloron_actors.actors.agent import AgentActor, AgentArg, BeatHeard, HeartbeatHeard, agent_key
from caloron_actors.actors.asking import ASK_FAILURES
from caloron_actors.actors.journal import Ping
from caloron_actors.actors.receipts import within
from caloron_actors.actors.storage import Storage
from caloron_actors.domain.ids import AgentId, SprintId, TaskId, is_id
from caloron_actors.ports.errors import PortError, Unavailable
from caloron_actors.ports.launcher import RunId
from caloron_actors.ports.listening import Addresses, Beat, Health, Heartbeat, Listening
from caloron_actors.runtime import Actor, Ctx, Factory, Tell

PING_PATIENCE = timedelta(seconds=5)


@dataclass(frozen=True, kw_only=True)
class ListenerArg:
    """What a Listener needs of its surroundings. `opened` is told the addresses at every start."""

    listening: Listening
    storage: Storage
    agents: Factory[AgentArg, AgentActor]
    opened: Callable[[Addresses], None]


class ServiceDoor:
    """The service as the outside sees it. Unknown runs and agents are answered, never created."""

    def __init__(self, arg: ListenerArg) -> None:
        self._arg = arg

    async def health(self) -> Health:
        """Well when the journal answers, also with its own trouble: no restart frees a full disk."""
        try:
            trouble = await within(PING_PATIENCE, self._arg.storage.pause, self._ping)
        except Unavailable as error:
            trouble = str(error)
        except (PortError, TimeoutError, *ASK_FAILURES) as error:
            return Health(ok=False, detail=f"the journal does not answer: {error}")
        if trouble is not None:
            return Health(ok=True, ready=False, detail=f"degraded: {trouble}")
        return Health(ok=True, detail="ok")

    async def _ping(self) -> str | None:
        receipt = await self._arg.storage.journal.ask(Ping(), timeout=PING_PATIENCE.total_seconds())
        return await receipt.value()

    async def beat(self, beat: Beat) -> bool:
        """Give a harness's beat to its agent."""
        run = parse_run(beat.run)
        if run is None:
            return False
        heard = BeatHeard(run_id=run, nonce=beat.nonce, seq=beat.seq)
        try:
            return await self._arg.agents.ref(agent_key(run.sprint, run.agent)).ask(heard)
        except ASK_FAILURES:
            return False

    async def heartbeat(self, beat: Heartbeat) -> bool:
        """Give an agent's own heartbeat to its actor."""
        key = agent_key(SprintId(beat.sprint_id), AgentId(beat.agent_id))
        try:
            return await self._arg.agents.ref(key).ask(HeartbeatHeard(beat.status, beat.tokens_used))
        except ASK_FAILURES:
            return False


def parse_run(text: str) -> RunId | None:
    """Read a run's name, `sprint/task/agent/ordinal`; None when it is not one."""
    parts = text.split("/")
    if len(parts) != 4 or not all(is_id(part) for part in parts[:3]) or not parts[3].isdecimal():
        return None
    if len(parts[3]) > 9 or not parts[3].isascii():
        return None
    return RunId(SprintId(parts[0]), TaskId(parts[1]), AgentId(parts[2]), int(parts[3]))


class ListenerActor(Actor[ListenerArg, None]):
    """Listens in a side task; the end of listening is this actor's crash."""

    async def init(self, ctx: Ctx["ListenerActor"], arg: ListenerArg, restored: None) -> None:
        """Open the doors."""

        async def listen() -> None:
            async with anyio.create_task_group() as group:
                addresses: Addresses = await group.start(_listen, arg)
                arg.opened(addresses)
                structlog.get_logger("listener").info(
                    "listening", http=addresses.http, agents_socket=addresses.agents_socket
                )

        ctx.spawn(listen, ListeningEnded)


async def _listen(arg: ListenerArg, *, task_status: anyio.abc.TaskStatus[Addresses]) -> None:
    await arg.listening.serve(ServiceDoor(arg), task_status=task_status)


class ListeningEnded(Tell["ListenerActor"], frozen=True):
    """The doors are closed."""

    result: Exception | None

    async def run(self, actor: ListenerActor, ctx: Ctx[ListenerActor]) -> None:
        """Crash, so that they are opened again."""
        raise self.result or RuntimeError("the doors have closed")
