"""A state file that cannot be used: one clear line with its place, the right exit code, and not a byte of it changed.

Predecessors' faults: C9 (a corrupt state silently forgotten), J8 (no lock against two services).
"""

import contextlib
import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import Bench, Finished
from tests.acceptance.disks import read_only
from tests.acceptance.staging import agents, task, write_plan
from tests.acceptance.test_full_disk import events
from tests.acceptance.test_interrupt import assert_one_of_each
from tests.acceptance.test_serve import AUTHOR, Service

PAGE = 4096
HOLDER = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
for line in sys.argv[2:]:
    database.execute(line)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A state directory of a finished sprint, to be copied."""
    bench = Bench(tmp_path_factory.mktemp("finished"))
    agents(bench, AUTHOR)
    write_plan(bench, task("work"))
    assert bench.run().code == 0
    yield bench
    bench.close()


@pytest.fixture
def used(finished: Bench, tmp_path: Path) -> Iterator[Bench]:
    """The same bench with a state directory that may be spoilt."""
    state, finished.state = finished.state, tmp_path / "state"
    shutil.copytree(state, finished.state, symlinks=True)
    finished.state.chmod(0o700)
    yield finished
    finished.state = state


def database(bench: Bench) -> Path:
    return bench.state / "caloron.db"


def files(bench: Bench) -> dict[str, str]:
    """What stands at the database's place and at its log's, as hashes; an empty log is none."""
    found = {}
    for path in (database(bench), bench.state / "caloron.db-wal"):
        if path.is_symlink():
            found[path.name] = str(path.readlink())
        elif path.is_file() and path.stat().st_size + path.name.endswith(".db") > 0:
            found[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
        elif os.path.lexists(path) and not path.is_file():
            found[path.name] = oct(path.stat().st_mode)
    return found


def both(bench: Bench) -> list[tuple[Finished, int]]:
    """`run` and `serve` on the state directory, each with the exit code that means: this has to be repaired."""
    service = Service(bench)
    return [(bench.run(), 2), (bench.command("serve", "--config", str(service.config)), 78)]


def assert_refused(bench: Bench, word: str) -> None:
    before = files(bench)
    for done, code in both(bench):
        assert (done.code, done.stdout) == (code, ""), done
        (line,) = done.stderr.splitlines()
        assert line.startswith("error: "), line
        assert f"{bench.state}/" in line
        assert word in line
        assert "; " in line  # what to do follows
        assert files(bench) == before


def scrap(size: int) -> bytes:
    """Bytes that mean nothing."""
    return hashlib.shake_128(b"%d" % size).digest(size)


def cut(size: int) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        os.truncate(path, size if size >= 0 else path.stat().st_size + size)

    return spoil


def noise(path: Path) -> None:
    path.write_bytes(scrap(path.stat().st_size))


def noisy_pages(first: int) -> Callable[[Path], None]:
    """Noise in every third page, which does not tell where a table or an index begins."""

    def spoil(path: Path) -> None:
        content = bytearray(path.read_bytes())
        for at in range(first * PAGE, len(content), 3 * PAGE):
            content[at : at + PAGE] = scrap(PAGE)
        path.write_bytes(content)

    return spoil


def newer(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


def strange(path: Path) -> None:
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE letters (body TEXT)")
        connection.commit()


def directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def link(path: Path) -> None:
    path.rename(path.with_name("elsewhere.db"))
    path.symlink_to("elsewhere.db")


def dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere.db")


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def log_alone(path: Path) -> None:
    path.rename(path.with_name("elsewhere.db"))
    path.with_name("caloron.db-wal").write_bytes(b"\x37\x7f\x06\x82" + bytes(4000))


def noisy_log(path: Path) -> None:
    path.with_name("caloron.db-wal").write_bytes(scrap(9000))


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (cut(0), "is empty"),
        (cut(1), "not a database"),
        (cut(99), "not a database"),
        (cut(100), "damaged"),
        (cut(PAGE), "damaged"),
        (cut(3 * PAGE + 7), "damaged"),
        (cut(-PAGE), "damaged"),
        (cut(-1), "damaged"),
        (noise, "not a database"),
        (noisy_pages(1), "damaged"),
        (noisy_pages(2), "damaged"),
        (noisy_pages(3), "damaged"),
        (newer, "newer version"),
        (strange, "another program's"),
        (directory, "not a regular file"),
        (link, "not a regular file"),
        (dangling, "not a regular file"),
        (pipe, "not a regular file"),
        (log_alone, "missing although caloron.db-wal is there"),
        (noisy_log, "not the log of a database"),
    ],
)
def test_a_spoilt_state_file_is_refused_and_left_as_it_is(
    used: Bench, spoil: Callable[[Path], None], word: str
) -> None:
    spoil(database(used))
    assert_refused(used, word)


def test_what_the_message_says_helps(used: Bench) -> None:
    """Move it away to start anew: nothing that looking at it has left is in the way."""
    cut(3 * PAGE)(database(used))
    assert_refused(used, "move it away to start anew")
    database(used).rename(used.path / f"moved.{used.state.parent.name}")
    service = Service(used)
    running = service.start()
    running.until('"ready"')
    assert running.end(signal.SIGTERM).code == 0


def test_a_state_that_cannot_be_written_is_refused(used: Bench) -> None:
    with read_only(used.state):
        assert_refused(used, os.strerror(30))


def test_a_second_service_is_told_of_the_first(used: Bench) -> None:
    first = Service(used)
    running = first.start()
    running.until('"ready"')
    try:
        for done, code in zip((done for done, _ in both(used)), (2, 75), strict=True):
            assert (done.code, done.stdout) == (code, ""), done
            (line,) = done.stderr.splitlines()
            assert f"in use by process {running.pid};" in line
            assert str(used.state) in line
        assert first.get("/health") == (200, "ok")
    finally:
        assert running.end(signal.SIGTERM).code == 0


@contextlib.contextmanager
def held(path: Path, *orders: str) -> Iterator[None]:
    """Another process with the database open, after these orders."""
    argv = [sys.executable, "-c", HOLDER, str(path), *orders]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        yield
        holder.kill()


def test_a_file_that_a_stranger_has_for_itself_is_not_waited_for_at_the_start(used: Bench) -> None:
    orders = ("PRAGMA locking_mode = EXCLUSIVE", "BEGIN EXCLUSIVE", "CREATE TABLE mine (x)")
    with held(database(used), *orders):
        for done, code in zip((done for done, _ in both(used)), (2, 75), strict=True):
            assert (done.code, done.stdout) == (code, ""), done
            (line,) = done.stderr.splitlines()
            assert line.startswith(f"error: {database(used)} ")
            assert "locked" in line
            assert "end what holds it" in line


def test_a_lock_of_a_stranger_is_waited_for_while_a_sprint_runs(bench: Bench) -> None:
    bench.tasks("a: ada")
    bench.agents.author()
    bench.agents.reviewer()
    bench.agents.hold("a.author.1")
    running = bench.start_run()
    bench.agents.held()
    with held(database(bench), "BEGIN IMMEDIATE"):
        bench.agents.release("a.author.1")
        assert "locked" in running.until("journal_degraded")
    done = running.finish()
    assert (done.code, events(done.stderr)) == (0, ["journal_degraded", "journal_recovered"])
    assert_one_of_each(bench, "a")


def overwritten(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(scrap(path.stat().st_size))


def removed(path: Path) -> None:
    path.unlink()


def replaced(path: Path) -> None:
    shutil.copy(path, path.with_name("copy"))
    path.with_name("copy").rename(path)


@pytest.mark.parametrize("spoil", [overwritten, removed, replaced])
@pytest.mark.parametrize("name", ["caloron.db", "caloron.db-wal"])
def test_a_file_that_breaks_while_the_run_goes_on_ends_it_and_is_not_touched(
    bench: Bench, name: str, spoil: Callable[[Path], None]
) -> None:
    """SQLite would not notice. The agent lives on; neither this life nor the next writes to the file."""
    bench.tasks("a: ada")
    bench.agents.author()
    bench.agents.reviewer()
    bench.agents.hold("a.author.1")
    running = bench.start_run()
    agent = bench.agents.held()
    spoil(bench.state / name)
    broken = files(bench)
    done = running.end(signal.SIGTERM)
    assert (done.code, done.stdout) == (2, ""), done
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert line.startswith(f"error: {bench.state / name} ")
    assert "while it was in use" in line
    assert "restore it from a backup" in line
    assert "Traceback" not in done.stderr
    assert bench.agents.alive() == [agent]
    assert files(bench) == broken


def test_the_service_ends_so_too_and_does_not_make_a_new_file(bench: Bench) -> None:
    bench.tasks("a: ada")
    bench.agents.author()
    bench.agents.reviewer()
    bench.agents.hold("a.author.1")
    run = bench.start_run()
    agent = bench.agents.held()
    run.end()
    running = Service(bench).start()
    running.until('"ready"')
    overwritten(database(bench))
    broken = files(bench)
    bench.agents.release("a.author.1")
    done = running.finish()
    assert done.code == 78
    assert done.stderr.splitlines()[-1].startswith(f"error: {database(bench)} was overwritten while")
    assert "Traceback" not in done.stderr
    assert files(bench) == broken
    assert [started.name for started in bench.agents.log()] == [agent.name]
    assert_refused(bench, "not a database")
