"""The records a run leaves in its directory, written so that they survive a power cut. Relative to the run directory."""

import contextlib
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from caloron_actors.harness.order import PROTOCOL

CLAIM = "pid.json"
STARTED = "started.json"
EXIT = "exit.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """How the run ended. The causes are those of the launcher port."""

    cause: str
    started: bool
    code: int | None = None
    signal: int | None = None
    detail: str = ""


def claim(pid: int, start: int, boot: str, nonce: str) -> bool:
    """Take the run by creating `pid.json` exclusively, whole from the first instant. False when the slot is taken."""
    record: dict[str, object] = {
        "version": PROTOCOL,
        "pid": pid,
        "start": start,
        "boot": boot,
        "nonce": nonce,
    }
    temporary = f"{CLAIM}.{pid}.tmp"
    _write(temporary, record)
    try:
        os.link(temporary, CLAIM)
    except FileExistsError:
        return False
    finally:
        Path(temporary).unlink()
    _sync_directory()
    return True


def record_start(pid: int, start: int) -> None:
    """Write `started.json`: from now on the command counts as started."""
    _replace(STARTED, {"version": PROTOCOL, "pid": pid, "start": start})


def record_exit(end: Exit) -> None:
    """Write `exit.json`. Raises OSError when it cannot be made durable; the call may be repeated."""
    record: dict[str, object] = {
        "version": PROTOCOL,
        "cause": end.cause,
        "started": end.started,
        "code": end.code,
        "signal": end.signal,
        "detail": end.detail,
        "when": datetime.now(UTC).isoformat(),
    }
    _replace(EXIT, record)


def read(name: str) -> bytes:
    """The content of a small file of the run directory; empty when it cannot be read."""
    with contextlib.suppress(OSError):
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            return file.read(65536)
    return b""


def _replace(name: str, record: dict[str, object]) -> None:
    temporary = f"{name}.tmp"
    _write(temporary, record)
    Path(temporary).replace(name)
    _sync_directory()


def _write(name: str, record: dict[str, object]) -> None:
    Path(name).unlink(missing_ok=True)
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(json.dumps(record).encode())
        file.flush()
        os.fsync(file.fileno())


def _sync_directory() -> None:
    descriptor = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
