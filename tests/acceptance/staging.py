"""What the outcome tests put on stage: plans of any shape, agents that keep records, and fingerprints of directories."""

import hashlib
import json
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.acceptance.conftest import Bench, git

Fingerprint = dict[str, tuple[int, int, str]]

AGENTS: tuple[tuple[str, str], ...] = (("ada", "developer"), ("bo", "developer"), ("rita", "reviewer"))

APPROVE = "cat > /dev/null\necho APPROVED"


def task(name: str, agent: str = "ada", *needs: str, **more: object) -> dict[str, object]:
    """A task of a plan, reviewed by rita unless `more` says otherwise."""
    return {
        "id": name,
        "title": f"Do {name}",
        "assigned_to": agent,
        "depends_on": list(needs),
        "reviewed_by": ["rita"],
        **more,
    }


def write_plan(
    bench: Bench,
    *tasks: Mapping[str, object],
    agents: Sequence[tuple[str, str]] = AGENTS,
    sprint: Mapping[str, object] | None = None,
    review: Mapping[str, object] | None = None,
) -> Path:
    """Write the plan of a bench as JSON and give its path."""
    bench.plan = bench.path / "plan.json"
    content = {
        "sprint": {"id": "s", "goal": "a sprint of the tests", **(sprint or {})},
        "agents": [{"id": name, "role": role} for name, role in agents],
        "tasks": list(tasks),
        "review": dict(review or {}),
    }
    bench.plan.write_text(json.dumps(content))
    return bench.plan


def commit_files(bench: Bench, files: Mapping[str, str]) -> None:
    """Have the user commit files to the repository."""
    for name, text in files.items():
        path = bench.repository / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(bench.repository, "add", "--all")
    git(bench.repository, "commit", "--quiet", "--message=More files")


def agents(bench: Bench, author: str, reviewer: str = APPROVE) -> None:
    """Write the scripts of both roles."""
    bench.agents.script("author", author)
    bench.agents.script("reviewer", reviewer)


def recording(where: Path, role: str) -> str:
    """The opening of a script that records its environment, words, directory and prompt as files."""
    return f"""
me={where}/$CALORON_TASK_ID.{role}.$CALORON_AGENT_ID.$CALORON_ATTEMPT
cat /proc/$$/environ > "$me.environ"
cat /proc/$$/cmdline > "$me.words"
readlink /proc/$$/cwd > "$me.cwd"
cat > "$me.prompt"
"""


def meet(where: Path, variable: str, one: str, other: str) -> str:
    """A part of a script that ends only when the two whose `variable` is `one` and `other` are alive at once."""
    for name in (one, other):
        os.mkfifo(where / f"{name}.here")
    return f"""
meet() {{ echo here > "{where}/$1.here" & cat "{where}/$2.here" > /dev/null; wait; }}
case {variable} in {one}) meet {one} {other} ;; {other}) meet {other} {one} ;; esac
"""


def fingerprint(root: Path) -> Fingerprint:
    """Mode, time of change and content of everything below a directory, the directory itself included."""
    found: Fingerprint = {}
    for path in [root, *root.rglob("*")]:
        at = path.lstat()
        if stat.S_ISLNK(at.st_mode):
            content = str(path.readlink())
        elif stat.S_ISREG(at.st_mode):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            content = ""
        found[str(path.relative_to(root))] = (at.st_mode, at.st_mtime_ns, content)
    return found


def merges_in_order(bench: Bench, bare: Path) -> list[str]:
    """The commits on the base branch of the forge's repository after the user's own, oldest first."""
    start = git(bench.repository, "rev-parse", "HEAD")
    return git(bare, "rev-list", "--first-parent", "--reverse", f"{start}..main").split()


def told(result: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What the result says of one task."""
    answer = result["tasks"][name]
    assert isinstance(answer, dict)
    return answer


def world(bench: Bench) -> dict[str, tuple[int, int, str]]:
    """Everything of the bench but what the test itself keeps of a command's output, and the lock of its state."""
    found = fingerprint(bench.path)
    state = bench.state.relative_to(bench.path)
    passing = {".", str(state), str(state / "lock")}
    kept = {
        name: row for name, row in found.items() if name not in passing and not name.startswith("stdout.")
    }
    return kept | {name: (found[name][0], 0, "") for name in passing & found.keys()}


def refused(bench: Bench, *words: str) -> list[str]:
    """Run a command that has to be refused without a trace, and give the lines it says."""
    before = world(bench)
    done = bench.command(*words)
    assert (done.code, done.stdout) == (2, ""), done
    assert "Traceback" not in done.stderr
    assert world(bench) == before
    return done.stderr.splitlines()


def refused_run(bench: Bench, *more: str) -> str:
    """Run the plan, which has to be refused with one line."""
    lines = refused(bench, *bench.run_words(*more))
    assert len(lines) == 1, lines
    assert lines[0].startswith("error: ")
    return lines[0]
