"""What surrounds the code keeps its word: dependencies and exemptions have reasons, locks are whole, the wheel is right."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PYPROJECT = (ROOT / "pyproject.toml").read_text()
LOCKS = ("requirements.lock", "requirements-dev.lock")
PIN = re.compile(
    r"^([A-Za-z0-9._-]+)==([^ ;]+)(?: ;[^\\]*)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)",
    re.MULTILINE,
)


def unexplained(text: str, opening: str) -> list[str]:
    """The lines of a TOML array, from the line `opening` to the closing bracket, that have no comment."""
    lines = text.partition(f"\n{opening}\n")[2].splitlines()
    assert lines, opening
    return [line.strip() for line in lines[: lines.index("]")] if "# " not in line]


def pins(lock: str) -> dict[str, str]:
    """Name and version of everything a lock pins with hashes."""
    return {canonicalize_name(name): version for name, version, _ in PIN.findall(lock)}


def unpinned(lock: str) -> list[str]:
    """What of a lock is neither a pin with its hashes nor a comment: an option, an address, a pin without hash."""
    return [
        line for line in PIN.sub("", lock).splitlines() if line.strip() and not line.lstrip().startswith("# ")
    ]


def unmet(requirements: list[str], pinned: dict[str, str]) -> list[str]:
    """The requirements that a lock does not meet."""
    wanted = [Requirement(requirement) for requirement in requirements]
    return [
        str(each)
        for each in wanted
        if not each.specifier.contains(pinned.get(canonicalize_name(each.name), "0"))
    ]


def named_commands(readme: str) -> tuple[set[str], set[str]]:
    """The scripts and the subcommands of the command line that a text names."""
    scripts = set(re.findall(r"(?<![\w/])(?:scripts|\.ci)/[a-z][\w-]*", readme))
    calls = re.findall(r"python -m caloron_actors((?: [a-z]+(?![\w.:/-]))*)", readme)
    return scripts, {call.strip() for call in calls}


@pytest.mark.parametrize("opening", ["dependencies = [", "ignore = [", '"tests/**" = ['])
def test_every_dependency_and_exemption_has_its_reason(opening: str) -> None:
    assert unexplained(PYPROJECT, opening) == []


def test_every_exemption_of_one_place_has_its_reason() -> None:
    table = PYPROJECT.partition("[tool.ruff.lint.per-file-ignores]\n")[2].partition("\n[")[0]
    assert [line for line in table.splitlines() if re.search(r"\] *$", line) and line != "]"] == []


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_pins_with_hashes_and_nothing_else(name: str) -> None:
    lock = (ROOT / name).read_text()
    assert unpinned(lock) == []
    assert "://" not in lock
    assert len(pins(lock)) > 10


def test_the_locks_meet_what_the_project_asks_for() -> None:
    project = tomllib.loads(PYPROJECT)
    runtime, dev = (pins((ROOT / name).read_text()) for name in LOCKS)
    assert unmet(project["project"]["dependencies"], runtime) == []
    assert unmet(project["dependency-groups"]["dev"], dev) == []
    assert unmet(project["build-system"]["requires"], dev) == []
    assert runtime.items() <= dev.items()


def test_the_wheel_has_the_package_with_its_files_and_nothing_else(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    argv = ["git", "ls-files", "-z", "caloron_actors"]
    tracked = subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True)
    assert set(tracked.stdout.split("\0")) - {""} <= names
    assert "caloron_actors/py.typed" in names
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"caloron_actors"}
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_every_script_is_executable_strict_and_says_what_it_does() -> None:
    for script in [*(ROOT / "scripts").iterdir(), *(ROOT / ".ci").iterdir()]:
        if script.is_dir():
            continue
        first, second, third, *_ = [*script.read_text().splitlines(), "", ""]
        assert script.stat().st_mode & 0o111, script
        if first == "#!/usr/bin/env bash":
            assert second.startswith("# "), script
            assert "set -euo pipefail" in script.read_text(), script
            subprocess.run(["bash", "-n", script], check=True)  # noqa: S607
        else:
            assert first == "#!/usr/bin/env python3", script
            assert '"""' in second + third, script
    assert "exec scripts/test" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize("name", ["test", "bench"])
def test_a_script_with_arguments_tells_its_own_usage(name: str) -> None:
    done = subprocess.run([ROOT / "scripts" / name, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: scripts/{name}")


def test_setup_refuses_an_old_python_in_words(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = -V ] && echo "Python 3.9.2" && exit 0\nexit 1\n')
    old.chmod(0o755)
    done = subprocess.run(
        [ROOT / "scripts" / "setup"],
        env={"PATH": "/usr/bin:/bin", "PYTHON": str(old)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed" in done.stderr
    assert "Python 3.9.2" in done.stderr


def test_the_commands_of_the_readme_exist() -> None:
    scripts, calls = named_commands((ROOT / "README.md").read_text())
    assert scripts >= {"scripts/demo", "scripts/test"}
    assert [script for script in scripts if not (ROOT / script).is_file()] == []
    for call in calls:
        argv = [sys.executable, "-m", "caloron_actors", *call.split(), "--help"]
        done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{call}: {done.stderr}"


def test_what_breaks_these_rules_is_found() -> None:
    assert unexplained('x = 1\nlist = [\n    "a",  # why\n    "b",\n]\n', "list = [") == ['"b",']
    good = f"a==1 ; sys_platform == 'x' \\\n    --hash=sha256:{'0' * 64} \\\n    --hash=sha256:{'1' * 64}\n    # via b\n"
    assert (pins(good), unpinned(good)) == ({"a": "1"}, [])
    assert unpinned("--index-url x\n" + good + "c==2\n") == ["--index-url x", "c==2"]
    assert unmet(["a>=1", "a<1", "A_b"], {"a": "1", "a-b": "3"}) == ["a<1"]
    assert unmet(["absent>=1"], {}) == ["absent>=1"]
    calls = "python -m caloron_actors dag check plan.toml\n    python -m caloron_actors run DAG"
    assert named_commands(f"`scripts/x-y`, .ci/run and\n    {calls}") == (
        {"scripts/x-y", ".ci/run"},
        {"dag check", "run"},
    )
