"""The room of the acceptance tests: users' repositories, plans, agents as scripts, and the command as a process.

Nothing here looks inside the package: what a test knows it knows from the command, the forge's files and its own agents.
"""

import contextlib
import json
import os
import re
import select
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.agents import PATIENCE, Agents, command_line

LIMIT = PATIENCE
"""Seconds that one command, or one awaited line, may take on a busy machine."""

PLAN = """
[sprint]
id = "s"
goal = "a sprint of the tests"
[[agents]]
id = "ada"
[[agents]]
id = "bo"
[[agents]]
id = "rita"
role = "reviewer"
"""


@dataclass(frozen=True)
class Finished:
    """A command that has ended. `code` is negative for a signal that killed it."""

    code: int
    stdout: str
    stderr: str

    @property
    def result(self) -> dict[str, Any]:
        """The object printed with `--json`."""
        value = json.loads(self.stdout)
        assert isinstance(value, dict), self
        return value

    @property
    def statuses(self) -> dict[str, str]:
        """Each task's status."""
        return {task: told["status"] for task, told in self.result["tasks"].items()}


class Running:
    """A command that runs. Its stderr is read line by line as it comes, its stdout is kept in a file."""

    def __init__(self, argv: Sequence[str], env: dict[str, str], cwd: Path, out: Path) -> None:
        self._out = out
        with out.open("wb") as stdout:
            self.process = subprocess.Popen(
                argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE
            )
        assert self.process.stderr is not None
        self._err = self.process.stderr
        self._unread = b""
        self.lines: list[str] = []

    @property
    def pid(self) -> int:
        return self.process.pid

    def next_line(self) -> str | None:
        """The next line of stderr; None when there will be no more."""
        while b"\n" not in self._unread:
            assert select.select([self._err], [], [], LIMIT)[0], f"silent for {LIMIT} s after {self.lines}"
            chunk = os.read(self._err.fileno(), 65536)
            if not chunk:
                return None
            self._unread += chunk
        line, _, self._unread = self._unread.partition(b"\n")
        self.lines.append(line.decode())
        return self.lines[-1]

    def until(self, words: str) -> str:
        """Wait for a line of stderr that contains `words`."""
        while (line := self.next_line()) is not None:
            if words in line:
                return line
        pytest.fail(f"no line with {words!r} in {self.lines}")

    def end(self, number: signal.Signals = signal.SIGKILL) -> Finished:
        """Send a signal and wait for the end."""
        self.process.send_signal(number)
        return self.finish()

    def finish(self) -> Finished:
        """Wait for the end by itself."""
        while self.next_line() is not None:
            pass
        code = self.process.wait(LIMIT)
        stderr = "".join(f"{line}\n" for line in self.lines) + self._unread.decode()
        return Finished(code, self._out.read_text(), stderr)

    def close(self) -> None:
        """Leave nothing behind."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(LIMIT)
        self._err.close()


class Bench:
    """One user's repository and plan, agents, a state directory, and the command to run them with."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.repository = path / "project"
        self.state = path / "state"
        self.plan = path / "plan.toml"
        self.agents = Agents(path / "agents")
        self.env = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(path / "home"),
            "LANG": "C.UTF-8",
            "XDG_STATE_HOME": str(path / "home" / "state"),
        }
        self._commands: list[Running] = []
        (path / "home").mkdir()
        self._make_repository()

    def _make_repository(self) -> None:
        self.repository.mkdir()
        git(self.repository, "init", "--quiet", "--initial-branch=main")
        (self.repository / "README.md").write_text("# a project\n")
        git(self.repository, "add", "--all")
        git(self.repository, "commit", "--quiet", "--message=Start")

    def tasks(self, *tasks: str, review: str = "") -> None:
        """Write the plan: each task is `id: agent` or `id: agent < need need`, all reviewed by rita."""
        text = PLAN
        for task in tasks:
            name, who, needs = re.fullmatch(r"(\S+): (\S+)(?: < (.+))?", task).groups()  # type: ignore[union-attr]
            text += f'[[tasks]]\nid = "{name}"\ntitle = "Do {name}"\nassigned_to = "{who}"\n'
            text += f'reviewed_by = "rita"\ndepends_on = {json.dumps((needs or "").split())}\n'
        self.plan.write_text(f"{text}[review]\n{review}\n")

    def start(self, *words: str) -> Running:
        """Start `python -m caloron_actors WORDS`."""
        out = self.path / f"stdout.{len(self._commands)}"
        argv = [sys.executable, "-m", "caloron_actors", *words]
        self._commands.append(Running(argv, self.env, self.path, out))
        return self._commands[-1]

    def command(self, *words: str) -> Finished:
        """Run `python -m caloron_actors WORDS` to its end."""
        return self.start(*words).finish()

    def run_words(self, *more: str) -> list[str]:
        """The words of a run of the plan with the agents' scripts that were written."""
        words = ["run", str(self.plan), "--repo", str(self.repository), "--state", str(self.state), "--json"]
        for role, option in (("author", "--agent-command"), ("reviewer", "--reviewer-command")):
            script = self.agents.path / f"{role}.sh"
            words += [option, str(script)] if script.exists() else []
        return [*words, *more]

    def start_run(self, *more: str) -> Running:
        """Start a run of the plan."""
        return self.start(*self.run_words(*more))

    def run(self, *more: str) -> Finished:
        """Run the plan to the command's end."""
        return self.start_run(*more).finish()

    def forge_rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Read the forge's database of this state directory, read-only."""
        where = f"file:{self.state}/forge/forge.db?mode=ro"
        with contextlib.closing(sqlite3.connect(where, uri=True)) as database:
            return database.execute(query, values).fetchall()

    def bare(self, *words: str) -> str:
        """Run git on the forge's repository."""
        return git(self.state / "forge" / "repositories" / "local" / "project.git", *words)

    def processes(self) -> list[str]:
        """The command lines of all living processes that belong to this bench, this test's own excepted."""
        pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        return [
            f"{pid}: {line}"
            for pid in pids
            if pid != os.getpid() and str(self.path) in (line := _traces(pid))
        ]

    def assert_nothing_runs(self) -> None:
        """No harness, agent or git process of a run is left."""
        assert self.processes() == []

    def close(self) -> None:
        for command in self._commands:
            command.close()
        for pid in [int(line.partition(":")[0]) for line in self.processes()]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.agents.close()


def git(where: Path, *words: str) -> str:
    """Run git as a user would, and give its output."""
    who = ["-c", "user.name=A User", "-c", "user.email=user@example.org"]
    done = subprocess.run(
        ["/usr/bin/env", "git", *who, *words], cwd=where, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _traces(pid: int) -> str:
    """Where a process names its paths: its words and its working directory."""
    with contextlib.suppress(OSError):
        return f"{command_line(pid)} in {Path(f'/proc/{pid}/cwd').readlink()}"
    return ""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.close()
