"""Who is speaking: the incarnation on whose behalf the current task runs, kept in one context variable."""

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .cell import Cell


class Origin:
    """One incarnation as a sender. Once fenced (it could not be killed), everything it sends is refused."""

    __slots__ = ("cell", "fenced", "incarnation")

    def __init__(self, cell: "Cell", incarnation: int) -> None:
        self.cell = cell
        self.incarnation = incarnation
        self.fenced = False


class Voice:
    """An origin speaking either from its handler, which holds the mailbox, or from a side task, which does not."""

    __slots__ = ("in_handler", "origin")

    def __init__(self, origin: Origin, *, in_handler: bool) -> None:
        self.origin = origin
        self.in_handler = in_handler


VOICE: ContextVar[Voice | None] = ContextVar("caloron_actors_voice", default=None)
