"""Ends a run before its sprint: agents are stopped and their work is kept, as far as that can be stored."""

from contextlib import suppress
from datetime import timedelta

import anyio
import structlog

from caloron_actors.actors.asking import ASK_FAILURES
from caloron_actors.actors.sprint import Apply
from caloron_actors.app.follower import Follower
from caloron_actors.app.host import Host
from caloron_actors.domain.events import SprintSuspended
from caloron_actors.domain.ids import SprintId
from caloron_actors.domain.sprint.schedule import runs_alive

STOP_EXTRA = timedelta(seconds=30)
"""What stopping all agents may take beyond their grace before the run ends all the same; they are adopted next time."""
TRIES = 2
PAUSE = 1.0
DEGRADED_LOOKS = 5
"""How many looks, a second apart, have to find the storage in trouble before a run ends without having stored its end."""


async def suspend(host: Host, sprint: SprintId, grace: timedelta, follower: Follower) -> None:
    """Stop the agents, save their work, and leave the sprint so that the same command goes on.

    What cannot be stored is not done: with a full disk the run ends with its agents alive, and the next one adopts them.
    """
    limit = (grace + STOP_EXTRA).total_seconds()
    with anyio.move_on_after(limit):
        async with anyio.create_task_group() as group:
            group.start_soon(_cancel_when_degraded, host, sprint, group.cancel_scope)
            told = await _tell_suspended(host, sprint)
            while told and ((now := follower.sprint) is None or runs_alive(now) or await owes(host, sprint)):
                await follower.next(now)
            group.cancel_scope.cancel()


async def _tell_suspended(host: Host, sprint: SprintId) -> bool:
    """Whether the sprint was told: a run may be ended before it has one."""
    for _ in range(TRIES):
        try:
            suspended = SprintSuspended("the run was ended")
            await host.tree.sprints.ref(sprint).ask(Apply(suspended), timeout=None)
        except ASK_FAILURES:
            await anyio.sleep(PAUSE)
        else:
            return True
    return False


async def _cancel_when_degraded(host: Host, sprint: SprintId, scope: anyio.CancelScope) -> None:
    """Give the stop up when the storage stays in trouble."""
    looks = 0
    trouble: str | None = None
    while looks < DEGRADED_LOOKS:
        await anyio.sleep(PAUSE)
        with suppress(*ASK_FAILURES):
            trouble = await host.tree.storage.trouble()
        looks = 0 if trouble is None else looks + 1
    structlog.get_logger("run").error(
        "stop_not_stored",
        sprint=sprint,
        cause=trouble,
        remedy="agents that run were left running; free the disk and give the same command to go on",
    )
    scope.cancel()


async def owes(host: Host, sprint: SprintId) -> bool:
    """Whether an intent is still open."""
    return len(await host.tree.storage.open_intents(sprint)) > 0
