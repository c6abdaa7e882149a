"""The kernel's reports as log lines."""

from typing import assert_never

import structlog

from caloron_actors.runtime import CrashReport, Progress, Report, Stopped, SupervisorReport


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
