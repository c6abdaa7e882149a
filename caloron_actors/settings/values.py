"""One value of a file or a variable, read as the type of its key, or refused in the words of whoever wrote it."""

import shlex
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import get_args

import msgspec
from msgspec.inspect import IntType, LiteralType, type_info

from caloron_actors.domain.dag.duration import DURATION_RULE, parse_duration
from caloron_actors.domain.dag.findings import shown
from caloron_actors.settings.sections import Command, variable


class SettingsError(Exception):
    """Settings cannot be used. Each line is one mistake: where it stands, what is wrong, what would be right."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class Source(msgspec.Struct, frozen=True):
    """Where a value was written. Relative paths start at `beside`; a variable's value is always text."""

    beside: Path
    is_text: bool


def read_value(wanted: object, value: object, source: Source, environ: Mapping[str, str]) -> object:
    """`value` as the type `wanted`, which is that of a key. Raises SettingsError, which does not name the place."""
    kinds = (wanted, *get_args(wanted))
    if timedelta in kinds:
        length = parse_duration(value) if isinstance(value, str) else None
        if length is None:
            quotes = "" if isinstance(value, str) else ", in quotes"
            raise SettingsError(f"{_written(value)} is not {DURATION_RULE}{quotes}")
        return length
    if Path in kinds:
        return _path(_text(value, "a path"), source, environ)
    if Command in kinds:
        return _words(_text(value, "a command line"))
    try:
        return msgspec.convert(value, wanted, strict=not source.is_text)
    except msgspec.ValidationError as error:
        raise _unfit(value, _expected(wanted)) from error


def default_state_directory(environ: Mapping[str, str]) -> Path:
    """`$STATE_DIRECTORY` (the first of several), else `caloron` in `$XDG_STATE_HOME`, else in `~/.local/state`.

    Relative values are passed over, as the XDG rules ask. Raises SettingsError where no home is known.
    """
    service = Path(environ.get("STATE_DIRECTORY", "").split(":")[0])
    if service.is_absolute():
        return service
    state_home = Path(environ.get("XDG_STATE_HOME", ""))
    return (state_home if state_home.is_absolute() else _home(environ) / ".local" / "state") / "caloron"


def _expected(wanted: object) -> str:
    match type_info(wanted):
        case IntType(ge=int() as least, le=int() as most):
            return f"a whole number from {least} to {most}"
        case IntType(ge=int() as least):
            return f"a whole number, {least} or more"
        case LiteralType():
            return f"one of {', '.join(map(repr, get_args(wanted)))}"
        case _:
            return "text in quotes"


def _unfit(value: object, expected: str) -> SettingsError:
    return SettingsError(f"{_written(value)} does not fit: expected {expected}")


def _written(value: object) -> str:
    """A value as a file has it, shortened; of what is no single value or a date, only what it is."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return shown(value)
        case int() | float():
            text = str(value)
            return text if len(text) <= len(str(2**64)) else "this number"
        case datetime() | date() | time():
            return "a date or time"
        case list():
            return "an array"
        case _:
            return "a table"


def _text(value: object, expected: str) -> str:
    if not isinstance(value, str):
        raise _unfit(value, f"{expected}, in quotes")
    return value


def _path(text: str, source: Source, environ: Mapping[str, str]) -> Path:
    if text == "~" or text.startswith("~/"):
        return _home(environ) / text[2:]
    return source.beside / text


def _words(text: str) -> Command:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise SettingsError(f"cannot be split into words ({error}): check its quotes") from error
    if not words:
        raise SettingsError("names no command: give one, or leave it empty")
    return tuple(words)


def _home(environ: Mapping[str, str]) -> Path:
    home = Path(environ.get("HOME", ""))
    if not home.is_absolute():
        raise SettingsError(f"HOME is not set to a directory: set it, or {variable('state', 'directory')}")
    return home
