"""Values that git commands take and give."""

import msgspec


class Identity(msgspec.Struct, frozen=True):
    """Who a commit is from."""

    name: str
    email: str


class TreeMerged(msgspec.Struct, frozen=True, tag=True):
    """The two merge cleanly; `tree` is the object name of the merged tree."""

    tree: str


class TreeConflict(msgspec.Struct, frozen=True, tag=True):
    """The two do not merge: on these paths, or because they share no history (`unrelated`, no paths).

    Bytes of a path that are not UTF-8 are shown as `\\xNN`.
    """

    paths: tuple[str, ...]
    unrelated: bool = False


def shown_path(path: bytes) -> str:
    """A path as text that can be stored and printed: bytes that are not UTF-8 become `\\xNN`."""
    return path.decode("utf-8", "backslashreplace")
