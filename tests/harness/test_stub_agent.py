"""The bundled agent, run as the script it is: authors, reviewers and the fixtures of older projects."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.conftest import ROOT

SCRIPT = ROOT / "caloron_actors" / "harness" / "stub_agent.py"


def run(cwd: Path, *words: str, prompt: str = "", **env: str) -> str:
    """What the agent prints."""
    outcome = subprocess.run(
        [sys.executable, "-P", str(SCRIPT), *words],
        cwd=cwd,
        env=env,
        input=prompt.encode(),
        capture_output=True,
        check=True,
    )
    assert outcome.stderr == b""
    return outcome.stdout.decode()


def author(cwd: Path, task: str, attempt: int, prompt: str = "# Task: build it\nMore text\n") -> str:
    return run(
        cwd,
        prompt=prompt,
        CALORON_AGENT_ROLE="author",
        CALORON_AGENT_ID="dev-1",
        CALORON_TASK_ID=task,
        CALORON_ATTEMPT=str(attempt),
    )


def test_every_attempt_of_an_author_changes_its_own_file(tmp_path: Path) -> None:
    assert "task-a" in author(tmp_path, "task-a", 1)
    first = (tmp_path / "work" / "task-a.md").read_text()
    assert first == "# Task: build it\n\n- attempt 1 by dev-1\n"
    author(tmp_path, "task-a", 2)
    assert (tmp_path / "work" / "task-a.md").read_text() == first + "- attempt 2 by dev-1\n"
    author(tmp_path, "task-a", 2)
    assert (tmp_path / "work" / "task-a.md").read_text().count("- attempt 2") == 2
    author(tmp_path, "task-b", 1)
    assert sorted(path.name for path in (tmp_path / "work").iterdir()) == ["task-a.md", "task-b.md"]


@pytest.mark.parametrize("prompt", ["", "\n\n", "\x00\xff"])
def test_an_author_makes_do_with_any_prompt(tmp_path: Path, prompt: str) -> None:
    author(tmp_path, "task-a", 1, prompt)
    assert (tmp_path / "work" / "task-a.md").read_text().startswith("# ")


def review(cwd: Path, diff: str, *words: str) -> str:
    text = run(cwd, *words, prompt=diff, CALORON_AGENT_ROLE="reviewer", CALORON_TASK_ID="task-a")
    return text.splitlines()[-1]


def test_a_reviewer_approves_on_its_last_line(tmp_path: Path) -> None:
    assert review(tmp_path, "+- attempt 1 by dev-1\n") == "APPROVED"
    assert review(tmp_path, "+- attempt 1 by dev-1\n", "--changes-once", "task-b") == "APPROVED"
    assert list(tmp_path.iterdir()) == []


def test_a_reviewer_may_ask_for_changes_once(tmp_path: Path) -> None:
    words = ("--changes-once", "task-a")
    assert review(tmp_path, "+- attempt 1 by dev-1\n", *words).startswith("CHANGES_NEEDED: ")
    assert review(tmp_path, "+- attempt 1 by dev-1\n+- attempt 2 by dev-1\n", *words) == "APPROVED"


def test_the_role_may_be_an_option(tmp_path: Path) -> None:
    assert run(tmp_path, "--role", "reviewer", prompt="diff").endswith("APPROVED\n")


FIXTURE = {
    "responses": [
        {"match": "You are a Product Owner", "output": "plan"},
        {"match": "Rules:", "output": "first"},
        {"match": "Rules: x", "output": "never"},
    ],
    "default": "default",
}


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [("Hello. You are a Product Owner", "plan"), ("Rules: x", "first"), ("else", "default")],
)
@pytest.mark.parametrize("way", ["option", "positional", "dash", "stdin"])
def test_fixtures_answer_the_first_match(tmp_path: Path, prompt: str, answer: str, way: str) -> None:
    fixture = tmp_path / "fixture.json"
    fixture.write_text(json.dumps(FIXTURE))
    words = {"option": ("--prompt", prompt), "positional": (prompt,), "dash": ("-",), "stdin": ()}[way]
    text = prompt if way in {"dash", "stdin"} else "unread"
    by_variable = run(tmp_path, *words, prompt=text, CALORON_STUB_FIXTURE=str(fixture))
    by_option = run(tmp_path, *words, "--fixture", str(fixture), prompt=text)
    assert by_variable == by_option == f"{answer}\n"


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"responses": [{}]}', '{"responses": 3}'])
def test_a_bad_fixture_is_explained(tmp_path: Path, content: str | None) -> None:
    fixture = tmp_path / "fixture.json"
    if content is not None:
        fixture.write_text(content)
    assert run(tmp_path, "--prompt", "p", "--fixture", str(fixture)).startswith("stub: ")


def test_without_a_fixture_and_a_role_it_says_so(tmp_path: Path) -> None:
    assert run(tmp_path, "--prompt", "p").startswith("stub: ")
