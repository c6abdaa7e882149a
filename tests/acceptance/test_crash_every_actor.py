"""A real sprint in which every actor of the tree crashes on purpose: the forge ends as in an undisturbed run."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import msgspec
import pytest
from anyio.to_thread import run_sync

from caloron_actors.runtime import SupervisorReport
from caloron_actors.views.result import RunResult
from tests.acceptance.conftest import Bench
from tests.acceptance.wrecking import Wreck
from tests.census.world import World, await_processes, world

FACTORIES = {
    "agents": "root/agents/s.ada",
    "sprints": "root/sprints/s",
    "outboxes": "root/outboxes/s",
    "pollers": "root/pollers/local:project",
}
"""Each factory by an actor of it."""
TOO_OFTEN = 11
"""Crashes within a minute that a factory does not survive."""


def prepare(bench: Bench) -> None:
    """Two tasks at once, the first of which is sent back once."""
    bench.tasks("a: ada", "b: bo")
    bench.agents.author()
    bench.agents.reviewer(changes_once="a")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> World:
    """What the sprint leaves when nothing crashes."""
    bench = Bench(tmp_path_factory.mktemp("undisturbed"))
    prepare(bench)
    done = bench.run()
    assert done.code == 0, done
    left = world(bench, done.result)
    bench.close()
    return left


@asynccontextmanager
async def wrecked(bench: Bench, expected: World) -> AsyncIterator[Wreck]:
    """Run the sprint beside the block, then see it end as expected."""
    wreck = Wreck(bench)
    ended: list[RunResult] = []

    async def run() -> None:
        ended.append(await wreck.run())

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        yield wreck
    await run_sync(await_processes, bench)
    result = json.loads(msgspec.json.encode(ended[0]))
    assert world(bench, result).differences(expected) == []


async def held(bench: Bench, count: int) -> None:
    """Wait until so many more agents live."""
    for _ in range(count):
        await run_sync(bench.agents.held)


async def test_every_actor_crashes_once(bench: Bench, undisturbed: World) -> None:
    """Whatever actors the tree has: those that it has while authors work, and those that come with the reviewer."""
    prepare(bench)
    bench.agents.hold("a.author.1", "b.author.1", "a.reviewer.1")
    async with wrecked(bench, undisturbed) as wreck:
        await held(bench, 2)
        for path in wreck.actors():
            await wreck.crash(path)
        bench.agents.release("a.author.1", "b.author.1")
        await held(bench, 1)
        for path in wreck.actors():
            if not wreck.crashed(path):
                await wreck.crash(path)
        everybody = wreck.actors()
        bench.agents.release("a.reviewer.1")
    assert {path: wreck.crashed(path) for path in everybody} == dict.fromkeys(everybody, 1)
    assert {path.split("/")[1] for path in everybody} >= {"journal", "localforge", "listener", *FACTORIES}
    assert [path for path in everybody if path.startswith("root/agents/")] == [
        "root/agents/s.ada",
        "root/agents/s.bo",
        "root/agents/s.rita",
    ]


@pytest.mark.parametrize("factory", FACTORIES)
async def test_every_factory_gives_up_once(bench: Bench, undisturbed: World, factory: str) -> None:
    """One of its actors crashes more often than it bears: it and all that was started after it come back."""
    prepare(bench)
    bench.agents.hold("a.author.1", "b.author.1")
    async with wrecked(bench, undisturbed) as wreck:
        await held(bench, 2)
        for _ in range(TOO_OFTEN):
            await wreck.crash(FACTORIES[factory])
        bench.agents.release("a.author.1", "b.author.1")
    assert gave_up(wreck) == [f"root/{factory}"]


def gave_up(wreck: Wreck) -> list[str]:
    """The children of the root that have ended by themselves."""
    told = [report for report in wreck.reports if isinstance(report, SupervisorReport)]
    ended = [report for report in told if (report.supervisor, report.context) == ("root", "child_terminated")]
    return [report.offender.path for report in ended]
