"""What the operator may set: read from a TOML file and `CALORON_*` variables, checked, and given as one value.

Reads the one file it is told to read and nothing else; a command line's flags are the caller's to put on top.
"""

import shlex
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal, get_args

import msgspec

from caloron_actors.domain.dag.duration import DURATION_RULE, format_duration, parse_duration
from caloron_actors.domain.events import Limits

Count = Annotated[int, msgspec.Meta(ge=1)]
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Level = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["auto", "json", "console"]
Command = tuple[str, ...]


class SettingsError(Exception):
    """A setting cannot be used. The message is one line: where it stands, what is wrong, what would be right."""


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class State(_Section, frozen=True, kw_only=True):
    """`directory` holds everything the service keeps."""

    directory: Path


class Http(_Section, frozen=True, kw_only=True):
    """Where the listener listens; port 0 takes any free one. `token_file` None: a token is made."""

    host: str = "127.0.0.1"
    port: Port = 7710
    token_file: Path | None = None


class Agents(_Section, frozen=True, kw_only=True):
    """How agents run. A command is split into words already; None leaves it to the agent's framework."""

    max_agents: Count = 4
    command: Command | None = None
    reviewer_command: Command | None = None
    stop_grace: timedelta = timedelta(seconds=10)
    orphan_limit: timedelta = timedelta(minutes=30)
    wall_time: timedelta = timedelta(hours=2)
    failed_attempts: Count = 3
    retry_first: timedelta = timedelta(seconds=1)
    retry_cap: timedelta = timedelta(seconds=30)
    reviewer_asks: Count = 3
    conflict_rounds: Count = 3
    launch_attempts: Count = 5

    def limits(self) -> Limits:
        """The part of these that a sprint is started with."""
        return Limits(
            max_agents=self.max_agents,
            failed_attempts=self.failed_attempts,
            reviewer_asks=self.reviewer_asks,
            conflict_rounds=self.conflict_rounds,
            launch_attempts=self.launch_attempts,
            retry_first=self.retry_first,
            retry_cap=self.retry_cap,
            stop_grace=self.stop_grace,
        )


class Forge(_Section, frozen=True, kw_only=True):
    """How often the forge is asked what changed: right after activity, and when nothing moves."""

    poll_interval: timedelta = timedelta(seconds=2)
    poll_idle: timedelta = timedelta(seconds=60)


class Log(_Section, frozen=True, kw_only=True):
    """What is logged and how; `auto` is `console` on a terminal and `json` otherwise."""

    level: Level = "info"
    format: LogFormat = "auto"


class Settings(_Section, frozen=True, kw_only=True):
    """Every setting of the service."""

    state: State
    http: Http = Http()
    agents: Agents = Agents()
    forge: Forge = Forge()
    log: Log = Log()


_SECTIONS: Mapping[str, type[_Section]] = {
    "state": State,
    "http": Http,
    "agents": Agents,
    "forge": Forge,
    "log": Log,
}


class _Source(msgspec.Struct, frozen=True):
    """One place a value was read from. `name` is how people find it; `beside` is what relative paths start at."""

    name: str
    beside: Path
    is_text: bool


def load_settings(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Settings from `path` (None: no file) with the environment on top; raises SettingsError at the first mistake.

    A variable is named after section and key, `CALORON_HTTP_PORT`; an empty one counts as not set, and in the file
    an empty text says that an optional key is not set. Relative paths start at the file, or at the current directory.
    """
    file = {} if path is None else _sections(path)
    _refuse_unknown_variables(environ)
    read: dict[str, dict[str, object]] = {}
    for section, kind in _SECTIONS.items():
        read[section] = dict(_given(kind, section, path, file.get(section, {}), environ))
    read["state"].setdefault("directory", default_state_directory(environ))
    settings = msgspec.convert(read, Settings)
    _check_order(settings, "environment" if path is None else str(path))
    return settings


def default_state_directory(environ: Mapping[str, str]) -> Path:
    """`$STATE_DIRECTORY` (the first of several), else `caloron` in `$XDG_STATE_HOME`, else in `~/.local/state`.

    Relative values are passed over, as the XDG rules ask. Raises SettingsError where no home is known.
    """
    service = Path(environ.get("STATE_DIRECTORY", "").split(":")[0])
    if service.is_absolute():
        return service
    state_home = Path(environ.get("XDG_STATE_HOME", ""))
    return (state_home if state_home.is_absolute() else _home(environ) / ".local" / "state") / "caloron"


def variable(section: str, key: str) -> str:
    """The environment variable that sets `key` of `section`."""
    return f"CALORON_{section}_{key}".upper()


def _sections(path: Path) -> dict[str, dict[str, object]]:
    sections: dict[str, dict[str, object]] = {}
    for name, table in _read(path).items():
        _refuse_unknown(f"{path}: unknown section [{name}]", name, _SECTIONS)
        if not isinstance(table, dict):
            raise SettingsError(f"{path}: {name} is a section: write [{name}] on a line of its own")
        sections[name] = msgspec.convert(table, dict[str, object])
        for key in sections[name]:
            _refuse_unknown(f"{path}: unknown key {name}.{key}", key, _SECTIONS[name].__struct_fields__)
    return sections


def _read(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror}): name a file that exists") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: is not UTF-8 text: save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: is not valid TOML: {error}") from error


def _given(
    kind: type[_Section],
    section: str,
    path: Path | None,
    values: Mapping[str, object],
    environ: Mapping[str, str],
) -> Iterator[tuple[str, object]]:
    """The keys of a section that are set somewhere, with their checked values."""
    for field in msgspec.structs.fields(kind):
        name = variable(section, field.name)
        if environ.get(name):
            source = _Source(name, beside=Path.cwd(), is_text=True)
            yield field.name, _value(field.type, environ[name], source, environ)
        elif field.name in values and path is not None:
            value = values[field.name]
            if value == "" and (type(None) in get_args(field.type) or field.type is Path):
                continue
            source = _Source(f"{path}: {section}.{field.name}", beside=path.absolute().parent, is_text=False)
            yield field.name, _value(field.type, value, source, environ)


def _value(wanted: object, value: object, source: _Source, environ: Mapping[str, str]) -> object:
    """`value` as the type `wanted`, which is that of a field of a section."""
    kinds = (wanted, *get_args(wanted))
    if timedelta in kinds:
        length = parse_duration(value) if isinstance(value, str) else None
        if length is None:
            raise SettingsError(f"{source.name}: {value!r} is not {DURATION_RULE}: write it in quotes")
        return length
    if Path in kinds:
        return _path(_text(value, source), source, environ)
    if Command in kinds:
        return _words(_text(value, source), source)
    try:
        return msgspec.convert(value, wanted, strict=not source.is_text)
    except msgspec.ValidationError as error:
        choices = ", ".join(repr(choice) for choice in get_args(wanted) if isinstance(choice, str))
        remedy = f"use one of {choices}" if choices else str(error).replace("`", "").lower()
        raise SettingsError(f"{source.name}: {value!r} does not fit: {remedy}") from error


def _text(value: object, source: _Source) -> str:
    if not isinstance(value, str):
        raise SettingsError(f"{source.name}: {value!r} does not fit: expected text in quotes")
    return value


def _path(text: str, source: _Source, environ: Mapping[str, str]) -> Path:
    if text == "~" or text.startswith("~/"):
        return _home(environ) / text[2:]
    return source.beside / text


def _words(text: str, source: _Source) -> Command:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise SettingsError(
            f"{source.name}: cannot be split into words ({error}): check its quotes"
        ) from error
    if not words:
        raise SettingsError(f"{source.name}: names no command: give one, or leave it empty")
    return tuple(words)


def _home(environ: Mapping[str, str]) -> Path:
    home = Path(environ.get("HOME", ""))
    if not home.is_absolute():
        raise SettingsError(f"HOME is not set to a directory: set it, or {variable('state', 'directory')}")
    return home


def _refuse_unknown(complaint: str, word: str, known: Iterable[str]) -> None:
    names = sorted(known)
    if word in names:
        return
    close = get_close_matches(word, names, n=1)
    raise SettingsError(
        f"{complaint}: " + (f"did you mean {close[0]}?" if close else f"known are {', '.join(names)}")
    )


def _refuse_unknown_variables(environ: Mapping[str, str]) -> None:
    """Other `CALORON_` names are not settings (an agent has some), so only those of a section are looked at."""
    known = [variable(section, key) for section, kind in _SECTIONS.items() for key in kind.__struct_fields__]
    for name in sorted(environ):
        if name.startswith(tuple(variable(section, "") for section in _SECTIONS)):
            _refuse_unknown(f"unknown variable {name}", name, known)


def _check_order(settings: Settings, place: str) -> None:
    pairs = (
        ("agents.retry_first", settings.agents.retry_first, "agents.retry_cap", settings.agents.retry_cap),
        ("forge.poll_interval", settings.forge.poll_interval, "forge.poll_idle", settings.forge.poll_idle),
    )
    for low, shorter, high, longer in pairs:
        if shorter > longer:
            lengths = f"{format_duration(shorter)} > {format_duration(longer)}"
            raise SettingsError(
                f"{place}: {low} is longer than {high} ({lengths}): lower the one or raise the other"
            )
