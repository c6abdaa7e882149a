"""`replay`: a finished run's journal explains its state; a row that was changed does not pass."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import Bench, Finished
from tests.acceptance.staging import fingerprint


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A state directory in which a sprint with one rework has succeeded."""
    bench = Bench(tmp_path_factory.mktemp("finished"))
    bench.tasks("a: ada", "b: bo < a")
    bench.agents.author()
    bench.agents.reviewer(changes_once="b")
    assert bench.run().code == 0
    yield bench
    bench.close()


@pytest.fixture
def spoilt(finished: Bench) -> Iterator[Path]:
    """Its database, to be changed by one test."""
    database = finished.state / "caloron.db"
    before = database.read_bytes()
    yield database
    database.write_bytes(before)


def replayed(bench: Bench, *words: str) -> Finished:
    return bench.command("replay", "--state", str(bench.state), *words)


def change(database: Path, sql: str, *values: Any) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        assert connection.execute(sql, values).rowcount == 1
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def test_a_run_is_explained_by_its_journal(finished: Bench) -> None:
    before = fingerprint(finished.state)
    done = replayed(finished, "--json")
    assert done.code == 0, done
    (sprint,) = done.result["sprints"]
    (segment,) = sprint["segments"]
    assert (sprint["sprint"], sprint["differences"], segment["state"]) == ("s", [], "replayed")
    assert sprint["replayed"] == segment["last_seq"] > 30
    assert (done.result["equal"], segment["version"]) == (True, done.result["version"])
    assert done.stderr == ""
    assert fingerprint(finished.state) == before, "looking leaves no trace"


def test_every_event_can_be_explained(finished: Bench) -> None:
    done = replayed(finished, "--sprint", "s", "--explain")
    assert done.code == 0
    lines = done.stdout.splitlines()
    first = next(line for line in lines if line.startswith("  1 "))
    assert "SprintStarted | a is ready" in first
    assert "promises s/a/CreateIssue/1" in first
    assert any("ReviewSubmitted of b" in line and "b is in_progress" in line for line in lines)
    told = replayed(finished, "--explain", "--json").result["sprints"][0]["events"]
    assert [event["seq"] for event in told] == list(range(1, len(told) + 1))


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        (
            "UPDATE tasks SET row = json_set(row, '$.attempts', 7) WHERE task = 'a'",
            "tasks.a.attempts: replayed 1, stored 7",
        ),
        (
            "UPDATE sprints SET head = json_set(head, '$.outcome', 'partial')",
            'head.outcome: replayed "succeeded", stored "partial"',
        ),
        (
            "UPDATE events SET body = json_set(body, '$.number', 77) WHERE body LIKE '%IssueCreated%\"a\"%'",
            "tasks.a.issue: replayed 77",
        ),
        (
            "UPDATE events SET result = '{}' WHERE seq = 1",
            "event 1: SprintStarted: moved: recorded ()",
        ),
        ("DELETE FROM events WHERE seq = 5", "is number 6, but 5 follows"),
        (
            "UPDATE intents SET state = 'withdrawn' WHERE key = 's/a/CreateIssue/1'",
            "intent s/a/CreateIssue/1: is stored as withdrawn",
        ),
        (
            "UPDATE intents SET body = json_set(body, '$.task', 'b') WHERE key = 's/a/CreateIssue/1'",
            "intent s/a/CreateIssue/1: replayed",
        ),
        (
            "INSERT INTO intents (sprint, key, kind, body, since) VALUES ('s', 's/z', 'CreateIssue', '{}', '')",
            "intent s/z: is stored, and no event has promised it",
        ),
    ],
)
def test_a_row_that_was_changed_is_named(finished: Bench, spoilt: Path, sql: str, words: str) -> None:
    change(spoilt, sql)
    done = replayed(finished)
    assert done.code == 1, done
    assert any(line.startswith("  differs: ") and words in line for line in done.stdout.splitlines()), done
    assert json.loads(replayed(finished, "--json").stdout)["equal"] is False


def test_what_another_version_wrote_is_explained_and_not_replayed(finished: Bench, spoilt: Path) -> None:
    change(spoilt, "UPDATE segments SET version = '0123456789ab'")
    done = replayed(finished, "--json")
    assert done.code == 0, done
    (sprint,) = done.result["sprints"]
    assert (sprint["replayed"], sprint["segments"][0]["state"]) == (0, "other_version")
    assert "not of this version; explained from its results" in replayed(finished).stdout


def test_the_words_of_another_version_need_not_be_known(finished: Bench, spoilt: Path) -> None:
    change(spoilt, "UPDATE segments SET version = '0123456789ab', snapshot = '{}'")
    change(spoilt, "UPDATE events SET kind = 'Forgotten', body = '{\"type\":\"Forgotten\"}' WHERE seq = 1")
    done = replayed(finished, "--explain")
    assert done.code == 0, done
    assert "Forgotten | a is ready" in done.stdout


def test_an_event_of_this_version_that_cannot_be_read_is_said(finished: Bench, spoilt: Path) -> None:
    change(spoilt, "UPDATE events SET body = '{}' WHERE seq = 3")
    done = replayed(finished)
    assert (done.code, done.stdout) == (2, ""), done
    assert "holds a row that cannot be read" in done.stderr


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--sprint", "nosuch"), "--sprint nosuch: there is no such sprint in"),
        (("--state", "/nowhere"), "--state /nowhere: is not a directory"),
    ],
)
def test_what_is_not_there_cannot_be_replayed(
    finished: Bench, words: tuple[str, ...], complaint: str
) -> None:
    done = replayed(finished, *words)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {complaint}")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.write_bytes(b"my diary" * 100), "is not a database"),
        (lambda path: path.write_bytes(path.read_bytes()[:200]), "damaged"),
        (lambda path: path.unlink(), "holds no caloron.db"),
        (lambda path: change_version(path, 99), "newer version"),
        (lambda path: change_version(path, 1), "older version"),
    ],
)
def test_a_file_that_cannot_be_read_is_left_alone(
    finished: Bench, spoilt: Path, spoil: Callable[[Path], object], words: str
) -> None:
    spoil(spoilt)
    before = fingerprint(finished.state)
    done = replayed(finished)
    assert (done.code, done.stdout) == (2, ""), done
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert fingerprint(finished.state) == before


def change_version(database: Path, version: int) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
