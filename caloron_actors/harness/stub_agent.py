"""The bundled deterministic agent: an author that writes one file per task, a reviewer that approves, or canned answers.

A script on its own, standard library only. With a fixture (or without a role) it gives the fixture's answers.
"""

import argparse
import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

ATTEMPT_LINE = "- attempt "
REVIEWER = "reviewer"


def main(arguments: list[str], environment: Mapping[str, str], cwd: Path) -> str:
    """What the agent prints. An author changes its file below `cwd`, whatever attempt it is."""
    options = _parser().parse_args(arguments)
    prompt = options.prompt if options.prompt is not None else options.words
    if prompt is None or prompt == "-":
        prompt = sys.stdin.buffer.read().decode(errors="replace")
    fixture = options.fixture or environment.get("CALORON_STUB_FIXTURE")
    role = options.role or environment.get("CALORON_AGENT_ROLE")
    if fixture or not role:
        return canned(prompt, fixture)
    task = environment.get("CALORON_TASK_ID", "task")
    if role == REVIEWER:
        return review(prompt, task, options.changes_once)
    return write(prompt, task, environment, cwd)


def canned(prompt: str, fixture: str | None) -> str:
    """The fixture's answer to a prompt: its first response whose `match` is in the prompt, else its default."""
    if not fixture:
        return "stub: no fixture was named (--fixture or CALORON_STUB_FIXTURE)"
    try:
        content = json.loads(Path(fixture).read_text(encoding="utf-8"))
        for response in content.get("responses", []):
            if response["match"] in prompt:
                return str(response["output"])
        default = content.get("default")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as mistake:
        return f"stub: the fixture {fixture} cannot be used: {mistake!r}"
    return "stub: nothing in the fixture matches and it has no default" if default is None else str(default)


def write(prompt: str, task: str, environment: Mapping[str, str], cwd: Path) -> str:
    """Extend the task's own file by a line for this attempt. No two tasks share a file, so none can conflict."""
    path = cwd / "work" / f"{re.sub('[^A-Za-z0-9_-]', '-', task)}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.read_text(encoding="utf-8") if path.exists() else f"# {_title(prompt) or task}\n\n"
    attempt = environment.get("CALORON_ATTEMPT", "1")
    agent = environment.get("CALORON_AGENT_ID", "agent")
    path.write_text(f"{before}{ATTEMPT_LINE}{attempt} by {agent}\n", encoding="utf-8")
    return f"Wrote {path.relative_to(cwd)} for task {task}, attempt {attempt}."


def review(prompt: str, task: str, changes_once: str | None) -> str:
    """A verdict on the last line. For the task `changes_once` the first version of its work is sent back."""
    attempts = sum(line.startswith(f"+{ATTEMPT_LINE}") for line in prompt.splitlines())
    if task == changes_once and attempts <= 1:
        return f"Read the change for {task}.\nCHANGES_NEEDED: record a second attempt"
    return f"Read the change for {task}.\nAPPROVED"


def _title(prompt: str) -> str:
    lines = (line.strip("#*- \t") for line in prompt.splitlines())
    return next((line[:100] for line in lines if line), "")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="A deterministic agent for demonstrations and tests.")
    parser.add_argument(
        "words", nargs="?", metavar="PROMPT", help="the prompt; '-' or nothing reads it from stdin"
    )
    parser.add_argument("--prompt", help="the prompt")
    parser.add_argument("--fixture", metavar="FILE", help='{"responses": [{"match", "output"}], "default"}')
    parser.add_argument("--role", help="author or reviewer (default: CALORON_AGENT_ROLE)")
    parser.add_argument(
        "--changes-once", metavar="TASK", help="as a reviewer: ask this task for changes once"
    )
    return parser


if __name__ == "__main__":
    sys.stdout.write(main(sys.argv[1:], os.environ, Path.cwd()) + "\n")
