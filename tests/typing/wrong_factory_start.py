"""A factory's child started with an argument of the wrong type. Both type checkers must reject the marked line."""

from caloron_actors.runtime import Actor, Ref, System, factory


class Scale(Actor[int, None]):
    """Starts with its tare in grams."""


SCALES = factory(Scale, id="scales")


async def use(system: System) -> Ref[Scale]:
    """The second is right."""
    scales = system.factory(SCALES, "root/scales")
    await scales.start_child("a", "ten")  # planted
    return await scales.start_child("b", 10)
