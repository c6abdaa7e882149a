"""`state backup`: a checked copy of a database, also of a service that runs; nothing is ever overwritten."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from tests.acceptance.conftest import Bench
from tests.acceptance.staging import fingerprint


def prepare(bench: Bench) -> None:
    """Two tasks, the second of which is sent back once."""
    bench.tasks("a: ada", "b: bo < a")
    bench.agents.author()
    bench.agents.reviewer(changes_once="b")


def backed_up(bench: Bench, name: str) -> Path:
    """Have the command make a backup."""
    file = bench.path / name
    done = bench.command("state", "backup", str(file), "--state", str(bench.state), "--json")
    assert done.code == 0, done
    told = done.result
    assert (told["file"], told["size"]) == (str(file), file.stat().st_size)
    assert told["sprints"] == 1
    return file


def test_a_backup_of_a_running_service(bench: Bench) -> None:
    prepare(bench)
    bench.agents.hold("b.author.1")
    running = bench.start_run()
    bench.agents.held()
    file = backed_up(bench, "backup.db")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [entry.name for entry in bench.path.iterdir() if "backup" in entry.name] == ["backup.db"]
    with closing(sqlite3.connect(file)) as copy:
        assert copy.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (events,) = copy.execute("SELECT count(*) FROM events").fetchone()
        assert events > 10
    bench.agents.release("b.author.1")
    assert running.finish().code == 0


def test_nothing_is_overwritten(bench: Bench) -> None:
    prepare(bench)
    assert bench.run().code == 0
    (bench.path / "mine").write_text("precious")
    (bench.path / "link").symlink_to(bench.path / "elsewhere")
    before = fingerprint(bench.state)
    for name in ("mine", "link", "."):
        done = bench.command("state", "backup", str(bench.path / name), "--state", str(bench.state))
        assert (done.code, done.stdout) == (2, "")
        assert "exists already; nothing is overwritten" in done.stderr
    nowhere = bench.command("state", "backup", str(bench.path / "no" / "where"), "--state", str(bench.state))
    assert nowhere.code == 2
    assert "cannot be written (No such file or directory)" in nowhere.stderr
    assert (bench.path / "mine").read_text() == "precious"
    assert not (bench.path / "elsewhere").exists()
    assert fingerprint(bench.state) == before


def test_of_a_damaged_file_there_is_no_backup(bench: Bench) -> None:
    prepare(bench)
    assert bench.run().code == 0
    database = bench.state / "caloron.db"
    content = bytearray(database.read_bytes())
    content[8192:16384] = b"\xa5" * 8192
    database.write_bytes(content)
    done = bench.command("state", "backup", str(bench.path / "backup.db"), "--state", str(bench.state))
    assert (done.code, done.stdout) == (2, "")
    assert "is damaged" in done.stderr
    assert [entry.name for entry in bench.path.iterdir() if "backup" in entry.name] == []
    assert database.read_bytes() == content


@pytest.mark.parametrize("words", [("/nowhere",), ("",)])
def test_a_state_that_is_not_there(bench: Bench, words: tuple[str, ...]) -> None:
    done = bench.command(
        "state", "backup", str(bench.path / "backup.db"), "--state", words[0] or str(bench.path)
    )
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: --state {words[0] or bench.path}: ")
    assert not (bench.path / "backup.db").exists()
