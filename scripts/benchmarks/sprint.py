"""A 7-task plan with authors of 2 s and reviewers of 1 s: wall clock of the whole command against the critical path."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

AUTHOR_SECONDS, REVIEWER_SECONDS = 2.0, 1.0
NEEDS = {
    "core": [],
    "cli": ["core"],
    "ops": ["core"],
    "history": ["core"],
    "unit": ["core", "ops"],
    "whole": ["cli", "history", "unit"],
    "readme": ["cli", "ops", "history"],
}
LONGEST = 4
"""Tasks on the longest path: core, ops, unit, whole."""


def main() -> None:
    """Run it three times and print the median."""
    path = LONGEST * (AUTHOR_SECONDS + REVIEWER_SECONDS)
    walls = sorted(_run() for _ in range(3))
    print("sprint: 7 tasks, authors 2 s, reviewers 1 s")
    print(
        f"  critical path {path:.1f} s   wall clock {walls[1]:.2f} s (of 3: {walls[0]:.2f} .. {walls[2]:.2f})"
    )
    print(f"  ratio {walls[1] / path:.3f} (goal: at most 1.3)")


def _run() -> float:
    with tempfile.TemporaryDirectory(prefix="caloron-bench-") as name:
        place = Path(name)
        repository = place / "repository"
        _git("init", "--quiet", "--initial-branch=main", str(repository))
        who = ("-c", "user.name=bench", "-c", "user.email=bench@caloron.local")
        _git("-C", str(repository), *who, "commit", "--quiet", "--allow-empty", "-m", "Start")
        (place / "dag.json").write_text(json.dumps(_plan()))
        author, reviewer = place / "author", place / "reviewer"
        author.write_text(
            f"#!/bin/sh\nsleep {AUTHOR_SECONDS}\necho $CALORON_ATTEMPT > $CALORON_TASK_ID.txt\n"
        )
        reviewer.write_text(f"#!/bin/sh\nsleep {REVIEWER_SECONDS}\necho APPROVED\n")
        author.chmod(0o755)
        reviewer.chmod(0o755)
        command = [sys.executable, "-m", "caloron_actors", "run", str(place / "dag.json")]
        command += ["--repo", str(repository), "--state", str(place / "state"), "--max-agents", "8"]
        command += ["--agent-command", str(author), "--reviewer-command", str(reviewer), "--json"]
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        return time.perf_counter() - began


def _plan() -> dict[str, object]:
    """Every task has an author and a reviewer of its own, so that only the plan's edges hold anything up."""
    tasks = [
        {
            "id": task,
            "title": task,
            "assigned_to": f"author-{task}",
            "reviewed_by": f"reviewer-{task}",
            "depends_on": needs,
        }
        for task, needs in NEEDS.items()
    ]
    agents = [{"id": f"{role}-{task}", "role": role} for task in NEEDS for role in ("author", "reviewer")]
    return {"sprint": {"id": "bench", "goal": "measure"}, "agents": agents, "tasks": tasks}


def _git(*args: str) -> None:
    subprocess.run(["git", *args], check=True, capture_output=True)
