"""HTTP over a real socket: who gets in, and what is taken."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import anyio
import pytest

from caloron_actors.adapters.http import HttpListening
from caloron_actors.ports.errors import Unavailable
from caloron_actors.ports.listening import Addresses, Beat, Health, Heartbeat

TOKEN = "tok"
GOOD = {"agent_id": "dev-1", "sprint_id": "s1", "status": "working", "tokens_used": 5}
INVALID_TOKEN = {"ok": False, "error": "missing or invalid x-caloron-token header"}


class Recorder:
    """A door that keeps what it was told."""

    def __init__(self) -> None:
        self.well = Health(ok=True, detail="ok")
        self.beats: list[Beat] = []
        self.heartbeats: list[Heartbeat] = []
        self.trouble: Exception | None = None

    async def health(self) -> Health:
        if self.trouble is not None:
            raise self.trouble
        return self.well

    async def beat(self, beat: Beat) -> bool:
        if self.trouble is not None:
            raise self.trouble
        self.beats.append(beat)
        return beat.nonce == "n1"

    async def heartbeat(self, beat: Heartbeat) -> bool:
        if self.trouble is not None:
            raise self.trouble
        self.heartbeats.append(beat)
        return beat.agent_id == "dev-1"


class Doors(NamedTuple):
    """Open doors and what stands behind them."""

    door: Recorder
    port: int
    agents: Path


class Answer(NamedTuple):
    """A parsed HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> object:
        return json.loads(self.body)


@pytest.fixture
async def doors(tmp_path: Path) -> AsyncIterator[Doors]:
    door = Recorder()
    path = tmp_path / "agents" / "agents.sock"
    listening = HttpListening(port=0, token=TOKEN, agents_socket=path)
    async with anyio.create_task_group() as group:
        addresses: Addresses = await group.start(listening.serve, door)
        assert addresses.http is not None
        assert addresses.agents_socket == str(path)
        yield Doors(door, int(addresses.http.rpartition(":")[2]), path)
        group.cancel_scope.cancel()


async def raw(port: int, request: bytes) -> Answer:
    stream = await anyio.connect_tcp("127.0.0.1", port)
    async with stream:
        await stream.send(request)
        received = b""
        async for chunk in stream:
            received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return Answer(int(first.split()[1]), headers, body)


async def request(port: int, line: str, body: bytes = b"", **headers: str) -> Answer:
    given = {"host": f"127.0.0.1:{port}", "connection": "close", "content-length": str(len(body))}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return await raw(port, f"{line} HTTP/1.1\r\n{head}\r\n".encode() + body)


async def heartbeat(port: int, body: object, **headers: str) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"x_caloron_token": TOKEN, "content_type": "application/json"} | headers
    return await request(port, "POST /heartbeat", content, **given)


async def test_health_is_open_and_honest(doors: Doors) -> None:
    well = await request(doors.port, "GET /health")
    assert (well.status, well.body) == (200, b"ok")
    doors.door.well = Health(ok=False, detail="the journal cannot be written")
    ill = await request(doors.port, "GET /health")
    assert (ill.status, ill.body) == (503, b"the journal cannot be written")
    doors.door.trouble = KeyError("x")
    assert (await request(doors.port, "GET /health")).status == 503
    assert (await request(doors.port, "GET /ready")).status == 503


async def test_a_degraded_service_is_well_and_not_ready(doors: Doors) -> None:
    """Whoever restarts what is not well would restart it in circles; whoever sends work waits."""
    ready = await request(doors.port, "GET /ready")
    assert (ready.status, ready.body) == (200, b"ok")
    doors.door.well = Health(ok=True, ready=False, detail="degraded: the disk is full")
    for path, status in (("/health", 200), ("/ready", 503)):
        answer = await request(doors.port, f"GET {path}")
        assert (answer.status, answer.body) == (status, b"degraded: the disk is full")
    doors.door.well = Health(ok=False, detail="the journal does not answer")
    assert (await request(doors.port, "GET /ready")).status == 503


async def test_a_heartbeat_is_taken(doors: Doors) -> None:
    taken = await heartbeat(doors.port, GOOD)
    assert (taken.status, taken.json()) == (200, {"ok": True})
    bare = await heartbeat(doors.port, {"agent_id": "dev-1", "sprint_id": "s1", "new": 1})
    assert bare.status == 200
    assert doors.door.heartbeats == [Heartbeat("dev-1", "s1", "working", 5), Heartbeat("dev-1", "s1")]
    unknown = await heartbeat(doors.port, GOOD | {"agent_id": "nobody"})
    assert (unknown.status, unknown.json()) == (
        404,
        {"ok": False, "error": "no agent nobody runs in sprint s1"},
    )
    doors.door.trouble = Unavailable("busy", ambiguous=True)
    assert (await heartbeat(doors.port, GOOD)).status == 503


@pytest.mark.parametrize("token", ["", "to", "tok2", "TOK", "tök"])
async def test_a_wrong_token_is_refused(doors: Doors, token: str) -> None:
    refused = await heartbeat(doors.port, b"not even JSON", x_caloron_token=token)
    assert (refused.status, refused.json()) == (401, INVALID_TOKEN)


async def test_a_missing_token_is_refused(doors: Doors) -> None:
    refused = await request(doors.port, "POST /heartbeat", b"{}", content_type="application/json")
    assert (refused.status, refused.json()) == (401, INVALID_TOKEN)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'{"agent_id":"a","sprint_id":"\xff"}', 400),
        (b'{"agent_id":"a","sprint_id":"b"} c', 400),
        (b'{"x":' + b"[" * 100_000, 400),
        (b"[]", 422),
        (b"{}", 422),
        (b'{"agent_id":1,"sprint_id":"b"}', 422),
        (b'{"agent_id":"a","sprint_id":"b","tokens_used":"5"}', 422),
        (b'{"agent_id":"a","sprint_id":"b","tokens_used":-5}', 422),
        (b'{"agent_id":"../a","sprint_id":"b"}', 400),
        (b'{"agent_id":"a","sprint_id":""}', 400),
        (b'{"agent_id":"a","sprint_id":"B"}', 400),
        (b'{"agent_id":"a","sprint_id":"b\\n"}', 400),
    ],
)
async def test_a_wrong_body_is_refused(doors: Doors, body: bytes, status: int) -> None:
    refused = await heartbeat(doors.port, body)
    assert refused.status == status
    assert doors.door.heartbeats == []
    told = refused.json()
    assert isinstance(told, dict)
    assert told["ok"] is False


async def test_an_id_is_refused_by_name(doors: Doors) -> None:
    refused = await heartbeat(doors.port, {"agent_id": "a b", "sprint_id": "s1"})
    assert refused.json() == {"ok": False, "error": "invalid agent_id: must match ^[a-z0-9][a-z0-9_-]{0,63}$"}


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
async def test_another_content_type_is_refused(doors: Doors, kind: str) -> None:
    assert (await heartbeat(doors.port, GOOD, content_type=kind)).status == 415


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "Application/JSON", "application/x+json"]
)
async def test_json_by_any_of_its_names_is_taken(doors: Doors, kind: str) -> None:
    assert (await heartbeat(doors.port, GOOD, content_type=kind)).status == 200


async def test_a_large_body_is_refused(doors: Doors) -> None:
    large = json.dumps(GOOD | {"padding": "x" * (2 * 1024 * 1024)}).encode()
    assert (await heartbeat(doors.port, large)).status == 413
    head = f"POST /heartbeat HTTP/1.1\r\nhost: localhost\r\nx-caloron-token: {TOKEN}\r\nconnection: close\r\n"
    head += "content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    assert (await raw(doors.port, head.encode() + chunk * 33 + b"0\r\n\r\n")).status == 413
    head = head.replace("transfer-encoding: chunked", "content-length: 9999999\r\nexpect: 100-continue")
    assert (await raw(doors.port, head.encode())).status == 413
    fitting = json.dumps(GOOD | {"padding": "x" * (2 * 1024 * 1024 - 200)}).encode()
    assert (await heartbeat(doors.port, fitting)).status == 200


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "127.0.0.1", "127.1.2.3:80", "[::1]", "[::1]:7710"]
)
async def test_loopback_names_are_answered(doors: Doors, host: str) -> None:
    assert (await request(doors.port, "GET /health", host=host)).status == 200


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "evil.example:7710", "10.0.0.1", "localhost.evil.example", "127.0.0.1:x", "[::2]:1"],
)
async def test_other_names_are_refused(doors: Doors, host: str) -> None:
    refused = await request(doors.port, "GET /health", host=host)
    assert refused.status == 403
    assert refused.json() == {
        "error": {"code": "forbidden", "message": "the Host header must name this host's loopback"}
    }


async def test_pages_of_other_origins_are_refused(doors: Doors) -> None:
    for origin in ("http://evil.example", "null", "https://127.0.0.1", "http://127.0.0.1:1"):
        assert (await heartbeat(doors.port, GOOD, origin=origin)).status == 403
    assert (await heartbeat(doors.port, GOOD, origin=f"http://127.0.0.1:{doors.port}")).status == 200


async def test_other_paths_and_methods(doors: Doors) -> None:
    missing = await request(doors.port, "GET /nothing")
    assert (missing.status, missing.json()) == (
        404,
        {"error": {"code": "not_found", "message": "there is nothing at this path"}},
    )
    wrong = await request(doors.port, "GET /heartbeat")
    assert wrong.status == 405
    assert wrong.headers["allow"] == "post"
    assert (await raw(doors.port, b"this is no HTTP\r\n\r\n")).status == 400
