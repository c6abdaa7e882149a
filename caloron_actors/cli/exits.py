"""Exit codes, and the one place where what went wrong becomes a line on stderr and a code."""

import errno
import sys
from collections.abc import Generator
from contextlib import contextmanager
from enum import IntEnum
from typing import NoReturn, TypeGuard

import click

from caloron_actors.app.mistakes import Mistakes
from caloron_actors.domain.marker import one_line
from caloron_actors.ports.errors import PortError, StateBusy, StateUnusable, Unavailable
from caloron_actors.settings import SettingsError

PASSING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})


class Exit(IntEnum):
    """`run` and `demo` use the first six; `serve` those of sysexits.h. 130 and 143 are for an interrupted run.

    Both end with SERVICE_INTERNAL when a part of them could not be stopped: the kernel then ends the process.
    """

    OK = 0
    NOT_SUCCEEDED = 1
    USAGE = 2
    INTERNAL = 3
    INTERRUPTED = 130
    TERMINATED = 143
    SERVICE_INTERNAL = 70
    SERVICE_BUSY = 75
    SERVICE_CONFIG = 78


def complain(lines: tuple[str, ...], code: int) -> NoReturn:
    """Say what is wrong, a line each, and leave."""
    for line in lines:
        click.echo(f"error: {line}", err=True)
    sys.exit(code)


@contextmanager
def failures_of_a_run() -> Generator[None, None, None]:
    """Turn the ways a run can fail into a message and an exit code."""
    with _translated(busy=Exit.USAGE, unusable=Exit.USAGE, internal=Exit.INTERNAL):
        yield


@contextmanager
def failures_of_the_service() -> Generator[None, None, None]:
    """Turn the ways the service can fail into a message and an exit code."""
    with _translated(busy=Exit.SERVICE_BUSY, unusable=Exit.SERVICE_CONFIG, internal=Exit.SERVICE_INTERNAL):
        yield


@contextmanager
def _translated(*, busy: Exit, unusable: Exit, internal: Exit) -> Generator[None, None, None]:
    try:
        yield
    except BaseException as error:
        cause = _leaf(error)
        match cause:
            case Mistakes(lines=lines):
                complain(lines, Exit.USAGE if unusable is Exit.USAGE else unusable)
            case SettingsError():
                complain((str(cause),), unusable)
            case StateBusy() | Unavailable():
                complain((one_line(str(cause)),), busy)
            case StateUnusable():
                complain((one_line(str(cause)),), busy if _may_pass(cause) else unusable)
            case PortError():
                complain((one_line(str(cause)),), internal)
            case Exception() if not isinstance(cause, click.ClickException | click.exceptions.Exit):
                complain((f"internal failure: {type(cause).__name__}: {one_line(str(cause))}",), internal)
            case KeyboardInterrupt():
                # Before anything was begun; once it runs, signals are events.
                sys.exit(Exit.INTERRUPTED)
            case _:
                raise


def _may_pass(error: BaseException | None) -> bool:
    """Whether it comes from a disk that is full or in trouble: the same command may go well later."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in PASSING:
            return True
        error = error.__cause__
    return False


def _leaf(error: BaseException) -> BaseException:
    """The first real exception in a group: the rest are its consequences."""
    while _is_group(error):
        error = error.exceptions[0]
    return error


def _is_group(error: BaseException) -> TypeGuard[BaseExceptionGroup[BaseException]]:
    return isinstance(error, BaseExceptionGroup)
