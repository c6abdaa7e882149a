"""What a sprint has left in the forge, its repository, the journal and the runs, told so that two runs can be compared."""

import contextlib
import json
import os
import re
import select
import sqlite3
from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.acceptance.conftest import Bench
from tests.acceptance.ledger import forge_ledger, history, result_ledger, unsettled

VOLATILE = {
    "ages and times": "`age`, `*_at`: how long things took",
    "numbers": "of issues, pull requests and reviews: those of one moment are opened in any order",
    "commits": "they hold times; their files and messages are compared",
    "marks' signatures": "the secret belongs to the state directory",
    "head.seq": "each start of the service, and what a look tells first, is an event of its own",
    "head.refused": "what a look has told first makes an outcome that comes later a refused one",
    "SprintStarted, TimePassed, TaskObserved": "how often they are journalled depends on starts and looks",
    "refusal": "the same outcome is refused or taken, depending on whether a look told it first",
    "intents' tries, due, error": "each life that is killed after its claim has tried once",
    "reviews of a task": "whether the review that asked for changes is still known depends on when a look was taken",
}
"""What is not compared, and why."""

_AGES = re.compile(r"^(age|\w+_at)$")
_UNTOLD = frozenset({"seq", "refused", "reviews", "issue", "pull_request", "id", "number", "start", "commit"})
_COMMIT = re.compile(r"\b[0-9a-f]{40}\b")
_NUMBER = re.compile(r"#\d+")
_COUNTED = frozenset({"SprintStarted", "TimePassed", "TaskObserved"})


@dataclass(frozen=True)
class World:
    """Lines of facts, by where they stand."""

    facts: dict[str, Counter[str]]

    def differences(self, expected: "World") -> list[str]:
        """What is missing and what is too much, for people."""
        found: list[str] = []
        for where, lines in expected.facts.items():
            found += [f"{where} lacks {line}" for line in (lines - self.facts[where]).elements()]
            found += [f"{where} has besides {line}" for line in (self.facts[where] - lines).elements()]
        return found


def world(bench: Bench, result: dict[str, Any]) -> World:
    """Look at everything that a finished sprint has left."""
    merges, files = history(bench)
    with contextlib.closing(_journal(bench)) as journal:
        facts = {
            "forge": forge_ledger(bench),
            "merges": merges,
            "files": files,
            "refs": _refs(bench),
            "result": [json.dumps(result_ledger(result), sort_keys=True)],
            "heads": [_told(head) for (head,) in journal.execute("SELECT head FROM sprints")],
            "tasks": [_told(row) for (row,) in journal.execute("SELECT row FROM tasks")],
            "events": _events(journal),
            "intents": [f"{key} {state}" for key, state in journal.execute("SELECT key, state FROM intents")],
        }
    facts["runs"] = sorted(_runs(bench))
    facts["agents"] = sorted(started.name for started in bench.agents.log())
    facts["begun and never settled"] = [repr(row) for row in unsettled(bench)]
    facts["left running"] = bench.processes()
    return World({where: Counter(lines) for where, lines in facts.items()})


def await_processes(bench: Bench) -> None:
    """Let what a killed life has left, such as a git, end by itself."""
    for line in bench.processes():
        try:
            handle = os.pidfd_open(int(line.partition(":")[0]))
        except ProcessLookupError:
            continue
        select.select([handle], [], [], 10.0)
        os.close(handle)


def _refs(bench: Bench) -> list[str]:
    """Each ref of the forge's repository with the work on it: what it has of other tasks depends on when it began."""
    found: list[str] = []
    for ref in bench.bare("for-each-ref", "--format=%(refname)").splitlines():
        own = [] if ref == "refs/heads/main" else ["--first-parent"]
        log = bench.bare("log", *own, "--no-merges", "--format=%s", "--name-status", ref)
        found.append(_plain(f"{ref}: {sorted(log.splitlines())}"))
    return found


def _journal(bench: Bench) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{bench.state}/caloron.db?mode=ro", uri=True)


def _events(journal: sqlite3.Connection) -> list[str]:
    rows = journal.execute("SELECT kind, settled, json_extract(body, '$.task') FROM events")
    return [f"{kind} {settled or task}" for kind, settled, task in rows if kind not in _COUNTED]


def _runs(bench: Bench) -> list[str]:
    """Each run with how it ended."""
    found: list[str] = []
    for record in (bench.state / "runs").glob("*/*/*/*"):
        name = record.relative_to(bench.state / "runs")
        with contextlib.suppress(OSError):
            end = json.loads((record / "exit.json").read_text())
            found.append(f"{name}: {end['cause']} {end['code']}")
            continue
        found.append(f"{name}: no record of its end")
    return found


def _told(text: str) -> str:
    return _plain(json.dumps(_without(json.loads(text), top=True), sort_keys=True))


def _without(value: object, *, top: bool = False) -> object:
    match value:
        case dict():
            return {
                name: _without(part)
                for name, part in value.items()
                if not _AGES.match(name) and (name not in _UNTOLD or (top and name == "id"))
            }
        case list():
            return [_without(part) for part in value]
        case _:
            return value


def _plain(text: str) -> str:
    return _NUMBER.sub("#NUMBER", _COMMIT.sub("COMMIT", text))
