"""The agents' socket over a real one: each line is answered, and one bad caller hurts no other."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import anyio
import pytest

from caloron_actors.adapters.http import bind_unix
from caloron_actors.adapters.http.agents import AgentsSocket
from caloron_actors.ports.listening import Beat, Health, Heartbeat


class Recorder:
    """A door that keeps the beats it was told."""

    def __init__(self) -> None:
        self.beats: list[Beat] = []
        self.trouble: Exception | None = None

    async def health(self) -> Health:
        return Health(ok=True, detail="")

    async def beat(self, beat: Beat) -> bool:
        if self.trouble is not None:
            raise self.trouble
        self.beats.append(beat)
        return beat.nonce == "n1"

    async def heartbeat(self, beat: Heartbeat) -> bool:
        return bool(beat.agent_id)


class Doors(NamedTuple):
    """An open socket and what stands behind it."""

    door: Recorder
    agents: Path


@pytest.fixture
async def doors(tmp_path: Path) -> AsyncIterator[Doors]:
    doors = Doors(Recorder(), tmp_path / "agents.sock")
    async with anyio.create_task_group() as group:
        await group.start(AgentsSocket(doors.door).serve, bind_unix(doors.agents, 0o600))
        yield doors
        group.cancel_scope.cancel()


async def talk(path: Path, sent: bytes) -> list[dict[str, object]]:
    async with await anyio.connect_unix(path) as stream:
        await stream.send(sent)
        await stream.send_eof()
        received = b""
        async for chunk in stream:
            received += chunk
    assert received == b"" or received.endswith(b"\n")
    return [json.loads(line) for line in received.splitlines()]


def beat(**fields: object) -> bytes:
    message = {"type": "beat", "run": "s1/a/dev/1", "nonce": "n1", "pid": 7, "seq": 1, "bytes": 3}
    return json.dumps(message | fields).encode() + b"\n"


async def test_beats_are_answered_line_by_line(doors: Doors) -> None:
    ok = {"status": "ok"}
    assert await talk(doors.agents, beat()) == [ok]
    assert await talk(doors.agents, beat(seq=2) + b"\n  \n" + beat(seq=3)) == [ok, ok]
    assert await talk(doors.agents, beat(seq=4).rstrip()) == [ok]
    assert [told.seq for told in doors.door.beats] == [1, 2, 3, 4]
    assert doors.door.beats[0] == Beat("s1/a/dev/1", "n1", 7, 1, 3)
    assert await talk(doors.agents, b"") == []


async def test_what_is_no_beat_is_answered_and_the_line_stays_open(doors: Doors) -> None:
    wrong = [
        b"nonsense\n",
        b"[]\n",
        b'{"type":"beat"}\n',
        b'{"type":"spawn"}\n',
        b"\xff\n",
        b"[" * 60_000 + b"\n",
    ]
    replies = await talk(doors.agents, b"".join(wrong) + beat())
    assert [reply["status"] for reply in replies] == ["error"] * len(wrong) + ["ok"]
    assert replies[0] == {"status": "error", "message": "invalid JSON", "code": 400}


async def test_a_stale_beat_and_a_broken_service(doors: Doors) -> None:
    stale = {"status": "error", "message": "stale", "code": 409}
    assert await talk(doors.agents, beat(nonce="n0")) == [stale]
    doors.door.trouble = KeyError("x")
    assert await talk(doors.agents, beat()) == [{"status": "error", "message": "unavailable", "code": 503}]


async def test_a_line_without_end_is_cut(doors: Doors) -> None:
    async with await anyio.connect_unix(doors.agents) as stream:
        await stream.send(b"x" * 70_000)
        reply = json.loads(await stream.receive())
        assert reply == {"status": "error", "message": "line too long", "code": 413}
        with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
            await stream.receive()
    assert await talk(doors.agents, beat()) == [{"status": "ok"}]


async def test_a_bounded_number_of_connections(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    served = AgentsSocket(Recorder(), connections=2, read_seconds=0.2)
    async with anyio.create_task_group() as group:
        await group.start(served.serve, bind_unix(path, 0o600))
        first, second = await anyio.connect_unix(path), await anyio.connect_unix(path)
        await anyio.wait_all_tasks_blocked()
        async with await anyio.connect_unix(path) as third:
            assert json.loads(await third.receive())["message"] == "too many connections"
        for silent in (first, second):
            async with silent:
                with pytest.raises(anyio.EndOfStream):
                    await silent.receive()
        assert await talk(path, beat()) == [{"status": "ok"}]
        group.cancel_scope.cancel()
