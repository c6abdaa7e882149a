"""The kernel's reports as log lines."""

from typing import assert_never

import structlog

from caloron_actors.runtime import (
    Alarm,
    CrashReport,
    Frozen,
    LoopStalled,
    Progress,
    Report,
    Stopped,
    SupervisorReport,
    Undelivered,
)


class LoggedReports:
    """Implements the kernel's Observer with structlog: one event name for each kind of report."""

    def __init__(self) -> None:
        self._log = structlog.get_logger("actors")

    def report(self, report: Report) -> None:
        """Log one report; starts and clean ends only for those who want to see everything."""
        match report:
            case Progress():
                self._log.debug("actor_progress", report=repr(report))
            case SupervisorReport():
                self._log.error("actor_supervisor_report", report=repr(report))
            case CrashReport():
                self._log.error("actor_crash_report", report=repr(report))
            case Stopped():
                self._log.debug("actor_stop", report=repr(report))
            case _:
                assert_never(report)


def log_alarm(alarm: Alarm) -> None:
    """Log what stands still without having ended. A stalled loop is told of from a thread of its own."""
    log = structlog.get_logger("actors")
    match alarm:
        case Frozen():
            log.error(
                "actor_frozen",
                actor=alarm.path,
                incarnation=alarm.incarnation,
                message=type(alarm.message).__name__,
                seconds=alarm.seconds,
                stack=alarm.stack,
            )
        case LoopStalled():
            log.error("loop_stalled", seconds=alarm.seconds, stack=alarm.stack)
        case _:
            assert_never(alarm)


def log_undelivered(lost: Undelivered) -> None:
    """Log a message that reached nobody."""
    structlog.get_logger("actors").debug("message_undelivered", report=repr(lost))
