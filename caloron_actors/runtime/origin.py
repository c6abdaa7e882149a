"""Who is speaking: the incarnation on whose behalf the current task runs, kept in one context variable."""

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .cell import Cell


class Voice:
    """An incarnation speaking either from its handler, which holds the mailbox, or from side tasks, which do not.

    Once fenced (it could not be killed), everything it sends is refused.
    """

    __slots__ = ("cell", "fenced", "in_handler")

    def __init__(self, cell: "Cell", *, in_handler: bool) -> None:
        self.cell = cell
        self.in_handler = in_handler
        self.fenced = False


VOICE: ContextVar[Voice | None] = ContextVar("caloron_actors_voice", default=None)
