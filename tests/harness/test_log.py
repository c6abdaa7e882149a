"""The bounded log: what is kept, what is dropped, and that a hole in it is always named."""

import contextlib
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from caloron_actors.harness.log import Log


@pytest.fixture(autouse=True)
def here(tmp_path: Path) -> Iterator[None]:
    with contextlib.chdir(tmp_path):
        yield


def kept() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(Path().iterdir())}


def test_what_fits_into_one_segment_is_one_file() -> None:
    log = Log("stdout", 30)
    log.write(b"0123456789")
    log.finish()
    log.close()
    assert kept() == {"stdout.log": b"0123456789"}


def test_the_head_and_the_end_are_kept() -> None:
    log = Log("stdout", 30)
    for digit in b"abcdefg":
        log.write(bytes([digit]) * 10)
    log.write(b"h")
    log.close()
    assert log.total == 71
    assert kept() == {"stdout.0.log": b"a" * 10, "stdout.6.log": b"g" * 10, "stdout.log": b"h"}


def test_one_large_chunk_is_cut_like_many_small_ones() -> None:
    log = Log("stdout", 30)
    log.write(bytes(range(65, 65 + 45)))
    log.close()
    assert [len(content) for content in kept().values()] == [10, 10, 5]
    assert kept()["stdout.log"] == bytes(range(65 + 40, 65 + 45))


def test_a_hole_is_named_before_what_follows_it() -> None:
    log = Log("stdout", 3000)
    log.write(b"before\n")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        log.write(b"lost\n")
        with pytest.raises(OSError, match="too large"):
            log.finish()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    log.write(b"after\n")
    log.finish()
    log.close()
    message = b"\n[5 bytes of output were lost: they could not be written]\n"
    assert kept()["stdout.log"] == b"before\n" + message + b"after\n"


def test_a_planted_log_is_not_written_to(tmp_path: Path) -> None:
    Path("stdout.log").symlink_to(tmp_path / "victim")
    with pytest.raises(FileExistsError):
        Log("stdout", 30)
    assert not (tmp_path / "victim").exists()
