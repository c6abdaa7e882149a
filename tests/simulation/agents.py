"""The agents of a simulation: what each run does follows from the seed and the run's name, whenever it is started."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

import anyio
from anyio.abc import TaskGroup

from caloron_actors.adapters.memory.launcher import CannotStart, Finished, MemoryLauncher
from caloron_actors.adapters.memory.workspace import MemoryWorkspace
from caloron_actors.domain.ids import SprintId
from caloron_actors.ports.launcher import LaunchOrder, RunId, RunState
from tests.actors.cast import IN_CONFLICT
from tests.actors.faults import FaultyLauncher
from tests.simulation.chance import Chance
from tests.simulation.loop import WORLD, SimLoop
from tests.simulation.trouble import Trouble

T = TypeVar("T")
AUTHOR_WAYS = (
    ("work",) * 14 + ("quarrel",) * 3 + ("idle", "fail", "signal", "hang", "flood", "no_start", "lost")
)
REVIEWER_WAYS = ("approve",) * 12 + ("object",) * 4 + ("mute", "babble", "fail", "hang", "lost")
MOODS = {
    "fair": REVIEWER_WAYS,
    "sullen": ("approve", "mute", "babble", "fail"),
    "harsh": ("approve", "object"),
}
"""What the reviewers of a seed are like."""
FLOOD = "x" * 400_000


class WorldTasks:
    """A task group whose tasks belong to the world, whoever starts them."""

    def __init__(self, loop: SimLoop, group: TaskGroup) -> None:
        self._loop = loop
        self._group = group

    def start_soon(self, work: Callable[..., Any], /, *args: Any, name: object = None) -> None:
        """Start it in the world's life."""
        with self._loop.living(WORLD):
            self._group.start_soon(work, *args, name=name)

    async def do(self, work: Callable[[], Awaitable[T]]) -> T:
        """Have the world do something that goes on when whoever asked for it dies."""
        results: list[T] = []
        done = anyio.Event()

        async def carry_out() -> None:
            results.append(await work())
            done.set()

        self.start_soon(carry_out)
        await done.wait()
        return results[0]


class SimLauncher(FaultyLauncher):
    """Implements `ports.launcher.Launcher` under faults. A signal that was sent arrives though its sender dies."""

    def __init__(self, inner: MemoryLauncher, trouble: Trouble, tasks: WorldTasks) -> None:
        super().__init__(inner, trouble)
        self._memory = inner
        self._trouble = trouble
        self._tasks = tasks

    async def launch(self, order: LaunchOrder) -> RunState:
        if self._trouble.strikes("launch_refused"):
            self._memory.refuse_next("its harness did not claim in time")
        return await super().launch(order)

    async def stop(self, run: RunId, grace: timedelta) -> RunState:
        return await self._through("stop", lambda: self._tasks.do(lambda: self._inner.stop(run, grace)))


class Agents:
    """Plays every run. `live` are those whose process lives now, `started` all that ever did."""

    def __init__(
        self, chance: Chance, trouble: Trouble, workspaces: dict[SprintId, MemoryWorkspace], *, plain: bool
    ) -> None:
        self.live: set[RunId] = set()
        self.started: list[RunId] = []
        self.starting: Callable[[LaunchOrder], None] = lambda order: None
        self.launcher: MemoryLauncher
        self._chance = chance
        self._trouble = trouble
        self._workspaces = workspaces
        self._plain = plain
        self._mood = MOODS[chance.stream("mood").pick(("fair", "fair", "fair", "fair", "sullen", "harsh"))]

    async def play(self, order: LaunchOrder) -> Finished | CannotStart:
        """One run, from its start to its end."""
        run = order.run
        draws = self._chance.stream(f"run {run}")
        self.starting(order)
        self.live.add(run)
        self.started.append(run)
        deaf = not self._plain and draws.happens(0.2)
        try:
            return await self._act(order, draws)
        except anyio.get_cancelled_exc_class():
            if deaf and not self._trouble.over:  # it takes no notice of SIGTERM
                self._trouble.note("ignored_sigterm")
                with anyio.CancelScope(shield=True):
                    await anyio.sleep(10)
            raise
        finally:
            self.live.discard(run)

    async def _act(self, order: LaunchOrder, draws: Chance) -> Finished | CannotStart:
        author = order.argv[0].endswith("author")
        ways = AUTHOR_WAYS if author else self._mood
        way = draws.pick(ways)
        if self._plain or self._trouble.over:
            way = ways[0]
        if way != ways[0]:
            self._trouble.note(f"agent_{way}")
        if way == "no_start":
            return CannotStart("no such command")
        await anyio.sleep(draws.between(2, 40) if not self._plain else 30.0)
        if way == "hang":
            await anyio.sleep_forever()
        if way == "lost":
            self.launcher.lose(order.run)
            await anyio.sleep_forever()
        if way in ("fail", "signal"):
            return Finished(code=None, signal=9) if way == "signal" else Finished(code=3, stderr="no\n")
        return self._write(order, way) if author else _judge(order, way)

    def _write(self, order: LaunchOrder, way: str) -> Finished:
        task = order.run.task
        copy = self._workspaces[order.run.sprint].copy(task)
        if way != "idle":
            copy.files[f"{order.run.sprint}-{task}.txt"] = f"{order.run} wrote this\n".encode()
        if way == "quarrel":
            copy.files["shared.txt"] = f"{task}\n".encode()
        if IN_CONFLICT in order.prompt:
            copy.merge_base({"shared.txt": f"{order.run} and the others\n".encode()})
        return Finished(stdout=FLOOD if way == "flood" else "done\n")


def _judge(order: LaunchOrder, way: str) -> Finished:
    match way:
        case "object":
            return Finished(stdout=f"CHANGES_NEEDED: {order.run} wants more\n")
        case "mute":
            return Finished()
        case "babble":
            return Finished(stdout="APPROVED, if you ask me: rate limit reached\n")
        case _:
            return Finished(stdout="I have read it.\nAPPROVED\n")
