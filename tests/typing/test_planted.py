"""Every file beside this one has one planted mistake, which both type checkers must find and nothing else."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mypy import api

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PLANTED = sorted(HERE.glob("wrong_*.py"))
BASEDPYRIGHT = Path(sys.executable).with_name("basedpyright")


def _marked(path: Path) -> int:
    lines = path.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.endswith("# planted"))


@pytest.fixture(scope="module")
def mypy_errors() -> dict[str, set[int]]:
    """Lines by file name that mypy --strict rejects, found in one run."""
    options = [
        "--strict",
        "--no-error-summary",
        "--no-incremental",
        "--config-file=",
        "--python-version=3.11",
    ]
    out, err, _status = api.run([*options, "--show-absolute-path", *map(str, PLANTED)])
    assert not err
    found: dict[str, set[int]] = {}
    for line in out.splitlines():
        path, number, kind, *_ = line.split(":")
        if kind.strip() == "error":
            found.setdefault(Path(path).name, set()).add(int(number))
    return found


@pytest.fixture(scope="module")
def basedpyright_errors() -> dict[str, set[int]]:
    """Lines by file name that basedpyright rejects in strict mode, found in one run."""
    done = subprocess.run(
        [str(BASEDPYRIGHT), "--outputjson", *map(str, PLANTED)],
        capture_output=True,
        check=False,
        cwd=ROOT,
        text=True,
        timeout=100,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    found: dict[str, set[int]] = {}
    for problem in answer["generalDiagnostics"]:
        if problem["severity"] == "error":
            number = problem["range"]["start"]["line"] + 1
            found.setdefault(Path(problem["file"]).name, set()).add(number)
    return found


@pytest.mark.parametrize("path", PLANTED, ids=lambda path: path.stem)
def test_mypy_finds_the_planted_mistake_alone(path: Path, mypy_errors: dict[str, set[int]]) -> None:
    assert mypy_errors[path.name] == {_marked(path)}


@pytest.mark.parametrize("path", PLANTED, ids=lambda path: path.stem)
def test_basedpyright_finds_the_planted_mistake_alone(
    path: Path, basedpyright_errors: dict[str, set[int]]
) -> None:
    assert basedpyright_errors[path.name] == {_marked(path)}
