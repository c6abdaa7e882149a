"""Waits for changes of files in a directory by the kernel's own word, so that a test can act at that very instant."""

import ctypes
import os
import select
import struct
from collections.abc import Callable
from pathlib import Path

from tests.acceptance.conftest import LIMIT, Running

_MODIFY, _MOVED_TO, _CREATE = 0x02, 0x80, 0x100
_HEADER = struct.Struct("iIII")
_LIBC = ctypes.CDLL(None, use_errno=True)


class Watched:
    """Changes in one directory (not below it) since this was made."""

    def __init__(self, directory: Path) -> None:
        self._descriptor = _LIBC.inotify_init1(os.O_CLOEXEC)
        assert (
            _LIBC.inotify_add_watch(self._descriptor, os.fsencode(directory), _MODIFY | _MOVED_TO | _CREATE)
            > 0
        ), os.strerror(ctypes.get_errno())

    def changes(self) -> list[str]:
        """The names in the next changes; blocks until there is one."""
        names = []
        content = os.read(self._descriptor, 65536)
        while content:
            *_, length = _HEADER.unpack_from(content)
            end = _HEADER.size + length
            names.append(content[_HEADER.size : end].rstrip(b"\0").decode())
            content = content[end:]
        return names

    def until(self, name: str, running: Running, enough: Callable[[int], bool] = bool) -> bool:
        """Wait until `enough` says so of the number of changes of `name`; False when the command ends before that."""
        ended = os.pidfd_open(running.pid)
        times = 0
        try:
            while times == 0 or not enough(times):
                ready = select.select([self._descriptor, ended], [], [], LIMIT)[0]
                assert ready, f"no change of {name}"
                if self._descriptor not in ready:
                    return False
                times += name in self.changes()
        finally:
            os.close(ended)
        return True

    def close(self) -> None:
        os.close(self._descriptor)
