"""A message told to an actor that it is not for. Both type checkers must reject the marked line."""

from caloron_actors.runtime import Actor, Ctx, Ref, Tell


class Lamp(Actor[None, None]):
    """Can be switched."""

    lit = False


class Door(Actor[None, None]):
    """Cannot."""


class Switch(Tell[Lamp], frozen=True):
    """For lamps."""

    async def run(self, actor: Lamp, ctx: Ctx[Lamp]) -> None:
        actor.lit = not actor.lit


def use(lamp: Ref[Lamp], door: Ref[Door]) -> None:
    """The first is right."""
    lamp.tell(Switch())
    door.tell(Switch())  # planted
