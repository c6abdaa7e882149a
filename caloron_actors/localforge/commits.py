"""Reads commits and what they change out of a repository. Writes nothing."""

import re
from pathlib import Path
from typing import Literal

import msgspec

from caloron_actors.domain.ids import Commit
from caloron_actors.git import Git, shown_path

FileStatus = Literal["added", "removed", "modified", "renamed", "copied", "changed"]

_FORMAT = "%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B%x00%x00"
_STATUS: dict[str, FileStatus] = {
    "A": "added",
    "D": "removed",
    "M": "modified",
    "R": "renamed",
    "C": "copied",
    "T": "changed",
}
_PLAIN = (
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--ignore-submodules=none",
    "--find-renames",
    "--full-index",
)
_NEXT_FILE = re.compile(rb"^diff --git ", re.MULTILINE)
_FIRST_HUNK = re.compile(rb"^@@ ", re.MULTILINE)
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


class Signature(msgspec.Struct, frozen=True):
    """Who, and when (ISO 8601 with an offset)."""

    name: str
    email: str
    at: str


class CommitRead(msgspec.Struct, frozen=True):
    """A commit object."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Signature
    committer: Signature
    message: str


class FileChange(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to one file. `blob` is None where it is gone; `patch` where there are no lines to show."""

    path: str
    previous: str | None
    status: FileStatus
    blob: str | None
    additions: int
    deletions: int
    patch: str | None


class PullFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A pull request in numbers. `mergeable` is None for a closed pull request."""

    mergeable: bool | None
    commits: int
    additions: int
    deletions: int
    changed_files: int


async def read_commits(git: Git, path: Path, *span: str, limit: int, skip: int = 0) -> list[CommitRead]:
    """The commits of a revision span, newest first."""
    out = await git.call(
        "log",
        f"--format=tformat:{_FORMAT}",
        f"--max-count={limit}",
        f"--skip={skip}",
        *span,
        "--",
        git_dir=path,
    )
    records = out.decode("utf-8", "replace").split("\0\0\n")
    return [_commit(record) for record in records if record]


def _commit(record: str) -> CommitRead:
    sha, tree, parents, name, mail, at, committer, committer_mail, committed, message = record.split("\0", 9)
    return CommitRead(
        sha=sha,
        tree=tree,
        parents=tuple(parents.split()),
        author=Signature(name, mail, at),
        committer=Signature(committer, committer_mail, committed),
        message=message.rstrip("\n"),
    )


async def count_commits(git: Git, path: Path, *span: str) -> int:
    """How many commits a revision span has."""
    return int(await git.call("rev-list", "--count", *span, "--", git_dir=path))


async def read_changes(git: Git, path: Path, old: str, new: Commit) -> list[FileChange]:
    """The files that differ between two trees or commits, with their patches."""
    listing = await git.call("diff", *_PLAIN, "--raw", "--numstat", "-z", old, new, "--", git_dir=path)
    patches = await git.call(
        "diff", *_PLAIN, "--patch", "--src-prefix=a/", "--dst-prefix=b/", old, new, "--", git_dir=path
    )
    raw, numbers = _parse_listing(listing)
    starts = [match.start() for match in _NEXT_FILE.finditer(patches)]
    texts = [patches[start:end] for start, end in zip(starts, [*starts, len(patches)][1:], strict=True)]
    whole = len(texts) == len(raw)
    return [
        _change(entry, numbers.get(entry.path, (0, 0)), texts[place] if whole else b"")
        for place, entry in enumerate(raw)
    ]


class _Raw(msgspec.Struct, frozen=True):
    path: bytes
    previous: bytes | None
    status: str
    blob: str


def _parse_listing(listing: bytes) -> tuple[list[_Raw], dict[bytes, tuple[int, int]]]:
    fields = iter(listing.split(b"\0"))
    raw: list[_Raw] = []
    numbers: dict[bytes, tuple[int, int]] = {}
    for field in fields:
        if field.startswith(b":"):
            *_, blob, status = field.decode().split(" ")
            first = next(fields)
            twice = status[0] in "RC"
            raw.append(_Raw(next(fields) if twice else first, first if twice else None, status[0], blob))
        elif field:
            added, deleted, name = field.split(b"\t", 2)
            if not name:
                _, name = next(fields), next(fields)
            # Binary files have "-" for both.
            numbers[name] = (
                int(added) if added.isdigit() else 0,
                int(deleted) if deleted.isdigit() else 0,
            )
    return raw, numbers


def _change(entry: _Raw, numbers: tuple[int, int], text: bytes) -> FileChange:
    hunk = _FIRST_HUNK.search(text)
    return FileChange(
        path=shown_path(entry.path),
        previous=None if entry.previous is None else shown_path(entry.previous),
        status=_STATUS.get(entry.status, "changed"),
        blob=None if set(entry.blob) == {"0"} else entry.blob,
        additions=numbers[0],
        deletions=numbers[1],
        patch=None if hunk is None else text[hunk.start() :].decode("utf-8", "replace").rstrip("\n"),
    )
