"""A handling that returns another type than its message promises. Both type checkers must reject the marked line."""

from caloron_actors.runtime import Actor, Ask, Ctx


class Scale(Actor[None, None]):
    """Weighs."""

    grams = 0


class Weight(Ask[Scale, int], frozen=True):
    """Right."""

    async def run(self, actor: Scale, ctx: Ctx[Scale]) -> int:
        return actor.grams


class Label(Ask[Scale, int], frozen=True):
    """Promises a number."""

    async def run(self, actor: Scale, ctx: Ctx[Scale]) -> str:  # planted
        return f"{actor.grams} g"
