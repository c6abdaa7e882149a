"""A start argument of the wrong type in a specification. Both type checkers must reject the marked line."""

from caloron_actors.runtime import Actor, child, supervisor


class Scale(Actor[int, None]):
    """Starts with its tare in grams."""


RIGHT = supervisor(child(Scale, 10, id="scale"), id="root")
WRONG = supervisor(child(Scale, "ten", id="scale"), id="root")  # planted
