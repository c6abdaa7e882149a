"""State directories as operators name them: where one's database is, and its backup while the service runs."""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from caloron_actors.adapters.sqlite import copying
from caloron_actors.adapters.sqlite.files import COMPANIONS
from caloron_actors.app.mistakes import mistake
from caloron_actors.app.real import DATABASE
from caloron_actors.settings import default_state_directory


class Backup(msgspec.Struct, frozen=True, kw_only=True):
    """A backup that was made and checked. `file` is absolute, `size` in bytes."""

    file: str
    size: int
    sprints: int
    events: int


def database_of(state: Path | None, environ: Mapping[str, str]) -> Path:
    """The database in a state directory, by default in the service's. Raises `Mistakes` when there is none."""
    directory = default_state_directory(environ) if state is None else state.absolute()
    if not directory.is_dir():
        raise mistake(f"--state {directory}: is not a directory; name the one of a run or of the service")
    database = directory / DATABASE
    if not os.path.lexists(database):
        raise mistake(
            f"--state {directory}: holds no {DATABASE}; name the directory of a run or of the service"
        )
    return database


def back_up(database: Path, target: Path) -> Backup:
    """Copy the database into the new file `target`, also while the service writes.

    Raises `Mistakes` when `target` exists or cannot be written, and `StateUnusable` when the database cannot be trusted.
    """
    target = target.absolute()
    if os.path.lexists(target):
        raise mistake(f"{target}: exists already; nothing is overwritten, name a new file")
    beside = target.parent.resolve() == database.parent.resolve()
    if beside and target.name in [f"{database.name}{end}" for end in COMPANIONS]:
        raise mistake(f"{target}: would be taken for a part of the database beside it; name another file")
    try:
        copied = copying.copy(database, target)
    except FileExistsError as error:
        raise mistake(f"{target}: was made by somebody else meanwhile; it was not overwritten") from error
    except OSError as error:
        raise mistake(f"{target}: cannot be written ({error.strerror}); name another place") from error
    return Backup(file=str(target), size=target.stat().st_size, sprints=copied.sprints, events=copied.events)
