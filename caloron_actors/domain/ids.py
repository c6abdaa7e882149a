"""The names of things, and how derived names stay inside a limit. Standard library only: the harness imports it."""

import hashlib
import re
from typing import NewType

SprintId = NewType("SprintId", str)
TaskId = NewType("TaskId", str)
AgentId = NewType("AgentId", str)
EffectKey = NewType("EffectKey", str)
Commit = NewType("Commit", str)
"""A full git object name, 40 lower-case hexadecimal digits."""

ID_LIMIT = 64
ID_RULE = "^[a-z0-9][a-z0-9_-]{0,63}$"
REPOSITORY_RULE = "owner/name, each of letters, digits, '.', '_' and '-', not starting with '.' or '-'"
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_REPOSITORY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}/[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_COMMIT = re.compile(r"[0-9a-f]{40}")


def is_id(text: str) -> bool:
    """Whether `text` is a valid id of a sprint, task or agent (`ID_RULE`)."""
    return _ID.fullmatch(text) is not None


def is_repository(text: str) -> bool:
    """Whether `text` is a repository's full name, `owner/name` (`REPOSITORY_RULE`)."""
    return _REPOSITORY.fullmatch(text) is not None and not text.endswith((".git", ".lock", "."))


def is_commit(text: str) -> bool:
    """Whether `text` is a full SHA-1 object name."""
    return _COMMIT.fullmatch(text) is not None


def shorten(name: str, limit: int = ID_LIMIT) -> str:
    """Give `name` unchanged when it fits into `limit` characters, else its head and a hash of the whole.

    The hash (10 hexadecimal digits of SHA-256) keeps two long names apart that share their head.
    """
    if len(name) <= limit:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:10]
    return f"{name[: limit - 11].rstrip('-_.')}-{digest}"


def slug(text: str, fallback: str = "x") -> str:
    """Turn any text into a valid id: lower case, runs of other characters become one `-`, shortened."""
    words = re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-_")
    return shorten(words or fallback)


def same_login(one: str | None, other: str | None) -> bool:
    """Whether two logins are one account's: forges write it in its own case, operators as they like. None is nobody's."""
    return one is not None and other is not None and one.casefold() == other.casefold()


def branch_name(agent: AgentId, sprint: SprintId, task: TaskId) -> str:
    """Name a task's branch: `agent/{agent}/{sprint}/{task}`, each part shortened so the whole fits 128 characters."""
    return f"agent/{shorten(agent, 32)}/{shorten(sprint, 40)}/{shorten(task, 44)}"
