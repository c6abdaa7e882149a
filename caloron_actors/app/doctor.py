"""`doctor state`: everything that can be checked of a state directory without changing it, one finding for each check."""

import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from caloron_actors.adapters.sqlite import directory, inspection, reading, soundness
from caloron_actors.app.real import DATABASE
from caloron_actors.app.replaying import replay_all
from caloron_actors.ports.errors import PortError

FREE_NEEDED = 256 * 1024 * 1024
"""Bytes that should be free: the journal waits on a full disk, and agents' clones and logs grow fast."""
RESTORE = "restore caloron.db from a backup (`state backup --help` says how); nothing was changed"
NAME_ANOTHER = "name the state directory of a run or of the service, or restore its backup"
START = "start the service, or run the sprint, again"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One check. `remedy` is empty when it is `ok`."""

    name: str
    ok: bool
    found: str
    remedy: str = ""


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """All checks of one state directory."""

    state: str
    ok: bool
    checks: tuple[Check, ...]


def diagnose(state: Path, version: str) -> Diagnosis:
    """Check a state directory for the `step` named `version`. Never writes, and never stands in a service's way."""
    checks = tuple(_checks(state.absolute(), version))
    return Diagnosis(state=str(state.absolute()), ok=all(check.ok for check in checks), checks=checks)


def _checks(state: Path, version: str) -> Iterator[Check]:
    place = _directory(state)
    yield place
    if not state.is_dir():
        return
    holder = directory.holder(state)
    held = "nobody" if holder is None else f"process {holder}"
    yield Check(name="lock", ok=True, found=f"held by {held}")
    yield _space(state)
    yield _secret(state)
    yield from _database(state / DATABASE, version, served=holder is not None)


def _directory(state: Path) -> Check:
    def bad(found: str, remedy: str) -> Check:
        return Check(name="directory", ok=False, found=found, remedy=remedy)

    if state.is_symlink():
        return bad(f"{state} is a symbolic link", "name the directory it points to")
    if not state.is_dir():
        return bad(f"{state} is not a directory", "name the state directory of a run or of the service")
    found = state.stat()
    if found.st_uid != os.geteuid():
        return bad(f"{state} belongs to user id {found.st_uid}", "run this as its owner")
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077:
        return bad(f"{state} is open to others (mode {mode:o})", f"run `chmod 700 {state}`")
    return Check(name="directory", ok=True, found=f"private (mode {mode:o})")


def _space(state: Path) -> Check:
    free = shutil.disk_usage(state).free
    ok = free >= FREE_NEEDED
    remedy = "" if ok else f"free {FREE_NEEDED // 1024**2} MiB on its disk, or move it to a larger one"
    return Check(name="space", ok=ok, found=f"{free // 1024**2} MiB free", remedy=remedy)


def _secret(state: Path) -> Check:
    path = state / "secret"
    try:
        found = path.lstat()
    except FileNotFoundError:
        ok = not os.path.lexists(state / DATABASE)
        remedy = (
            "" if ok else "restore `secret` from a backup: without it marks on the forge are not known again"
        )
        return Check(name="secret", ok=ok, found="there is none", remedy=remedy)
    mode = stat.S_IMODE(found.st_mode)
    ok = stat.S_ISREG(found.st_mode) and not mode & 0o077 and found.st_size > 0
    remedy = "" if ok else f"it has to be a file that only its owner can read: run `chmod 600 {path}`"
    return Check(name="secret", ok=ok, found=f"{found.st_size} bytes, mode {mode:o}", remedy=remedy)


def _database(path: Path, version: str, *, served: bool) -> Iterator[Check]:
    """Each check on a look of its own: what one cannot read, another may."""

    def check(name: str, work: Callable[[sqlite3.Connection], Check]) -> Check:
        try:
            return inspection.look(path, work)
        except PortError as error:
            found, _, remedy = str(error).partition("; ")
            return Check(name=name, ok=False, found=found, remedy=remedy or RESTORE)

    if not os.path.lexists(path):
        yield Check(name="database", ok=False, found=f"there is no {path}", remedy=NAME_ANOTHER)
        return
    schema = check("schema", lambda connection: _schema(path, connection))
    yield schema
    yield check("integrity", _integrity)
    if schema.ok:
        yield check("rows", lambda connection: _rows(path, connection))
        yield check("replay", lambda connection: _replay(path, version, connection))
        yield check("intents", lambda connection: _intents(path, connection, served=served))


def _schema(path: Path, connection: sqlite3.Connection) -> Check:
    trouble = inspection.schema_trouble(path, connection)
    if trouble is not None:
        found, _, remedy = str(trouble).partition("; ")
        return Check(name="schema", ok=False, found=found, remedy=remedy)
    (number,) = connection.execute("PRAGMA user_version").fetchone()
    return Check(name="schema", ok=True, found=f"number {number}, of this program")


def _integrity(connection: sqlite3.Connection) -> Check:
    wrong = soundness.integrity(connection)
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    return _verdict("integrity", wrong, f"{pages} pages read", RESTORE)


def _rows(path: Path, connection: sqlite3.Connection) -> Check:
    wrong = soundness.rows(path, connection)
    (events,) = connection.execute("SELECT count(*) FROM events").fetchone()
    return _verdict("rows", wrong, f"{events} events and all rows beside them can be read", RESTORE)


def _replay(path: Path, version: str, connection: sqlite3.Connection) -> Check:
    report = replay_all(path, version, connection)
    wrong = [f"sprint {sprint.sprint}: {line}" for sprint in report.sprints for line in sprint.differences]
    events = sum(sprint.replayed for sprint in report.sprints)
    remedy = "`replay` tells all differences; keep a copy of the file, and report them or restore a backup"
    return _verdict("replay", wrong, f"{events} events of version {version} lead to what is stored", remedy)


def _intents(path: Path, connection: sqlite3.Connection, *, served: bool) -> Check:
    """An ended sprint owes nothing for long."""
    owed = {
        head.id: len(reading.open_intents(path, head.id, connection))
        for head in reading.heads(path, connection)
        if head.outcome is not None
    }
    wrong = [
        f"sprint {sprint} has ended and still owes {count} effects" for sprint, count in owed.items() if count
    ]
    if served:
        return Check(name="intents", ok=True, found="; ".join(wrong) or "ended sprints owe nothing")
    return _verdict("intents", wrong, "ended sprints owe nothing", f"{START}: it does them")


def _verdict(name: str, wrong: list[str], found: str, remedy: str) -> Check:
    if not wrong:
        return Check(name=name, ok=True, found=found)
    more = f" (and {len(wrong) - 3} more)" if len(wrong) > 3 else ""
    return Check(name=name, ok=False, found=f"{'; '.join(wrong[:3])}{more}", remedy=remedy)
