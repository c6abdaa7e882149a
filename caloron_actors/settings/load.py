"""Settings put together from the file and the environment, with every mistake of both noted before any is said."""

import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import get_args

import msgspec

from caloron_actors.domain.dag.duration import format_duration
from caloron_actors.domain.dag.findings import Findings, join, shown
from caloron_actors.settings.sections import SECTIONS, Section, Settings, variable
from caloron_actors.settings.values import SettingsError, Source, default_state_directory, read_value

_Sections = dict[str, dict[str, object]]


def load_settings(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Settings from `path` (None: no file) with the environment on top; raises SettingsError with every mistake.

    A variable is named after section and key, `CALORON_HTTP_PORT`; an empty one counts as not set, and in the file
    an empty text says that an optional key is not set. Relative paths start at the file, or at the current directory.
    """
    reading = _Reading(path, environ)
    settings = reading.settings()
    mistakes = reading.findings.all()
    if mistakes:
        raise SettingsError(*map(str, mistakes))
    return settings


class _Reading:
    """One reading of a file and an environment. A value that is wrong is noted and left at its default."""

    def __init__(self, path: Path | None, environ: Mapping[str, str]) -> None:
        self.findings = Findings()
        self._path = path
        self._environ = environ
        self._wrong: set[str] = set()

    def settings(self) -> Settings:
        """The settings as far as they are good; to be used only when nothing was found."""
        file = {} if self._path is None else self._sections(self._path)
        self._refuse_unknown_variables()
        read = {name: self._section(kind, name, file.get(name, {})) for name, kind in SECTIONS.items()}
        if "directory" not in read["state"]:
            read["state"]["directory"] = self._default_state()
        settings = msgspec.convert(read, Settings)
        self._check_order(settings)
        return settings

    def _default_state(self) -> Path:
        try:
            return default_state_directory(self._environ)
        except SettingsError as error:
            if "state.directory" not in self._wrong:
                self.findings.add("state.directory", str(error))
            return Path()

    def _sections(self, path: Path) -> _Sections:
        sections: _Sections = {}
        for name, table in self._parsed(path).items():
            place = f"{path}: {join('', name)}"
            if name not in SECTIONS:
                self.findings.add(place, f"unknown section{self.findings.near(name, sorted(SECTIONS))}")
            elif not isinstance(table, dict):
                self.findings.add(place, f"is a section: write [{name}] on a line of its own")
            else:
                sections[name] = msgspec.convert(table, dict[str, object])
                self._refuse_unknown_keys(name, sections[name])
        return sections

    def _parsed(self, path: Path) -> dict[str, object]:
        try:
            return tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            self.findings.add(str(path), f"cannot be read ({error.strerror}): name a file that exists")
        except UnicodeDecodeError:
            self.findings.add(str(path), "is not UTF-8 text: save it as UTF-8")
        except tomllib.TOMLDecodeError as error:
            self.findings.add(str(path), f"is not valid TOML: {error}")
        return {}

    def _refuse_unknown_keys(self, section: str, table: Mapping[str, object]) -> None:
        known = SECTIONS[section].__struct_fields__
        for key in table:
            if key not in known:
                near = self.findings.near(key, known)
                self.findings.add(f"{self._path}: {join(section, key)}", f"unknown key{near}")

    def _refuse_unknown_variables(self) -> None:
        """Other `CALORON_` names are not settings (an agent has some), so only those of a section are looked at."""
        for section, kind in SECTIONS.items():
            known = [variable(section, key) for key in kind.__struct_fields__]
            for name in self._environ:
                if name.startswith(variable(section, "")) and name not in known:
                    place = name if name.isprintable() else shown(name)
                    self.findings.add(place, f"unknown variable{self.findings.near(name, known)}")

    def _section(self, kind: type[Section], section: str, values: Mapping[str, object]) -> dict[str, object]:
        """The keys of a section that are set somewhere and good, with their values."""
        read: dict[str, object] = {}
        for field in msgspec.structs.fields(kind):
            if (given := self._given(section, field, values)) is None:
                continue
            place, value, source = given
            try:
                read[field.name] = read_value(field.type, value, source, self._environ)
            except SettingsError as error:
                self._wrong.add(f"{section}.{field.name}")
                self.findings.add(place, str(error))
        return read

    def _given(
        self, section: str, field: msgspec.structs.FieldInfo, values: Mapping[str, object]
    ) -> tuple[str, object, Source] | None:
        """Where a key is set, and what to: the variable, else the file, else None."""
        name = variable(section, field.name)
        if self._environ.get(name):
            return name, self._environ[name], Source(beside=Path.cwd(), is_text=True)
        if field.name not in values or self._path is None:
            return None
        value = values[field.name]
        if value == "" and (type(None) in get_args(field.type) or field.type is Path):
            return None
        source = Source(beside=self._path.absolute().parent, is_text=False)
        return f"{self._path}: {section}.{field.name}", value, source

    def _check_order(self, settings: Settings) -> None:
        agents, forge = settings.agents, settings.forge
        self._in_order("agents.retry_first", agents.retry_first, "agents.retry_cap", agents.retry_cap)
        self._in_order("forge.poll_interval", forge.poll_interval, "forge.poll_idle", forge.poll_idle)

    def _in_order(self, low: str, shorter: timedelta, high: str, longer: timedelta) -> None:
        """Two lengths of which neither is the default in the place of a wrong one."""
        if shorter > longer and not {low, high} & self._wrong:
            lengths = f"{format_duration(shorter)} > {format_duration(longer)}"
            place = "environment" if self._path is None else str(self._path)
            self.findings.add(
                f"{place}: {low}", f"is longer than {high} ({lengths}): lower the one or raise the other"
            )
