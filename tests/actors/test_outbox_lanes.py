"""What fails for one task, for whatever reason and however long, fails for that task alone."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

import anyio
import pytest
from structlog.typing import EventDict

from caloron_actors.adapters.memory.workspace import MemoryWorkspace
from caloron_actors.domain.ids import TaskId
from caloron_actors.ports.workspace import Place, Prepared
from tests.actors.service import Service
from tests.domain.sprint.plans import dag, task

BOTH = dag(task("a", by="ann"), task("b", by="bob"))


class Buggy(MemoryWorkspace):
    """Stumbles over one task."""

    stumbles = True

    async def prepare_fresh(self, place: Place) -> Prepared:
        if self.stumbles and place.task == TaskId("a"):
            raise KeyError("nobody thought of this")
        return await super().prepare_fresh(place)


@asynccontextmanager
async def stumbling() -> AsyncGenerator[tuple[Service, Buggy], None]:
    async with anyio.create_task_group() as group:
        service = Service(group, BOTH)
        service.workspace = buggy = Buggy(service.repository)
        await service.start()
        yield service, buggy
        group.cancel_scope.cancel()


@pytest.mark.parametrize("restart", [False, True])
async def test_a_bug_in_one_effect_holds_up_its_own_task(logs: list[EventDict], restart: bool) -> None:
    """It is said loudly, tried ever more rarely, and crashes nothing; when it is mended the task goes on."""
    async with stumbling() as (service, buggy):
        await service.until(lambda: service.sprint is not None and service.row("b").status == "done")
        await service.let(timedelta(hours=1))
        assert service.row("a").status == "starting"
        assert service.crashes() == []
        tries = service.faults.calls["prepare_fresh"] - 1
        assert 10 <= tries <= 30
        assert len([line for line in logs if line["event"] == "effect_failed"]) == tries
        if restart:
            service.kill()
            await service.start()
        buggy.stumbles = False
        assert (await service.finish()).head.outcome == "succeeded"
        assert service.row("a").attempts == 1
