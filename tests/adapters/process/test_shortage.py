"""A host that is short of descriptors for a moment: what cannot be read then is trouble, never a death or a silence."""

import os
import resource
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from caloron_actors.adapters.process import procfs
from caloron_actors.adapters.process.output import tail
from caloron_actors.adapters.process.records import Claim, Damaged, read


@contextmanager
def no_descriptor_left() -> Generator[None, None, None]:
    """Every open fails in here."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_living_process_is_not_taken_for_dead() -> None:
    own = procfs.look(os.getpid())
    assert own is not None
    with no_descriptor_left(), pytest.raises(OSError, match="open files"):
        procfs.is_alive(own.pid, own.start)
    assert procfs.is_alive(own.pid, own.start)


def test_a_whole_claim_is_not_taken_for_damaged(tmp_path: Path) -> None:
    path = tmp_path / "pid.json"
    path.write_bytes(b'{"version":1,"pid":1,"start":2,"boot":"b","nonce":"n"}')
    with no_descriptor_left(), pytest.raises(OSError, match="open files"):
        read(path, Claim)
    assert isinstance(read(path, Claim), Claim)
    path.unlink()
    assert read(path, Claim) is None
    path.symlink_to("/etc/hostname")
    assert isinstance(read(path, Claim), Damaged)


def test_a_verdict_is_not_taken_for_none(tmp_path: Path) -> None:
    (tmp_path / "stdout.log").write_text("APPROVED\n")
    with no_descriptor_left(), pytest.raises(OSError, match="open files"):
        tail(tmp_path, "stdout", 100)
    assert tail(tmp_path, "stdout", 100) == "APPROVED\n"
    assert tail(tmp_path / "none", "stdout", 100) == ""
