"""The state directory is private, ours, and held by one process at a time."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from caloron_actors.adapters.sqlite import StateDirectory, directory
from caloron_actors.ports.errors import StateBusy, StateUnusable

HOLDER = """
import sys
from pathlib import Path
from caloron_actors.adapters.sqlite import StateDirectory
with StateDirectory.hold(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def names(path: Path) -> list[str]:
    return [file.name for file in path.iterdir()]


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_missing_directory_is_made_private_with_its_parents(tmp_path: Path) -> None:
    path = tmp_path / "share" / "runs" / "s1"
    with StateDirectory.hold(path) as state:
        assert state.path == path
        assert mode(path) == mode(path.parent) == 0o700
        assert mode(path / "lock") == 0o600
        assert (path / "lock").read_text() == f"{os.getpid()}\n"


def test_an_empty_directory_open_to_others_is_made_private(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with StateDirectory.hold(tmp_path):
        assert mode(tmp_path) == 0o700


def test_one_of_ours_is_made_private_again(tmp_path: Path) -> None:
    with StateDirectory.hold(tmp_path):
        pass
    tmp_path.chmod(0o755)
    with StateDirectory.hold(tmp_path):
        assert mode(tmp_path) == 0o700


def test_a_directory_of_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters").write_text("mine")
    tmp_path.chmod(0o755)
    with pytest.raises(StateUnusable, match="chmod 700"), StateDirectory.hold(tmp_path):
        pass
    assert mode(tmp_path) == 0o755
    assert names(tmp_path) == ["letters"]


def test_a_link_is_refused(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.mkdir()
    link.symlink_to(target)
    with pytest.raises(StateUnusable, match="symbolic link"), StateDirectory.hold(link):
        pass
    assert names(target) == []
    link.unlink()
    link.symlink_to(tmp_path / "nowhere")
    with pytest.raises(StateUnusable, match="symbolic link"), StateDirectory.hold(link):
        pass


def test_a_linked_lock_is_refused(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    state = tmp_path / "state"
    state.mkdir(0o700)
    (state / "lock").symlink_to(victim)
    with pytest.raises(StateUnusable, match="lock"), StateDirectory.hold(state):
        pass
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("below", [".", "below"])
def test_a_file_is_refused(tmp_path: Path, below: str) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(StateUnusable, match="not a directory"), StateDirectory.hold(file / below):
        pass
    assert file.read_text() == "mine"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_another_users_directory_is_refused(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 12345)
    with pytest.raises(StateUnusable, match="12345"), StateDirectory.hold(tmp_path):
        pass
    assert names(tmp_path) == []


def test_a_second_holder_is_told_who_holds_it(tmp_path: Path) -> None:
    with StateDirectory.hold(tmp_path):
        with pytest.raises(StateBusy, match=f"process {os.getpid()}"), StateDirectory.hold(tmp_path):
            pass
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    with StateDirectory.hold(tmp_path):
        pass


def test_the_lock_ends_with_its_process_however_that_ends(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StateBusy, match=f"process {holder.pid}"), StateDirectory.hold(tmp_path):
            pass
        assert directory.holder(tmp_path) == holder.pid
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert directory.holder(tmp_path) is None
        with StateDirectory.hold(tmp_path):
            assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
