"""The doors open together, tell where they are, and leave nothing when they close."""

import json
import os
import socket
import threading
from pathlib import Path

import anyio
import pytest

from caloron_actors.adapters.http import HttpListening
from caloron_actors.ports.errors import StateUnusable
from caloron_actors.ports.listening import Addresses, Beat, Health, Heartbeat

TOKEN = "tok"


class Open:
    """A door that takes everything."""

    async def health(self) -> Health:
        return Health(ok=True, detail="ok")

    async def beat(self, beat: Beat) -> bool:
        return bool(beat.nonce)

    async def heartbeat(self, beat: Heartbeat) -> bool:
        return bool(beat.agent_id)


def port(addresses: Addresses) -> int:
    assert addresses.http is not None
    return int(addresses.http.rpartition(":")[2])


async def health(number: int) -> bytes:
    async with await anyio.connect_tcp("127.0.0.1", number) as stream:
        await stream.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        received = b""
        async for chunk in stream:
            received += chunk
    return received.rpartition(b"\r\n\r\n")[2]


async def beat(path: Path) -> str:
    message = {"type": "beat", "run": "s1/a/dev/1", "nonce": "n1", "pid": 7, "seq": 1}
    async with await anyio.connect_unix(path) as stream:
        await stream.send(json.dumps(message).encode() + b"\n")
        return str(json.loads(await stream.receive())["status"])


async def test_the_agents_socket_is_private_and_gone_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "agents" / "agents.sock"
    listening = HttpListening(port=0, token=TOKEN, agents_socket=path)
    async with anyio.create_task_group() as group:
        addresses: Addresses = await group.start(listening.serve, Open())
        assert (await anyio.Path(path).stat()).st_mode & 0o777 == 0o600
        assert (await anyio.Path(path.parent).stat()).st_mode & 0o777 == 0o700
        group.cancel_scope.cancel()
    assert not await anyio.Path(path).exists()
    with pytest.raises(OSError, match="connect"):
        await anyio.connect_tcp("127.0.0.1", port(addresses))


async def test_without_a_port_http_stays_closed(tmp_path: Path) -> None:
    listening = HttpListening(port=None, token="", agents_socket=tmp_path / "agents.sock")
    async with anyio.create_task_group() as group:
        addresses: Addresses = await group.start(listening.serve, Open())
        assert addresses == Addresses(None, str(tmp_path / "agents.sock"))
        assert await beat(tmp_path / "agents.sock") == "ok"
        group.cancel_scope.cancel()


async def test_two_services_do_not_share_doors(tmp_path: Path) -> None:
    path, other = tmp_path / "a.sock", tmp_path / "b.sock"
    async with anyio.create_task_group() as group:
        listening = HttpListening(port=0, token=TOKEN, agents_socket=path)
        addresses: Addresses = await group.start(listening.serve, Open())
        for second, words in (
            (HttpListening(port=port(addresses), token=TOKEN, agents_socket=other), str(port(addresses))),
            (HttpListening(port=0, token=TOKEN, agents_socket=path), "another process"),
        ):
            with pytest.raises(StateUnusable, match=words):
                await second.serve(Open())
        assert not await anyio.Path(other).exists()
        assert await beat(path) == "ok"
        group.cancel_scope.cancel()


def test_http_without_a_token_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="token"):
        HttpListening(port=0, token="", agents_socket=tmp_path / "agents.sock")


async def test_a_directory_that_others_can_write_is_refused(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    await anyio.Path(shared).mkdir()
    await anyio.Path(shared).chmod(0o777)
    with pytest.raises(StateUnusable, match="chmod 700"):
        await HttpListening(port=None, token="", agents_socket=shared / "a.sock").serve(Open())


async def test_nothing_of_a_service_remains(tmp_path: Path) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # closes its own descriptor, iterdir keeps it

    threads, before = threading.active_count(), descriptors()
    for _ in range(3):
        listening = HttpListening(port=0, token=TOKEN, agents_socket=tmp_path / "a.sock")
        async with anyio.create_task_group() as group:
            addresses: Addresses = await group.start(listening.serve, Open())
            idle = socket.create_connection(("127.0.0.1", port(addresses)))
            assert await health(port(addresses)) == b"ok"
            assert await beat(tmp_path / "a.sock") == "ok"
            group.cancel_scope.cancel()
        idle.close()
    assert descriptors() == before
    assert threading.active_count() <= threads + 1
