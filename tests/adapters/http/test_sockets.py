"""Sockets of our own: loopback only, private, replaced when stale, and never another's."""

import os
import socket
from pathlib import Path

import pytest

from caloron_actors.adapters.http import bind_tcp, bind_unix
from caloron_actors.ports.errors import StateUnusable


def call(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.connect(str(path))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "fe80::1"])  # noqa: S104  # refused
def test_nothing_listens_beyond_this_host(host: str) -> None:
    with pytest.raises(StateUnusable, match="not a loopback"):
        bind_tcp(host, 0)


@pytest.mark.parametrize("host", ["example.org", "", "127.1"])
def test_what_is_no_address_is_refused(host: str) -> None:
    with pytest.raises(StateUnusable, match="not a loopback"):
        bind_tcp(host, 0)


def test_a_port_in_use_is_named() -> None:
    with bind_tcp("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(StateUnusable, match=f"127.0.0.1:{port}"):
            bind_tcp("127.0.0.1", port)
    with pytest.raises(StateUnusable):
        bind_tcp("127.0.0.1", 99999)


@pytest.mark.parametrize("mode", [0o600, 0o660])
def test_a_socket_has_its_mode_and_ends_with_its_file(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "deep" / "er" / "a.sock"
    with bind_unix(path, mode):
        call(path)
        assert path.stat().st_mode & 0o777 == mode
        assert path.parent.stat().st_mode & 0o777 == 0o700
    assert not path.exists()


def test_a_stale_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as gone:
        gone.bind(str(path))
    assert path.exists()
    with bind_unix(path, 0o600):
        call(path)


def test_a_living_one_and_other_files_are_left_alone(tmp_path: Path) -> None:
    path, other = tmp_path / "a.sock", tmp_path / "letter"
    other.write_text("mine")
    (tmp_path / "link").symlink_to(other)
    with bind_unix(path, 0o600):
        with pytest.raises(StateUnusable, match="another process"):
            bind_unix(path, 0o600)
        call(path)
    for taken in (other, tmp_path / "link"):
        with pytest.raises(StateUnusable, match="something else"):
            bind_unix(taken, 0o600)
    assert other.read_text() == "mine"


def test_closing_spares_the_file_of_a_successor(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    first = bind_unix(path, 0o600)
    path.unlink()
    with bind_unix(path, 0o600):
        first.close()
        call(path)


def test_a_path_longer_than_the_kernel_takes(tmp_path: Path) -> None:
    folder = tmp_path / ("d" * 60) / ("e" * 60)
    path = folder / "agents.sock"
    with bind_unix(path, 0o600):
        assert path.stat().st_mode & 0o777 == 0o600
        descriptor = os.open(folder, os.O_PATH)
        call(Path(f"/proc/self/fd/{descriptor}/agents.sock"))
        os.close(descriptor)
        with pytest.raises(StateUnusable, match="another process"):
            bind_unix(path, 0o600)
    assert not path.exists()
    with pytest.raises(StateUnusable, match="too long"):
        bind_unix(folder / ("f" * 100), 0o600)
