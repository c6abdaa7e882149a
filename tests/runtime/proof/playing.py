"""Plays a history on the runtime, on a clock of its own, and writes the record to be held against the model's."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import assert_never

import anyio

from caloron_actors.adapters.memory.clock import ManualClock
from caloron_actors.runtime import (
    Actor,
    ActorGone,
    AlreadyStarted,
    Budget,
    ChildRefused,
    ChildSpec,
    Ctx,
    Exit,
    FactorySpec,
    Killed,
    Node,
    Normal,
    Progress,
    Report,
    Shutdown,
    StartFailed,
    Stopped,
    SupervisorReport,
    SupervisorSpec,
    System,
    Tell,
    child,
    factory,
    supervisor,
)
from caloron_actors.runtime.spec import AnySpec

from .trees import (
    Branch,
    Call,
    Ends,
    Grow,
    History,
    How,
    Leaf,
    Nursery,
    Passes,
    Record,
    Spec,
    StartKey,
    Step,
    StopKey,
)

MOST_TURNS = 100_000
"""Loop turns after which a tree that has not come to rest never will."""
EXITS: dict[How, Exit] = {
    "normal": Normal(),
    "shutdown": Shutdown(),
    "info": Shutdown("enough"),
    "killed": Killed(),
}


class Part:
    """What an actor of a history is: where it writes, and which of its starts fail. Shared by its incarnations."""

    def __init__(self, path: str, leaf: Leaf, lines: list[str]) -> None:
        self.path = path
        self.leaf = leaf
        self.lines = lines
        self.starts = 0


class Player(Actor[Part, None]):
    """Writes its starts and stops."""

    part: Part

    async def init(self, ctx: Ctx["Player"], arg: Part, restored: None) -> None:
        self.part = arg
        arg.starts += 1
        failed = arg.starts in arg.leaf.fails
        arg.lines.append(f"{'fail' if failed else 'start'} {arg.path}")
        if failed:
            raise ValueError("this start fails")

    async def terminate(self, reason: Exit) -> None:
        self.part.lines.append(f"stop {self.part.path} {label(reason)}")
        if self.part.leaf.sore:
            raise ValueError("terminate crashes")


class End(Tell[Player], frozen=True):
    """Ends the actor."""

    how: How

    async def run(self, actor: Player, ctx: Ctx[Player]) -> None:
        if self.how == "crash":
            raise ValueError("crash")
        ctx.stop(EXITS[self.how])


def label(reason: Exit) -> str:
    """The model's word for a reason."""
    if isinstance(reason, Shutdown) and reason != Shutdown():
        return "info"
    return type(reason).__name__.lower()


class Stage:
    """One system with a clock that only the history moves."""

    def __init__(self, root: Branch) -> None:
        self.clock = ManualClock()
        self.record = Record()
        self.system = System(clock=self.clock, observer=self)
        self.factories: dict[str, FactorySpec[Part, Player]] = {}
        self.root = self._build_branch(root, root.id)

    def report(self, report: Report) -> None:
        match report:
            case Progress(_, started):
                self.record.reports.append(f"progress {started.path}")
            case Stopped(path, _, reason):
                self.record.reports.append(f"end {path} {label(reason)}")
            case SupervisorReport(_, context, _, offender):
                self.record.reports.append(f"{context} {offender.path}")
            case _:
                pass

    async def run(self, task_status: anyio.abc.TaskStatus[None]) -> None:
        try:
            self.record.exit = label(await self.system.run(self.root, task_status=task_status))
        except StartFailed:
            self.record.exit = "start_failed"
            task_status.started()

    def look(self) -> None:
        self.record.pictures.append([] if self.record.exit else _picture(self.system.tree()))

    async def play(self, step: Step) -> None:
        """Do it, and let all that follows from it happen."""
        match step:
            case Passes(seconds):
                self.clock.advance(timedelta(seconds=seconds))
            case Ends(ends):
                for path, how in ends:
                    self.system.ref(Player, path).tell(End(how))
            case StartKey(path, key, fails):
                handle = self.system.factory(self.factories[path], path)
                part = Part(f"{path}/{key}", Leaf(key, fails=fails), self.record.lines)
                await self._answer(step, lambda: handle.start_child(key, part))
            case StopKey(path, key):
                handle = self.system.factory(self.factories[path], path)
                await self._answer(step, lambda: handle.terminate_child(key))
            case Call(path, name, id_):
                call = getattr(self.system.supervisor(path), name)
                await self._answer(step, lambda: call(id_))
            case Grow(path, leaf):
                spec = self._build_leaf(leaf, f"{path}/{leaf.id}")
                await self._answer(step, lambda: self.system.supervisor(path).start_child(spec))
            case _:
                assert_never(step)
        await settle()
        self.look()

    async def _answer(self, step: Step, call: Callable[[], Awaitable[object]]) -> None:
        try:
            await call()
            answer = "ok"
        except AlreadyStarted:
            answer = "already_started"
        except ChildRefused as refusal:
            answer = refusal.why
        except StartFailed:
            answer = "failed"
        except ActorGone:
            answer = "gone"
        self.record.lines.append(f"answer {type(step).__name__} {answer}")

    def _build(self, spec: Spec, path: str) -> AnySpec:
        match spec:
            case Leaf():
                return self._build_leaf(spec, path)
            case Branch():
                return self._build_branch(spec, path)
            case Nursery(id_, restart, rule, intensity, period, limit):
                self.factories[path] = made = factory(
                    Player,
                    id=id_,
                    restart=rule,
                    own_restart=restart,
                    intensity=intensity,
                    period=period,
                    max_children=limit,
                )
                return made
            case _:
                assert_never(spec)

    def _build_leaf(self, leaf: Leaf, path: str) -> ChildSpec:
        return child(
            Player,
            Part(path, leaf, self.record.lines),
            id=leaf.id,
            restart=leaf.restart,
            significant=leaf.significant,
            shutdown="kill" if leaf.brutal else 5.0,
            budget=None if leaf.budget is None else Budget(*leaf.budget),
        )

    def _build_branch(self, spec: Branch, path: str) -> SupervisorSpec:
        return supervisor(
            *(self._build(inner, f"{path}/{inner.id}") for inner in spec.children),
            id=spec.id,
            strategy=spec.strategy,
            intensity=spec.intensity,
            period=spec.period,
            restart=spec.restart,
            auto_shutdown=spec.auto_shutdown,
            significant=spec.significant,
        )


async def play(history: History) -> Record:
    """The record of the history on the runtime. Raises AssertionError when a task is left behind."""
    stage, before = Stage(history.root), asyncio.all_tasks()
    async with anyio.create_task_group() as group:
        await group.start(stage.run)
        await settle()
        stage.look()
        for step in history.steps:
            if stage.record.exit:
                break
            await stage.play(step)
        if not stage.record.exit:
            await stage.system.stop()
    left = asyncio.all_tasks() - before
    assert not left, f"left behind: {left}"
    return stage.record


async def settle() -> None:
    """Let everything run until it waits for the clock: nothing is left that the loop could do."""
    ready = vars(asyncio.get_running_loop())["_ready"]
    for _ in range(MOST_TURNS):
        await asyncio.sleep(0)
        if not ready:
            return
    raise AssertionError("the tree does not come to rest")


def _picture(node: Node) -> list[str]:
    if node.state != "running" or node.kind == "actor":
        return [f"{node.path} {node.state}"]
    lines = [f"{node.path} running restarts={node.restarts}"]
    for inner in node.children:
        lines += _picture(inner)
    return lines
