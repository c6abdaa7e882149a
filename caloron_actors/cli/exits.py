"""Exit codes, and the one place where what went wrong becomes a line on stderr and a code."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from enum import IntEnum
from typing import NoReturn, TypeGuard

import click

from caloron_actors.app.mistakes import Mistakes
from caloron_actors.domain.marker import one_line
from caloron_actors.ports.errors import PASSING, PortError, StateUnusable, Unavailable, may_pass
from caloron_actors.settings import SettingsError

REMEDY = "free its disk, or end what holds it, and give the same command again"


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
            case SettingsError(lines=lines):
                complain(lines, unusable)
            case PortError() | OSError() if (said := _state_trouble(cause)) is not None:
                complain((one_line(said),), busy if may_pass(cause) else unusable)
            case PortError():
                complain((one_line(str(cause)),), internal)
            case Exception() if not isinstance(cause, click.ClickException | click.exceptions.Exit):
                complain((f"internal failure: {type(cause).__name__}: {one_line(str(cause))}",), internal)
            case KeyboardInterrupt():
                # Before anything was begun; once it runs, signals are events.
                sys.exit(Exit.INTERRUPTED)
            case _:
                raise


def _state_trouble(error: PortError | OSError) -> str | None:
    """What to say of a state directory that cannot be used, for now or at all; None when it is not about one."""
    match error:
        case StateUnusable():
            return str(error)
        case Unavailable():
            return f"{error}; {REMEDY}"
        case OSError() if error.errno in PASSING:
            return f"{error.filename or 'the state directory'}: {error.strerror}; {REMEDY}"
        case _:
            return None


def _leaf(error: BaseException) -> BaseException:
    """The first real exception in a group: the rest are its consequences."""
    while _is_group(error):
        error = error.exceptions[0]
    return error


def _is_group(error: BaseException) -> TypeGuard[BaseExceptionGroup[BaseException]]:
    return isinstance(error, BaseExceptionGroup)
