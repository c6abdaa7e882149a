"""The files of a run directory as structs: what the harness writes is decoded here, and never trusted to be whole."""

import errno
import json
import os
import stat
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

import msgspec

from caloron_actors.adapters.process.limits import HarnessLimits
from caloron_actors.ports.launcher import LaunchOrder

PROTOCOL: Final = 1
"""The version of these files, the same as the harness's.

What the structs here name means the same in every version: fields are added, none is ever taken away or given another
meaning. So the runs of every earlier version are adopted, and after a downgrade those of the next one.
"""
_RECORD_LIMIT = 4 * 1024 * 1024
FOREIGN = frozenset({errno.ELOOP, errno.ENXIO})
"""What the open of a symlink, a socket or a device says in a record's place."""

Record = TypeVar("Record", bound="_Versioned")


class _Versioned(msgspec.Struct, frozen=True, kw_only=True):
    version: Annotated[int, msgspec.Meta(ge=1, le=PROTOCOL + 1)]


class Claim(_Versioned, frozen=True, kw_only=True):
    """`pid.json`: the harness that has the run, or the tombstone that holds its slot."""

    tombstone: bool = False
    pid: int = 0
    start: int = 0
    boot: str = ""
    nonce: str = ""

    def __post_init__(self) -> None:
        if not self.tombstone and (self.pid < 1 or not self.boot):
            raise ValueError("the claim names no process")


class Started(_Versioned, frozen=True, kw_only=True):
    """`started.json`: the agent's process, also the leader of its group and session."""

    pid: int
    start: int


class Exit(_Versioned, frozen=True, kw_only=True):
    """`exit.json`: how the run ended."""

    cause: Literal["exited", "wall_time", "stopped", "orphaned", "not_started", "lost"]
    started: bool
    code: int | None = None
    signal: int | None = None
    detail: str = ""


class Ordered(_Versioned, frozen=True, kw_only=True):
    """The part of `order.json` that is of use after the launch."""

    env: dict[str, str]


class Damaged(msgspec.Struct, frozen=True):
    """A file that is there but is not what it should be."""

    detail: str


def read(path: Path, kind: type[Record]) -> Record | Damaged | None:
    """Decode a record; None when there is none.

    Raises OSError when it cannot be read now (no descriptor is free, the disk fails): that says nothing of the run.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as refusal:
        if refusal.errno not in FOREIGN:
            raise
        return Damaged(f"{path.name}: {refusal.strerror}")
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return Damaged(f"{path.name} is not a regular file")
        content = file.read(_RECORD_LIMIT)
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as mistake:
        return Damaged(f"{path.name}: {mistake}")


def encode(record: _Versioned) -> bytes:
    """A record as its file's content."""
    return msgspec.json.encode(record)


def encode_order(order: LaunchOrder, nonce: str, socket: Path, limits: HarnessLimits) -> bytes:
    """The content of `order.json`.

    Not by msgspec: words of a command may hold bytes that are no UTF-8, which this form carries as lone surrogates.
    """
    return json.dumps(
        {
            "version": PROTOCOL,
            "run": str(order.run),
            "nonce": nonce,
            "argv": order.argv,
            "cwd": str(order.cwd),
            "env": dict(order.env),
            "prompt": "prompt",
            "socket": str(socket),
            "wall_time": None if order.wall_time is None else order.wall_time.total_seconds(),
            "beat": limits.beat.total_seconds(),
            "orphan_limit": limits.orphan_limit.total_seconds(),
            "stop_grace": limits.stop_grace.total_seconds(),
            "leftover_grace": limits.leftover_grace.total_seconds(),
            "log_cap": limits.log_cap,
        }
    ).encode()
