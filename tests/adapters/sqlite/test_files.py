"""A database file that cannot be trusted is refused in one clear sentence, its bytes unchanged."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from caloron_actors.adapters.memory.clock import ManualClock
from caloron_actors.adapters.sqlite import SqliteJournal
from caloron_actors.adapters.sqlite.files import APPLICATION_ID, migrations, prepare
from caloron_actors.ports.errors import StateUnusable

CLOCK = ManualClock()


def opened(path: Path) -> None:
    async def once() -> None:
        async with SqliteJournal.open(path, wall=CLOCK):
            pass

    anyio.run(once)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "caloron.db"
    opened(path)
    return path


def pragma(path: Path, name: str) -> object:
    with closing(sqlite3.connect(path)) as connection:
        (value,) = connection.execute(f"PRAGMA {name}").fetchone()
        return value


def empty(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("this is my diary\n" * 100)


def short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:50])


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-4096])


def scribbled(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:8192] = b"\xa5" * 4096
    path.write_bytes(content)


def strange(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE letters (body TEXT)")
        connection.commit()


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


def orphaned(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO tasks VALUES ('nosuch', 'a', 0, '{}')")
        connection.commit()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (empty, "is empty"),
        (text, "not a database"),
        (short, "not a database"),
        (truncated, "damaged"),
        (scribbled, "damaged"),
        (strange, "another program's"),
        (newer, "newer version"),
        (orphaned, "damaged"),
    ],
)
def test_a_spoilt_file_is_refused_and_unchanged(
    path: Path, spoil: Callable[[Path], None], words: str
) -> None:
    spoil(path)
    before = path.read_bytes()
    with pytest.raises(StateUnusable, match=words) as refusal:
        opened(path)
    message = str(refusal.value)
    assert message.startswith(f"{path} ")
    assert "; " in message
    assert "\n" not in message
    assert path.read_bytes() == before


def test_no_file_is_made_in_the_place_of_a_lost_one(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.with_name("caloron.db-wal").write_bytes(b"\x37\x7f\x06\x82")
    with pytest.raises(StateUnusable, match="is missing"):
        opened(path)
    assert not path.exists()


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")
    for name in ("directory", "link", "pipe"):
        with pytest.raises(StateUnusable, match="not a regular file"):
            opened(tmp_path / name)
    assert not (tmp_path / "nowhere").exists()


def test_a_new_file_is_private_marked_and_left_alone(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    assert pragma(path, "application_id") == APPLICATION_ID
    assert pragma(path, "user_version") == len(migrations())
    assert pragma(path, "journal_mode") == "wal"
    assert [file.name for file in path.parent.iterdir()] == ["caloron.db"]


def test_a_half_made_file_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "caloron.db"
    path.with_name("caloron.db.new").write_bytes(b"SQLite format 3\0 and then the power failed")
    path.with_name("caloron.db.new-journal").write_bytes(b"\xd9\xd5")
    opened(path)
    assert [file.name for file in tmp_path.iterdir()] == ["caloron.db"]


def test_a_strange_path_is_taken_literally(tmp_path: Path) -> None:
    folder = tmp_path / "100% sure? #1 ä"
    folder.mkdir()
    opened(folder / "caloron.db")
    assert [file.name for file in folder.iterdir()] == ["caloron.db"]


def test_migrations_go_forward_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "caloron.db"
    first, second = (
        "CREATE TABLE a (x) STRICT;",
        "CREATE TABLE b (x ANY) STRICT; CREATE TABLE c (x ANY) STRICT;",
    )
    first = "CREATE TABLE a (x ANY) STRICT;"
    prepare(path, (first,))
    with pytest.raises(Exception, match="already exists"):
        prepare(path, (first, second + "CREATE TABLE a (x ANY) STRICT;"))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("a",)]
    assert pragma(path, "user_version") == 1
    prepare(path, (first, second))
    assert pragma(path, "user_version") == 2
    prepare(path, (first, second))
    with pytest.raises(StateUnusable, match="newer version"):
        prepare(path, (first,))


def test_the_schema_is_part_of_the_package() -> None:
    script = "from caloron_actors.adapters.sqlite.files import migrations; print('STRICT' in migrations()[0])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
