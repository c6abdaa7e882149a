"""What is said about a crash: the report with OTP's fields, and the record of the message that did it."""

from typing import Any

from .actor import Actor
from .cell import Cell
from .exits import Exit, crashed, without_cause
from .mailbox import Call, Entry, Own
from .telemetry import CrashReport, Poison


def message_of(entry: Entry | None) -> object:
    """The message of a mailbox entry."""
    return entry.msg if isinstance(entry, Call | Own) else entry


def report_crash(
    cell: Cell, actor: Actor[Any, Any] | None, doing: Entry | None, number: int, reason: Exit, *, during: str
) -> None:
    """Report it; a message in work is put on record as poison."""
    message, poison = message_of(doing), None
    if during == "message" and doing is not None:
        poison = Poison(cell.path, number, message, without_cause(reason))
        cell.keep_poison(poison)
    asker = doing.asker if isinstance(doing, Call) else None
    queued, dropped = len(cell.mailbox), cell.mailbox.dropped
    cell.kernel.report(
        CrashReport(
            cell.path, number, reason, during, message, queued, dropped, poison, asker, _status(actor)
        )
    )


def _status(actor: Actor[Any, Any] | None) -> object:
    try:
        return None if actor is None else actor.format_status()
    except Exception as error:
        return f"format_status failed: {crashed(error).error}"
