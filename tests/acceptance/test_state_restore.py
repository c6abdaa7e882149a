"""A backup is put back in place of a lost database: the same command goes on with the forge as it is."""

import json
from pathlib import Path

from tests.acceptance.conftest import Bench, Running
from tests.acceptance.ledger import forge_ledger, history, result_ledger, unsettled

LINES = 2
"""A backup is made at every second line of progress: half a dozen moments of a run."""


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
    return file


def restore(bench: Bench, backup: Path) -> None:
    """What the help says of restoring."""
    for name in ("caloron.db", "caloron.db-wal", "caloron.db-shm"):
        (bench.state / name).unlink(missing_ok=True)
    (bench.state / "caloron.db").write_bytes(backup.read_bytes())
    (bench.state / "caloron.db").chmod(0o600)


def backed_up_on_the_way(bench: Bench, running: Running) -> list[Path]:
    """Backups of a run from its beginning to its end."""
    running.until("sprint s")
    backups: list[Path] = []
    lines = 0
    while (line := running.next_line()) is not None:
        lines += line.startswith("s/")
        if line.startswith("s/") and lines % LINES == 1:
            backups.append(backed_up(bench, f"backup{len(backups)}"))
    return backups


def assert_sound(bench: Bench) -> None:
    """What is journalled, the reconciliation too, leads to what is stored; and nobody is left behind."""
    equal = bench.command("replay", "--state", str(bench.state), "--json")
    assert equal.code == 0, equal
    assert json.loads(equal.stdout)["equal"]
    assert unsettled(bench) == []
    bench.assert_nothing_runs()


def test_a_backup_of_any_stage_of_a_finished_run(bench: Bench) -> None:
    """C6: all that has reached the forge is taken over as it is, and no agent is started for it again."""
    prepare(bench)
    running = bench.start_run()
    backups = backed_up_on_the_way(bench, running)
    done = running.finish()
    assert done.code == 0
    assert len(backups) >= 4
    as_it_was = (forge_ledger(bench), history(bench), result_ledger(done.result))
    started = bench.agents.log()
    for backup in backups:
        restore(bench, backup)
        again = bench.run()
        assert again.code == 0, (backup, again)
        assert (forge_ledger(bench), history(bench), result_ledger(again.result)) == as_it_was, backup
        assert bench.agents.log() == started, backup
    assert_sound(bench)


def test_a_half_finished_run_goes_on_from_its_backup(bench: Bench) -> None:
    """The forge and the agents are ahead of the backup; one agent runs that it does not know of, and is ended."""
    prepare(bench)
    bench.agents.hold("a.reviewer.1", "b.reviewer.2")
    running = bench.start_run()
    bench.agents.held()
    backup = backed_up(bench, "backup.db")
    bench.agents.release("a.reviewer.1")
    stray = bench.agents.held()
    assert stray.name == "b.reviewer.2"
    assert running.end().code == -9
    restore(bench, backup)
    (bench.agents.path / "b.reviewer.2").unlink()
    done = bench.run()
    assert done.code == 0, done
    assert done.statuses == {"a": "done", "b": "done"}
    # Of all agents only the one whose verdict had not reached the forge has run again, about the same version.
    ran = ["a.author.1", "a.reviewer.1", "b.author.1", "b.reviewer.1", "b.author.2", "b.reviewer.2"]
    assert sorted(started.name for started in bench.agents.log()) == sorted([*ran, "b.reviewer.3"])
    told = done.result["tasks"]["b"]
    assert (told["attempts"], told["review_cycles"]) == (2, 1)
    assert bench.forge_rows("SELECT count(*) FROM issues WHERE NOT is_pull") == [(2,)]
    assert bench.forge_rows("SELECT count(*) FROM pulls") == [(2,)]
    assert bench.forge_rows("SELECT count(*) FROM reviews") == [(3,)]
    assert bench.forge_rows("SELECT count(*) FROM comments") == [(2,)]
    assert len(history(bench)[0]) == 2
    assert_sound(bench)
