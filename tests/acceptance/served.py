"""The embedded forge of a state directory as `forge serve` gives it to people, and their plain HTTP calls to it."""

import http.client
import json
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.acceptance.conftest import LIMIT, Bench


@dataclass(frozen=True)
class Answer:
    """An HTTP answer. `body`: the decoded JSON, None when there is none."""

    status: int
    body: Any


@dataclass(frozen=True)
class Served:
    """A forge that answers. `line` is what it printed when it was ready."""

    line: dict[str, Any]

    @property
    def url(self) -> str:
        return str(self.line["url"])

    @property
    def repository(self) -> str:
        """The only repository."""
        (name,) = self.line["repositories"]
        return str(name)

    def token(self, account: str) -> str:
        return Path(self.line["tokens"][account]).read_text().strip()

    def ask(self, method: str, path: str, account: str | None = None, body: object = None) -> Answer:
        """Call the forge over TCP; `path` is below the repository unless it starts with a slash."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=LIMIT)
        return self._ask(connection, method, path, account, body)

    def ask_socket(self, method: str, path: str, account: str, where: str) -> Answer:
        """The same over the Unix socket at `where`."""
        connection = http.client.HTTPConnection("localhost", timeout=LIMIT)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(LIMIT)
        connection.sock.connect(where)
        return self._ask(connection, method, path, account, None)

    def _ask(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        account: str | None,
        body: object,
    ) -> Answer:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if account is not None:
            headers["Authorization"] = f"Bearer {self.token(account)}"
        where = path if path.startswith("/") else f"/repos/{self.repository}/{path}"
        try:
            connection.request(method, where, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        return Answer(answer.status, json.loads(text) if text else None)


@contextmanager
def served(bench: Bench, *more: str) -> Iterator[Served]:
    """`forge serve` on a bench's state directory; ended by SIGTERM, with exit code 0."""
    with ready(bench, "forge", "serve", "--state", str(bench.state), *more) as (line, _):
        yield Served(json.loads(line))


@contextmanager
def ready(bench: Bench, *words: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A command that serves: the first line of its stdout, and its process, which SIGTERM ends with exit code 0."""
    argv = [sys.executable, "-m", "caloron_actors", *words]
    with (bench.path / "served.err").open("wb") as errors:
        process = subprocess.Popen(argv, env=bench.env, cwd=bench.path, stdout=subprocess.PIPE, stderr=errors)
    assert process.stdout is not None
    try:
        assert select.select([process.stdout], [], [], LIMIT)[0], "no line when it should be ready"
        yield process.stdout.readline().decode(), process
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == b""
        assert process.wait(LIMIT) == 0, (bench.path / "served.err").read_text()
    finally:
        process.kill()
        process.wait(LIMIT)
        process.stdout.close()
