"""A backup beside its own database: it may lie there, but not under a name that SQLite reads with the database."""

import fcntl
import os
from pathlib import Path

import pytest

from caloron_actors.adapters.sqlite.files import migrations, prepare
from caloron_actors.app.mistakes import Mistakes
from caloron_actors.app.state import back_up


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database that nobody has open."""
    path = tmp_path / "caloron.db"
    prepare(path, migrations())
    return path


@pytest.mark.parametrize("end", ["-wal", "-shm", "-journal"])
def test_a_backup_is_not_put_in_the_place_of_a_part_of_its_database(database: Path, end: str) -> None:
    (database.parent / "link").symlink_to(database.parent)
    for directory in (database.parent, database.parent / "link"):
        with pytest.raises(Mistakes, match="would be taken for a part of the database"):
            back_up(database, directory / f"caloron.db{end}")
    (database.parent / "link").unlink()
    assert list(database.parent.iterdir()) == [database]
    prepare(database, migrations())


def test_any_other_name_beside_it_will_do(database: Path) -> None:
    made = back_up(database, database.with_name("backup.db"))
    assert Path(made.file).stat().st_size == made.size
    prepare(database, migrations())


def test_of_two_backups_into_one_directory_at_once_the_second_is_refused(database: Path) -> None:
    """It would take away what the first one writes, and could place a copy that does not say that it is one."""
    part = database.with_name(".backup.db.part")
    part.touch()
    other = os.open(database.parent, os.O_RDONLY)
    try:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(Mistakes, match="another backup is just being made there"):
            back_up(database, database.with_name("backup.db"))
    finally:
        os.close(other)
    assert part.exists()
    back_up(database, database.with_name("backup.db"))
    assert not part.exists(), "what a killed backup has left goes"
