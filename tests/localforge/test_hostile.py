"""What nobody should send: names that lead elsewhere, bodies too large or of no sense, bytes that break things."""

import socket
from pathlib import Path

import anyio
import pytest

from caloron_actors.localforge import LocalForge, NameRefused
from tests.localforge.conftest import Branch, Running

DEMO = "/repos/local/demo"

BAD_PATHS = (
    "/repos/local/..%2f..%2fforge",
    "/repos/..%2f../demo",
    "/repos/../demo",
    "/repos/local/demo%00",
    "/repos/local/.git",
    "/repos/-x/demo",
    "/repos/local/demo.git",
    f"{DEMO}/issues/0",
    f"{DEMO}/issues/-1",
    f"{DEMO}/issues/1e3",
    f"{DEMO}/issues/%D9%A1",
    f"{DEMO}/issues/99999999999999999999999999",
    f"{DEMO}/issues/1%00",
    f"{DEMO}/issues/comments/abc",
    f"{DEMO}/branches/..%2f..%2fHEAD",
    f"{DEMO}/branches/main%00",
    f"{DEMO}/branches/--upload-pack=x",
    f"{DEMO}/git/ref/heads/main.lock",
    f"{DEMO}/pulls/%ff%fe",
    f"{DEMO}/labels/%00",
    "/users/..",
    "/users/%2e%2e",
    "/users/x%00y",
)


async def test_names_that_lead_nowhere_are_not_found(running: Running) -> None:
    for path in BAD_PATHS:
        # A raw request: clients tidy such paths up before they send them.
        status, body = await raw(running, f"GET {path} HTTP/1.1\r\n", b"")
        assert (path, status) == (path, 404)
        assert b'"message":"Not Found"' in body


async def test_git_is_not_led_out_of_the_repositories(running: Running) -> None:
    for path in ("/local/..%2f..%2fx.git", "/../demo.git", "/local/demo%00.git", "/.git/x.git"):
        status, _ = await raw(running, f"GET {path}/info/refs?service=git-upload-pack HTTP/1.1\r\n", b"")
        assert (path, status) == (path, 404)


async def raw(running: Running, line: str, body: bytes) -> tuple[int, bytes]:
    """Send bytes as they are; the status and all that came back."""
    host, _, port = running.url.removeprefix("http://").partition(":")
    head = (
        f"{line}Host: {host}:{port}\r\nAuthorization: Bearer {running.tokens['author']}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    async with await anyio.connect_tcp(host, int(port)) as stream:
        await stream.send(head.encode() + body)
        answer = b""
        try:
            while True:
                answer += await stream.receive()
        except anyio.EndOfStream:
            pass
    return int(answer.split(b" ", 2)[1]), answer


BAD_BODIES: tuple[tuple[bytes, int], ...] = (
    (b"", 422),
    (b"{", 400),
    (b"\xff\xfe", 400),
    (b'{"title": "\\ud800"}', 400),
    (b'{"title": ' + b"[" * 100_000, 422),
    (b'{"odd": ' + b"[" * 100_000, 400),
    (b"null", 422),
    (b"[]", 422),
    (b'"title"', 422),
    (b'{"title": null}', 422),
    (b'{"title": ["x"]}', 422),
    (b'{"title": ""}', 422),
    (b'{"title": "  "}', 422),
    (b'{"title": "a\\u0000b"}', 422),
    (b'{"title": "x", "body": "a\\u0000b"}', 422),
    (b'{"title": "x", "body": 5}', 422),
    (b'{"title": "x", "labels": "bug"}', 422),
    (b'{"title": "x", "labels": [""]}', 422),
    (b'{"title": "x", "labels": ["a\\nb"]}', 422),
    (b'{"title": "x", "labels": [{"nome": "a"}]}', 422),
    (b'{"title": "' + b"x" * 257 + b'"}', 422),
    (b'{"title": "x", "body": "' + b"x" * 65_537 + b'"}', 422),
    (b'{"title": "x", "body": "' + b"x" * 2_000_000 + b'"}', 413),
)


async def test_bodies_without_sense_are_refused_and_nothing_is_made(running: Running) -> None:
    async with running.client() as client:
        for body, status in BAD_BODIES:
            answer = await client.post(f"{DEMO}/issues", content=body)
            assert (body[:80], answer.status_code) == (body[:80], status)
            assert "message" in answer.json()
        assert (await client.get(f"{DEMO}/issues?state=all")).json() == []


async def test_unknown_fields_are_ignored_and_odd_texts_kept(running: Running) -> None:
    text = "'); DROP TABLE issues; -- \u202e 😀 <script> \r\n\t"
    async with running.client() as client:
        asked = {"title": "x", "body": text, "assignees": ["nobody"], "milestone": 3}
        await client.post(f"{DEMO}/issues", json=asked)
        assert (await client.get(f"{DEMO}/issues/1")).json()["body"] == text
        assert (await client.get(f"{DEMO}/issues", params={"labels": "x') OR 1=1 --"})).json() == []
        assert (await client.get(f"{DEMO}/issues", params={"creator": "a\0b"})).status_code == 404
        assert (await client.get(f"{DEMO}/issues", params={"sort": "id; DROP"})).status_code == 422
        for page in ("0", "-1", "x", "9" * 30, "٣"):
            assert (
                await client.get(f"{DEMO}/issues", params={"page": page, "per_page": page})
            ).status_code == 200


BAD_BRANCHES = (
    "",
    "-x",
    "a..b",
    "a b",
    "a~1",
    "a^",
    "a:b",
    "a//b",
    "/a",
    "a/",
    ".a",
    "a.lock",
    "@",
    "a\\b",
    "x" * 300,
)


async def test_branches_that_are_none_open_no_pull_request(running: Running, branch: Branch) -> None:
    branch("feature", "x\n")
    async with running.client() as client:
        for name in BAD_BRANCHES:
            for head, base in ((name, "main"), ("feature", name)):
                asked = {"title": "x", "head": head, "base": base}
                answer = await client.post(f"{DEMO}/pulls", json=asked)
                assert (asked, answer.status_code) == (asked, 422)


async def test_commit_texts_cannot_carry_options_or_nul(running: Running, branch: Branch) -> None:
    head = branch("feature", "x\n")
    async with running.client() as client:
        await client.post(f"{DEMO}/pulls", json={"title": "x", "head": "feature", "base": "main"})
        merge = f"{DEMO}/pulls/1/merge"
        assert (await client.put(merge, json={"commit_message": "a\0b"})).status_code == 422
        assert (await client.put(merge, json={"sha": "--help"})).status_code == 409
        done = await client.put(merge, json={"commit_title": "--amend", "sha": head})
        commit = (await client.get(f"{DEMO}/commits/{done.json()['sha']}")).json()
        assert commit["commit"]["message"] == "--amend\n\nx"
        assert (await client.get(f"{DEMO}/commits/--all")).status_code == 422
        assert (await client.get(f"{DEMO}/commits", params={"sha": "--all"})).status_code == 404


async def test_credentials_without_sense_are_refused(running: Running) -> None:
    async with running.client(None) as client:
        for header in (b"Bearer", b"Bearer \xff", b"Basic ???", b"Digest x", b"Bearer " + b"x" * 9000):
            answer = await client.get("/user", headers=[(b"authorization", header)])
            assert (header[:80], answer.status_code) == (header[:80], 401)


async def test_a_client_that_leaves_in_the_middle_harms_nobody(running: Running) -> None:
    host, _, port = running.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as half:
        token = running.tokens["author"]
        half.sendall(
            f"POST {DEMO}/issues HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
            "Content-Length: 100\r\n\r\n{".encode()
        )
    async with running.client() as client:
        assert (await client.get(f"{DEMO}/issues")).json() == []


@pytest.mark.parametrize("login", ["", "../x", "a/b", "-a", "a b", "a\0b", "x" * 101, "é"])
async def test_logins_that_would_lead_elsewhere_are_refused(
    forge: LocalForge, tmp_path: Path, login: str
) -> None:
    with pytest.raises(NameRefused):
        await forge.ensure_user(login)
    assert list((tmp_path / "forge" / "tokens").iterdir()) == []


@pytest.mark.parametrize("name", ["x", "a/../b", "../a/b", "a/b.git", "a/.b", "a/b/c", "a/b\0", "/a/b"])
async def test_repositories_that_would_lie_elsewhere_are_refused(forge: LocalForge, name: str) -> None:
    with pytest.raises(NameRefused):
        await forge.ensure_repository(name, owner_login="x", default_branch="main")
    assert forge.repositories() == []
