"""Reads the end of an agent's output from the segments that its harness keeps. Only reads."""

import contextlib
import os
import re
import stat
from pathlib import Path

from caloron_actors.adapters.process.records import FOREIGN

TRIES = 5
"""A segment may be moved between listing and reading; then the reading starts again."""


def tail(directory: Path, stream: str, limit: int) -> str:
    """The last `limit` bytes of `stream` (`stdout` or `stderr`), as UTF-8 of at most that length. Raises OSError."""
    content = b""
    for _ in range(TRIES):
        names = _segments(directory, stream)
        content = _last(directory, names, limit)
        if names == _segments(directory, stream):
            break
    text = content.decode(errors="replace")
    # A broken character becomes a longer one, so the limit is applied to what is given out.
    return text.encode()[-limit:].decode(errors="ignore") if limit > 0 else ""


def _segments(directory: Path, stream: str) -> list[str]:
    """Segments that follow each other without a gap, the newest last."""
    numbers: list[int] = []
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        matches = (re.fullmatch(rf"{stream}\.(\d+)\.log", path.name) for path in directory.iterdir())
        numbers = sorted(int(match[1]) for match in matches if match)
    # The harness keeps the head (0) and the last full segment: from 2 on there is a gap between them.
    whole = numbers[-1:] if numbers and numbers[-1] > 1 else numbers
    return [f"{stream}.{number}.log" for number in whole] + [f"{stream}.log"]


def _last(directory: Path, names: list[str], limit: int) -> bytes:
    content = b""
    for name in reversed(names):
        if len(content) >= limit:
            break
        content = _read_end(directory / name, limit - len(content)) + content
    return content


def _read_end(path: Path, limit: int) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return b""
    except OSError as refusal:
        # A verdict that cannot be read now is none that was not given.
        if refusal.errno not in FOREIGN:
            raise
        return b""
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return b""
        file.seek(max(0, status.st_size - limit))
        return file.read(limit)
