"""Accounts and what each may do in a repository."""

# ruff: noqa: S608 - only names written in this file are put into statements; values are bound

import hashlib
import sqlite3
from typing import Literal

import msgspec

from caloron_actors.localforge.rows.select import inserted, one

Permission = Literal["admin", "write", "read"]

_COLUMNS = "id, login, kind, created_at"


class Account(msgspec.Struct, frozen=True, array_like=True):
    """Someone who acts on the forge (User), or only owns repositories and has no token (Organization)."""

    id: int
    login: str
    kind: Literal["User", "Organization"]
    created_at: str


class _Held(msgspec.Struct, frozen=True, array_like=True):
    permission: Permission


def token_hash(token: str) -> str:
    """What the database keeps of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def by_id(db: sqlite3.Connection, account_id: int) -> Account:
    """The account with this id, which must exist."""
    found = one(db, Account, f"SELECT {_COLUMNS} FROM accounts WHERE id = ?", (account_id,))
    if found is None:
        raise LookupError(f"no account {account_id}")
    return found


def by_login(db: sqlite3.Connection, login: str) -> Account | None:
    """The account with this login, in whichever case."""
    return one(db, Account, f"SELECT {_COLUMNS} FROM accounts WHERE login = ?", (login,))


def by_token(db: sqlite3.Connection, token: str) -> Account | None:
    """The account whose token this is."""
    return one(db, Account, f"SELECT {_COLUMNS} FROM accounts WHERE token_sha256 = ?", (token_hash(token),))


def ensure_user(db: sqlite3.Connection, login: str, token: str, now: str) -> Account:
    """The user `login`, made if needed, with `token` as its token."""
    db.execute(
        "INSERT INTO accounts (login, kind, token_sha256, created_at) VALUES (?, 'User', ?, ?)"
        " ON CONFLICT (login) DO UPDATE SET token_sha256 = excluded.token_sha256, kind = 'User'",
        (login, token_hash(token), now),
    )
    found = by_login(db, login)
    if found is None:
        raise LookupError(f"no account {login}")
    return found


def ensure_owner(db: sqlite3.Connection, login: str, now: str) -> Account:
    """The account that owns a repository: the user of that login, else an organization without a token."""
    found = by_login(db, login)
    if found is None:
        sql = "INSERT INTO accounts (login, kind, created_at) VALUES (?, 'Organization', ?)"
        found = by_id(db, inserted(db, sql, (login, now)))
    return found


def grant(db: sqlite3.Connection, repository_id: int, account_id: int, permission: Permission) -> None:
    """Set what an account may do in a repository."""
    db.execute(
        "INSERT INTO permissions (repository_id, account_id, permission) VALUES (?, ?, ?)"
        " ON CONFLICT DO UPDATE SET permission = excluded.permission",
        (repository_id, account_id, permission),
    )


def permission(db: sqlite3.Connection, repository_id: int, account_id: int) -> Permission:
    """What an account may do in a repository. Whoever has an account may read."""
    sql = "SELECT permission FROM permissions WHERE repository_id = ? AND account_id = ?"
    held = one(db, _Held, sql, (repository_id, account_id))
    return "read" if held is None else held.permission


def may_write(db: sqlite3.Connection, repository_id: int, account_id: int) -> bool:
    """Whether an account may push, merge and label."""
    return permission(db, repository_id, account_id) != "read"
