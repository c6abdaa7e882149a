"""Which names pass the door: logins, branches, object names, numbers. Pure checks, no lookups."""

import re

from caloron_actors.domain.ids import is_commit, is_repository

LOGIN_RULE = "letters, digits, '-' and '_', at most 100, not starting with '-'"
_LOGIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}")
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")
_REF_FORBIDDEN = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|[\ud800-\udfff]")

__all__ = ["LOGIN_RULE", "is_branch", "is_commit", "is_login", "is_repository", "number_of"]


def is_login(text: str) -> bool:
    """Whether `text` can be an account's login (`LOGIN_RULE`)."""
    return _LOGIN.fullmatch(text) is not None


def is_branch(text: str) -> bool:
    """Whether `refs/heads/<text>` is a valid ref and `text` a valid branch (the rules of git check-ref-format)."""
    if not text or len(text.encode("utf-8", "replace")) > 200 or _REF_FORBIDDEN.search(text):
        return False
    if text.startswith("-") or text.endswith(".") or text in ("@", "HEAD"):
        return False
    return all(part and not part.startswith(".") and not part.endswith(".lock") for part in text.split("/"))


def number_of(text: str) -> int | None:
    """The positive number that `text` spells in plain decimal digits (at most 18), else None."""
    return int(text) if _NUMBER.fullmatch(text) else None
