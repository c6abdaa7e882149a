"""What is about to change rows and something beside them (a ref, a directory) together."""

import sqlite3

import msgspec

from caloron_actors.localforge.rows.select import inserted


class CreateRepository(msgspec.Struct, frozen=True, tag=True):
    """A bare repository is being made. Undone unless its row stands."""

    full_name: str


class Merge(msgspec.Struct, frozen=True, tag=True):
    """The base branch is being set from `base` to `merge`. Completed if it got there, dropped if not."""

    repository: str
    issue_id: int
    actor_id: int
    base_ref: str
    base: str
    head: str
    merge: str
    closes: tuple[int, ...]
    """The issues' numbers that the merge closes."""
    at: str


class Push(msgspec.Struct, frozen=True, tag=True):
    """Branches are being set by a push. Afterwards the pull requests follow wherever the branches stand."""

    repository: str
    actor_id: int
    default_before: str | None
    """Where the default branch stood before it."""


Plan = CreateRepository | Merge | Push


class Intent(msgspec.Struct, frozen=True):
    """A plan that has not been settled."""

    id: int
    plan: Plan


def begin(db: sqlite3.Connection, plan: Plan) -> int:
    """Write a plan down before anything of it is done."""
    return inserted(db, "INSERT INTO intents (plan) VALUES (?)", (msgspec.json.encode(plan).decode(),))


def settle(db: sqlite3.Connection, intent_id: int) -> None:
    """Strike a plan out: rows and what is beside them agree."""
    db.execute("DELETE FROM intents WHERE id = ?", (intent_id,))


def unsettled(db: sqlite3.Connection) -> list[Intent]:
    """All plans that were begun and not settled, oldest first."""
    decode = msgspec.json.Decoder(Plan).decode
    return [
        Intent(number, decode(plan))
        for number, plan in db.execute("SELECT id, plan FROM intents ORDER BY id")
    ]
