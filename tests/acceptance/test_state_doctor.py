"""`doctor state`: one line for each check, and a remedy where something is wrong; nothing is ever changed."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.acceptance.conftest import Bench, Finished
from tests.acceptance.staging import fingerprint

CHECKS = ["directory", "lock", "space", "secret", "schema", "integrity", "rows", "replay", "intents"]
Spoil = Callable[[Path], object]


def examined(bench: Bench, *words: str) -> Finished:
    return bench.command("doctor", "state", "--state", str(bench.state), *words)


def troubles(done: Finished) -> dict[str, str]:
    """Each check that is not ok, with what was found."""
    assert done.result["ok"] is (done.code == 0)
    for check in done.result["checks"]:
        assert bool(check.get("remedy")) is not check["ok"], check
    return {check["name"]: check["found"] for check in done.result["checks"] if not check["ok"]}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A state directory in which a sprint of one task has succeeded."""
    bench = Bench(tmp_path_factory.mktemp("finished"))
    bench.tasks("a: ada")
    bench.agents.author()
    bench.agents.reviewer()
    assert bench.run().code == 0
    yield bench
    bench.close()


@pytest.fixture
def spoilt(finished: Bench, tmp_path: Path) -> Iterator[Path]:
    """Its state directory, to be changed by one test."""
    kept = tmp_path / "kept"
    shutil.copytree(finished.state, kept, symlinks=True)
    yield finished.state
    shutil.rmtree(finished.state)
    kept.rename(finished.state)


def test_all_is_well_and_stays_as_it_is(finished: Bench) -> None:
    before = fingerprint(finished.state)
    done = examined(finished, "--json")
    assert (done.code, done.stderr) == (0, "")
    assert [check["name"] for check in done.result["checks"]] == CHECKS
    lines = examined(finished).stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [["ok", f"{name}:"] for name in CHECKS]
    assert fingerprint(finished.state) == before


def test_beside_a_running_service(bench: Bench) -> None:
    bench.tasks("a: ada")
    bench.agents.author()
    bench.agents.reviewer()
    bench.agents.hold("a.author.1")
    running = bench.start_run()
    bench.agents.held()
    done = examined(bench, "--json")
    assert done.code == 0, done
    lock = next(check for check in done.result["checks"] if check["name"] == "lock")
    assert lock["found"] == f"held by process {running.pid}"
    assert bench.command("replay", "--state", str(bench.state)).code == 0
    bench.agents.release("a.author.1")
    assert running.finish().code == 0


def sql(text: str) -> Spoil:
    def spoil(state: Path) -> None:
        with closing(sqlite3.connect(state / "caloron.db")) as connection:
            connection.execute(text)
            connection.commit()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    return spoil


def scribbled(state: Path) -> None:
    path = state / "caloron.db"
    content = bytearray(path.read_bytes())
    content[4096 * 3 : 4096 * 4] = b"\xa5" * 4096
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "name", "words"),
    [
        (lambda state: state.chmod(0o750), "directory", "is open to others (mode 750)"),
        (lambda state: (state / "secret").chmod(0o644), "secret", "mode 644"),
        (lambda state: (state / "secret").unlink(), "secret", "there is none"),
        (lambda state: (state / "caloron.db").unlink(), "database", "there is no "),
        (lambda state: (state / "caloron.db").write_text("my diary"), "schema", "is not a database"),
        (sql("PRAGMA user_version = 99"), "schema", "newer version of this program (schema 99"),
        (sql("PRAGMA user_version = 1"), "schema", "older version of this program (schema 1"),
        (scribbled, "integrity", ""),
        (
            sql("INSERT INTO tasks VALUES ('nosuch', 'a', 0, '{}')"),
            "integrity",
            "belongs to no row of sprints",
        ),
        (sql("UPDATE tasks SET row = '{}'"), "rows", "sprint s: "),
        (sql("UPDATE sprints SET seq = 3"), "rows", "its row is number 3, its head is number"),
        (sql("DELETE FROM tasks"), "rows", "task a is planned and not stored"),
        (sql("UPDATE events SET at = 'x' WHERE seq = 2"), "rows", "event 2 cannot be read"),
        (sql("DELETE FROM events WHERE seq = 4"), "rows", "event 4 is missing"),
        (sql("UPDATE segments SET first_seq = 9"), "rows", "segment 1 begins at event 9, out of order"),
        (sql("UPDATE tasks SET row = json_set(row, '$.attempts', 7)"), "replay", "replayed 1, stored 7"),
        (
            sql("UPDATE intents SET state = 'waiting', settled_seq = NULL WHERE kind = 'CloseIssue'"),
            "intents",
            "sprint s has ended and still owes 1 effects",
        ),
    ],
)
def test_trouble_is_found_and_left_alone(
    finished: Bench, spoilt: Path, spoil: Spoil, name: str, words: str
) -> None:
    spoil(spoilt)
    before = fingerprint(spoilt)
    done = examined(finished, "--json")
    assert (done.code, done.stderr) == (1, "")
    assert words in troubles(done)[name], troubles(done)
    assert any(
        line.startswith("TROUBLE") and f" {name}: " in line for line in examined(finished).stdout.splitlines()
    )
    assert fingerprint(spoilt) == before


def test_no_directory_at_all(bench: Bench) -> None:
    done = examined(bench, "--json")
    assert (done.code, list(troubles(done))) == (1, ["directory"])
    assert not bench.state.exists()
