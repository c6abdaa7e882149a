"""structlog for the two ways the program is used: people at a terminal, and machines reading lines. Always stderr."""

import logging
import sys

import structlog

from caloron_actors.domain.marker import one_line


def configure_logs(level: str, form: str) -> None:
    """Log from `level` on; `form` is `json`, `console`, or `auto`: console on a terminal."""
    console = form == "console" or (form == "auto" and sys.stderr.isatty())
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if console else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _clean,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )


def _clean(
    logger: structlog.typing.WrappedLogger, name: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Words of agents and forges never reach a terminal raw."""
    return {k: one_line(v, 4000) if isinstance(v, str) and k != "exception" else v for k, v in event.items()}
