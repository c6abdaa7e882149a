"""A reply used as what it is not. Both type checkers must reject the marked line."""

from caloron_actors.runtime import Actor, Ask, Ctx, Ref


class Scale(Actor[None, None]):
    """Weighs."""

    grams = 0


class Weight(Ask[Scale, int], frozen=True):
    """Replies with grams."""

    async def run(self, actor: Scale, ctx: Ctx[Scale]) -> int:
        return actor.grams


async def use(scale: Ref[Scale]) -> tuple[int, str]:
    """The first is right."""
    grams: int = await scale.ask(Weight())
    label: str = await scale.ask(Weight())  # planted
    return grams, label
