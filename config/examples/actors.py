"""Sixty lines of actors: a kitchen that burns a dish, is restarted by its supervisor, and remembers what it served.

Run it: `python config/examples/actors.py`.
"""

import anyio

from caloron_actors.adapters.system.clock import SystemClock
from caloron_actors.runtime import (
    Actor,
    ActorGone,
    Ask,
    Crashed,
    Ctx,
    Down,
    Report,
    Stopped,
    System,
    Tell,
    child,
    supervisor,
)


class Kitchen(Actor[str, int]):
    """Cooks one dish at a time. Its snapshot, the number of dishes, is what its next life starts with."""

    async def init(self, ctx: Ctx["Kitchen"], arg: str, restored: int | None) -> None:
        self.cook, self.served = arg, restored or 0

    def snapshot(self) -> int:
        return self.served


class Order(Ask[Kitchen, str], frozen=True):
    """Asks for a dish; the reply is typed."""

    dish: str

    async def run(self, actor: Kitchen, ctx: Ctx[Kitchen]) -> str:
        if self.dish == "soufflé":
            raise ValueError("burnt")
        actor.served += 1
        return f"{actor.cook} serves {self.dish}, number {actor.served}"


class Inspector(Actor[System, None]):
    """Wants to hear of every end of the kitchen."""

    async def on_down(self, ctx: Ctx["Inspector"], down: Down) -> None:
        print(f"inspector: life {down.incarnation} of {down.path} is over")  # noqa: T201


class Visit(Tell[Inspector], frozen=True):
    """Sends the inspector to an address."""

    async def run(self, actor: Inspector, ctx: Ctx[Inspector]) -> None:
        ctx.monitor(system.ref(Kitchen, "root/kitchen"))


class Notebook:
    """Takes the kernel's reports."""

    def report(self, report: Report) -> None:
        if isinstance(report, Stopped) and isinstance(report.reason, Crashed):
            print(f"report: {report.path} crashed: {report.reason.error}")  # noqa: T201


system = System(clock=SystemClock(), observer=Notebook())


async def main() -> None:
    inspector = child(Inspector, system, id="inspector")
    root = supervisor(inspector, child(Kitchen, "Ada", id="kitchen"), id="root", intensity=3, period=60.0)
    kitchen = system.ref(Kitchen, "root/kitchen")  # an address, good across restarts
    async with anyio.create_task_group() as group:
        await group.start(system.run, root)
        system.ref(Inspector, "root/inspector").tell(Visit())
        for dish in ("soup", "soufflé", "bread"):
            try:
                print(await kitchen.ask(Order(dish)))  # noqa: T201
            except ActorGone as gone:
                print(f"no {dish}: {gone}")  # noqa: T201
        await system.stop()


if __name__ == "__main__":
    anyio.run(main)
