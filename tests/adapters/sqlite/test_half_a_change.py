"""A process that dies over a file that is not in WAL mode yet, as a restored one is, leaves it to be put right."""

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from caloron_actors.adapters.sqlite import SqliteJournal, inspection
from caloron_actors.adapters.sqlite.files import migrations, prepare
from caloron_actors.ports.errors import StateUnusable
from tests.adapters.sqlite.rows import CLOCK

HALF_A_CHANGE = """
import os, signal, sqlite3, sys
file = sqlite3.connect(sys.argv[1], isolation_level=None)
file.execute("PRAGMA cache_size = 2")
file.execute("BEGIN IMMEDIATE")
file.execute("CREATE TABLE half (row TEXT)")
file.executemany("INSERT INTO half VALUES (?)", [("x" * 200,)] * 2000)
os.kill(os.getpid(), signal.SIGKILL)
"""
TABLES = "SELECT count(*) FROM sqlite_master WHERE name = 'half'"


@pytest.fixture(params=[1, len(migrations())])
def half_changed(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file of an older or of the present schema, and the journal of whoever was killed while writing to it."""
    path = tmp_path / "caloron.db"
    prepare(path, migrations()[: request.param])
    died = subprocess.run([sys.executable, "-c", HALF_A_CHANGE, str(path)], check=False)
    assert died.returncode == -signal.SIGKILL
    assert Path(f"{path}-journal").stat().st_size > 0
    return path


async def test_the_next_service_undoes_it_and_goes_on(half_changed: Path) -> None:
    async with SqliteJournal.open(half_changed, wall=CLOCK) as journal:
        assert await journal.sprints() == []
    assert not await anyio.Path(f"{half_changed}-journal").exists()
    with closing(sqlite3.connect(half_changed)) as file:
        assert file.execute(TABLES).fetchone() == (0,)


def test_who_only_looks_says_so_and_changes_nothing(half_changed: Path) -> None:
    files = {file: file.read_bytes() for file in half_changed.parent.iterdir()}
    with pytest.raises(StateUnusable, match="was left in the middle of a change; start the service"):
        inspection.look(half_changed, lambda connection: connection.execute(TABLES).fetchone())
    assert {file: file.read_bytes() for file in half_changed.parent.iterdir()} == files
