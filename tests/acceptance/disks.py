"""Small disks of a bench's own, which can be filled, and directories that cannot be written: for those who may mount."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import Bench

ELSEWHERE = ("runs", "work", "forge")


def mount(*words: str) -> None:
    """Mount, or skip the test loudly."""
    done = subprocess.run(["/usr/bin/env", "mount", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"NOT TESTED, no right to mount: {done.stderr.strip()}")


def unmount(where: Path) -> None:
    """Take a mount away, whatever still uses it."""
    subprocess.run(["/usr/bin/env", "umount", "--lazy", str(where)], check=True)


class Disk:
    """A mounted file system of a few megabytes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def fill(self) -> None:
        """Leave not one byte."""
        with contextlib.suppress(OSError), self._ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def leave(self, pages: int) -> None:
        """Leave room for a few pages."""
        self.fill()
        os.truncate(self._ballast, self._ballast.stat().st_size - pages * 4096)

    def free(self) -> None:
        self._ballast.unlink()


@contextlib.contextmanager
def small_disk(path: Path, megabytes: int) -> Iterator[Disk]:
    """A disk at a new directory."""
    path.mkdir()
    mount("-t", "tmpfs", "-o", f"size={megabytes}m", "none", str(path))
    try:
        yield Disk(path)
    finally:
        unmount(path)


@contextlib.contextmanager
def journals_disk(bench: Bench) -> Iterator[Disk]:
    """A disk with nothing but the journal: all else of the state directory is on the bench's own."""
    with small_disk(bench.path / "disk", 8) as disk:
        bench.state = disk.path / "state"
        bench.state.mkdir(mode=0o700)
        (bench.state / "lock").touch(0o600)
        with contextlib.ExitStack() as stack:
            for name in ELSEWHERE:
                for directory in (bench.state / name, bench.path / name):
                    directory.mkdir(mode=0o700)
                mount("--bind", str(bench.path / name), str(bench.state / name))
                stack.callback(unmount, bench.state / name)
            yield disk


@contextlib.contextmanager
def read_only(path: Path) -> Iterator[None]:
    """Nobody can write below `path`, root included."""
    mount("--bind", str(path), str(path))
    try:
        mount("-o", "remount,ro,bind", str(path))
        yield
    finally:
        unmount(path)
