"""The two commands that serve: the forge alone, and the service that goes on where a run has stopped."""

import http.client
import json
import re
import signal
import socket
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.conftest import LIMIT, Bench, Running
from tests.acceptance.served import ready, served
from tests.acceptance.staging import agents, fingerprint, task, write_plan

AUTHOR = 'cat > /dev/null; echo "version $CALORON_ATTEMPT" > "$CALORON_TASK_ID.txt"'


def finished(bench: Bench) -> None:
    """A sprint of one merged task."""
    agents(bench, AUTHOR)
    write_plan(bench, task("work"))
    assert bench.run().code == 0


def test_the_forge_says_where_it_is_and_keeps_its_tokens_private(bench: Bench) -> None:
    finished(bench)
    path = bench.path / "forge.sock"
    with ready(bench, "forge", "serve", "--state", str(bench.state), "--socket", str(path)) as (line, _):
        said = json.loads(line)
    assert list(said) == ["url", "socket", "repositories", "tokens"]
    assert re.fullmatch(r"http://127\.0\.0\.1:[0-9]+", said["url"])
    assert (said["socket"], said["repositories"]) == (str(path), ["local/project"])
    assert set(said["tokens"]) == {"caloron", "caloron-rita"}
    for token in map(Path, said["tokens"].values()):
        assert token.is_absolute()
        assert stat.S_IMODE(token.stat().st_mode) == 0o600
        assert len(token.read_text().strip()) >= 20
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", int(said["url"].rpartition(":")[2])), LIMIT)


def test_the_forge_answers_on_the_port_and_the_socket_that_were_asked_for(bench: Bench) -> None:
    finished(bench)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    deep = bench.path / ("d" * 120)
    deep.mkdir()
    with served(bench, "--port", str(port), "--socket", str(deep / "forge.sock")) as forge:
        assert forge.url == f"http://127.0.0.1:{port}"
        over_tcp = forge.ask("GET", "issues?state=all", "caloron-rita")
        assert over_tcp.status == 200
        assert len(over_tcp.body) == 2
        short = bench.path / "d"
        short.symlink_to(deep)
        over_socket = forge.ask_socket("GET", "issues?state=all", "caloron-rita", str(short / "forge.sock"))
        assert [issue["number"] for issue in over_socket.body] == [issue["number"] for issue in over_tcp.body]
        assert forge.ask("GET", "issues").status == 401


def test_the_forge_of_a_state_directory_is_served_once(bench: Bench) -> None:
    finished(bench)
    with served(bench):
        second = bench.command("forge", "serve", "--state", str(bench.state))
        assert (second.code, second.stdout) == (2, "")
        assert "in use" in second.stderr
        during = bench.run()
        assert (during.code, during.stdout) == (2, "")


class Service:
    """A settings file and the service started with it."""

    def __init__(self, bench: Bench, **more: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.bench = bench
        self.config = bench.path / "caloron.toml"
        scripts = {
            "command": str(bench.agents.path / "author.sh"),
            "reviewer_command": str(bench.agents.path / "reviewer.sh"),
        }
        self.config.write_text(
            f"[state]\ndirectory = {json.dumps(str(bench.state))}\n[http]\nport = {self.port}\n"
            f"[agents]\n{lines(scripts)}[log]\nformat = 'json'\n{lines(more)}"
        )

    def start(self) -> Running:
        return self.bench.start("serve", "--config", str(self.config))

    def get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


def lines(values: Mapping[str, str]) -> str:
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())


def test_the_service_finishes_the_sprint_that_a_run_has_left(bench: Bench) -> None:
    bench.agents.author()
    bench.agents.reviewer(changes_once="second")
    write_plan(bench, task("first"), task("second", "bo", "first"))
    bench.agents.hold("second.author.1")
    run = bench.start_run()
    assert bench.agents.held().name == "second.author.1"
    left = run.end(signal.SIGTERM)
    assert left.code == 143, left.stderr
    assert left.result["outcome"] == "interrupted"
    bench.agents.release("second.author.1")
    bench.assert_nothing_runs()
    service = Service(bench)
    running = service.start()
    assert '"http": "http://127.0.0.1:' in running.until('"ready"')
    assert service.get("/health")[0] == 200
    while '"done"' not in running.until('"task": "second"'):
        pass
    done = running.end(signal.SIGTERM)
    assert done.code == 0, done.stderr
    assert done.stdout == ""
    bench.assert_nothing_runs()
    again = bench.run()
    assert again.code == 0, again.stderr
    assert again.statuses == {"first": "done", "second": "done"}
    assert again.result["tasks"]["second"]["review_cycles"] == 1


def test_an_agent_lives_on_when_the_service_is_told_to_stop(bench: Bench) -> None:
    bench.agents.author()
    bench.agents.reviewer()
    write_plan(bench, task("first"))
    bench.agents.hold("first.author.1")
    run = bench.start_run()
    bench.agents.held()
    run.until("first: in_progress")
    run.end(signal.SIGKILL)
    service = Service(bench)
    running = service.start()
    running.until('"ready"')
    done = running.end(signal.SIGTERM)
    assert done.code == 0, done.stderr
    assert [started.name for started in bench.agents.alive()] == ["first.author.1"]
    bench.agents.release("first.author.1")
    last = bench.run()
    assert (last.code, last.statuses) == (0, {"first": "done"}), last.stderr
    assert bench.agents.twice() == []
    assert last.result["tasks"]["first"]["attempts"] == 1


def test_the_service_without_anything_to_do_serves_and_stops(bench: Bench) -> None:
    bench.agents.author()
    bench.agents.reviewer()
    service = Service(bench)
    running = service.start()
    running.until('"ready"')
    status, body = service.get("/health")
    assert status == 200, body
    second = service.start().finish()
    assert (second.code, second.stdout) == (75, ""), second.stderr
    assert "in use" in second.stderr
    run = bench.command(
        "run",
        str(write_plan(bench, task("work"))),
        "--repo",
        str(bench.repository),
        "--state",
        str(bench.state),
    )
    assert run.code == 2, run.stderr
    done = running.end(signal.SIGTERM)
    assert done.code == 0
    (stopped,) = [line for line in map(json.loads, done.stderr.splitlines()) if line["event"] == "stopped"]
    assert stopped["reason"] == "shutdown"


@pytest.mark.parametrize(
    ("config", "word"),
    [
        ("[state\n", "TOML"),
        ("[state]\ndirektory = 'x'\n", "directory"),
        ("[agents]\nmax_agents = 0\n", "max_agents"),
        ('[agents]\ncommand = "no-such-program --flag"\n', "no-such-program"),
        ("[agents]\nretry_first = '5 parsecs'\n", "retry_first"),
        ("[http]\nhost = '0.0.0.0'\n", "loopback"),
        ("[http]\ntoken_file = 'nowhere'\n", "nowhere"),
        ("[http]\ntoken_file = '/dev/null'\n", "empty"),
    ],
)
def test_the_service_refuses_a_bad_configuration_and_creates_nothing(
    bench: Bench, config: str, word: str
) -> None:
    path = bench.path / "caloron.toml"
    path.write_text(config)
    bench.env["STATE_DIRECTORY"] = str(bench.path / "service")
    before = fingerprint(bench.path)
    done = bench.command("serve", "--config", str(path))
    assert done.code == 78, done.stderr
    assert word in done.stderr
    assert "Traceback" not in done.stderr
    (bench.path / "stdout.0").unlink()
    after = fingerprint(bench.path)
    assert after.keys() == before.keys()


def test_every_mistake_of_a_configuration_is_said_at_once(bench: Bench) -> None:
    path = bench.path / "caloron.toml"
    path.write_text("[state]\ndirektory = 'x'\n[agents]\nmax_agents = 0\nretry_first = '5 parsecs'\n")
    bench.env |= {"CALORON_HTTP_PORT": "abc", "CALORON_HTTP_PROT": "1"}
    done = bench.command("serve", "--config", str(path))
    assert (done.code, done.stdout) == (78, "")
    rule = "90s, 20m, 2h or 1h30m, longer than nothing and at most 366 days"
    assert done.stderr.splitlines() == [
        f"error: {path}: agents.max_agents: 0 does not fit: expected a whole number, 1 or more",
        f"error: {path}: agents.retry_first: '5 parsecs' is not a duration such as {rule}",
        f"error: {path}: state.direktory: unknown key; did you mean 'directory'?",
        "error: CALORON_HTTP_PORT: 'abc' does not fit: expected a whole number from 0 to 65535",
        "error: CALORON_HTTP_PROT: unknown variable; did you mean 'CALORON_HTTP_PORT'?",
    ]


def test_a_stored_sprint_without_a_command_is_named(bench: Bench) -> None:
    agents(bench, AUTHOR)
    write_plan(bench, task("work"))
    plan = json.loads(bench.plan.read_text())
    plan["agents"][0]["framework"] = "claude-code"
    bench.plan.write_text(json.dumps(plan))
    bench.agents.author()
    bench.agents.hold("work.author.1")
    run = bench.start_run()
    bench.agents.held()
    assert run.end(signal.SIGINT).code == 130
    service = Service(bench)
    service.config.write_text(f"[state]\ndirectory = {json.dumps(str(bench.state))}\n[http]\nport = 0\n")
    done = service.start().finish()
    assert done.code == 78, done.stderr
    (line,) = done.stderr.splitlines()
    assert re.search(r"sprint s: agent ada: .*claude-code.*agents\.command", line)


def test_a_corrupt_state_stops_the_service_and_is_left_as_it_is(bench: Bench) -> None:
    bench.agents.author()
    bench.agents.reviewer()
    bench.state.mkdir(mode=0o700)
    (bench.state / "lock").touch(0o600)
    database = bench.state / "caloron.db"
    database.write_bytes(b"not a database at all\n" * 500)
    done = Service(bench).start().finish()
    assert done.code == 78, done.stderr
    (line,) = done.stderr.splitlines()
    assert str(database) in line
    assert database.read_bytes() == b"not a database at all\n" * 500


def test_a_port_in_use_is_named_once(bench: Bench) -> None:
    service = Service(bench)
    bench.agents.author()
    bench.agents.reviewer()
    with socket.socket() as other:
        other.bind(("127.0.0.1", service.port))
        other.listen()
        done = service.start().finish()
    assert done.code == 78, done.stderr
    (line,) = done.stderr.splitlines()
    assert f"127.0.0.1:{service.port}" in line


def test_the_service_without_a_configuration_file_that_exists_is_refused(bench: Bench) -> None:
    done = bench.command("serve", "--config", str(bench.path / "missing.toml"))
    assert done.code == 78
    assert "missing.toml" in done.stderr
    assert bench.command("serve", "--no-such-option").code == 2
