"""A side task whose result is turned into another actor's message. Both type checkers must reject the marked line."""

from caloron_actors.runtime import Actor, Ctx, Tell


class Lamp(Actor[None, None]):
    """Can be switched."""

    lit = False


class Door(Actor[None, None]):
    """Spawns."""

    async def init(self, ctx: Ctx["Door"], arg: None, restored: None) -> None:
        """The first is right."""
        ctx.spawn(_work, lambda _result: Knock())
        ctx.spawn(_work, lambda _result: Switch())  # planted


class Knock(Tell[Door], frozen=True):
    """For doors."""

    async def run(self, actor: Door, ctx: Ctx[Door]) -> None: ...


class Switch(Tell[Lamp], frozen=True):
    """For lamps."""

    async def run(self, actor: Lamp, ctx: Ctx[Lamp]) -> None:
        actor.lit = not actor.lit


async def _work() -> int:
    return 1
