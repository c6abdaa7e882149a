"""Boundaries finer than the layers: who imports httpx, what the harness needs, who starts tasks and git."""

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "caloron_actors"
HARNESS_MAY_IMPORT = ("caloron_actors.harness", "caloron_actors.domain.ids")
STARTERS = {
    "create_subprocess_exec",
    "open_process",
    "run_process",
    "run",
    "Popen",
    "which",
    "check_call",
    "check_output",
}


def trees(root: Path) -> Iterator[tuple[str, ast.Module]]:
    """Every module below `root`, named by its path in there, parsed."""
    for path in sorted(root.rglob("*.py")):
        yield path.relative_to(root).as_posix(), ast.parse(path.read_text())


def imported(tree: ast.Module) -> Iterator[str]:
    """The full names that a module imports, `a.b` for `from a import b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)


def below(name: str, parent: str) -> bool:
    """Whether the dotted `name` is `parent` or lies in it."""
    return name == parent or name.startswith(f"{parent}.")


def httpx_importers(package: Path) -> list[str]:
    """The modules that import httpx."""
    return [name for name, tree in trees(package) if any(below(found, "httpx") for found in imported(tree))]


def harness_needs(package: Path) -> list[str]:
    """What the harness imports beyond the standard library, itself and the ids."""
    return [
        f"{name}: {found}"
        for name, tree in trees(package / "harness")
        for found in imported(tree)
        if found.partition(".")[0] not in sys.stdlib_module_names
        and not any(below(found, allowed) for allowed in HARNESS_MAY_IMPORT)
    ]


def free_tasks(package: Path) -> list[str]:
    """The places outside the kernel that name asyncio's ways to start a task nobody waits for."""
    return [
        f"{name}:{node.lineno}"
        for name, tree in trees(package)
        if not name.startswith("runtime/")
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr in {"create_task", "ensure_future"})
        or (
            isinstance(node, ast.ImportFrom)
            and {a.name for a in node.names} & {"create_task", "ensure_future"}
        )
    ]


def git_starters(package: Path) -> list[str]:
    """The places outside `git/` where `git` begins an argv or is handed to something that starts programs."""
    return [
        f"{name}:{node.lineno}"
        for name, tree in trees(package)
        if not name.startswith("git/")
        for node in ast.walk(tree)
        if isinstance(node, ast.expr) and (_begins_argv(node) or _starts_git(node))
    ]


def _begins_argv(node: ast.AST) -> bool:
    return isinstance(node, ast.List | ast.Tuple) and bool(node.elts) and _is_git(node.elts[0])


def _starts_git(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not node.args or not _is_git(node.args[0]):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return name in STARTERS or name.startswith(("exec", "spawn", "posix_spawn"))


def _is_git(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and Path(node.value.split(" ")[0]).name == "git"
    )


def test_httpx_is_imported_in_one_module() -> None:
    assert httpx_importers(PACKAGE) == ["adapters/github/_http.py"]


def test_the_harness_needs_the_standard_library_and_the_ids_only() -> None:
    assert harness_needs(PACKAGE) == []


def test_the_harness_starts_without_any_installed_package() -> None:
    code = "import sys; sys.path.insert(0, sys.argv[1]); import caloron_actors.harness.__main__"
    subprocess.run([sys.executable, "-I", "-S", "-c", code, ROOT], check=True)


def test_only_the_kernel_starts_free_tasks() -> None:
    assert free_tasks(PACKAGE) == []


def test_only_the_git_package_runs_git() -> None:
    assert git_starters(PACKAGE) == []


@pytest.mark.parametrize(
    ("check", "path", "text", "found"),
    [
        (httpx_importers, "views/a.py", "import httpx", ["views/a.py"]),
        (httpx_importers, "views/a.py", "def f():\n    from httpx import Client", ["views/a.py"]),
        (httpx_importers, "views/a.py", "import httpx2", []),
        (harness_needs, "harness/a.py", "import msgspec", ["a.py: msgspec"]),
        (
            harness_needs,
            "harness/a.py",
            "from caloron_actors.domain import task",
            ["a.py: caloron_actors.domain.task"],
        ),
        (harness_needs, "harness/a.py", "from .. import git", ["a.py: ...git"]),
        (harness_needs, "harness/a.py", "import os.path\nfrom caloron_actors.domain import ids", []),
        (harness_needs, "views/a.py", "import msgspec", []),
        (free_tasks, "actors/a.py", "import asyncio\nasyncio.create_task(f())", ["actors/a.py:2"]),
        (free_tasks, "actors/a.py", "loop.create_task(f())", ["actors/a.py:1"]),
        (free_tasks, "actors/a.py", "from asyncio import ensure_future", ["actors/a.py:1"]),
        (free_tasks, "runtime/a.py", "loop.create_task(f())", []),
        (git_starters, "views/a.py", "argv = ['git', 'status']", ["views/a.py:1"]),
        (git_starters, "views/a.py", "argv = ('/usr/bin/git', *rest)", ["views/a.py:1"]),
        (git_starters, "views/a.py", "shutil.which('git')", ["views/a.py:1"]),
        (git_starters, "views/a.py", "os.execlp('git', 'git')", ["views/a.py:1"]),
        (git_starters, "views/a.py", "run('git gc', shell=True)", ["views/a.py:1"]),
        (git_starters, "views/a.py", "names.get('git')", []),
        (git_starters, "git/a.py", "argv = ['git', 'status']", []),
    ],
)
def test_a_planted_violation_is_found(
    tmp_path: Path, check: Callable[[Path], list[str]], path: str, text: str, found: list[str]
) -> None:
    module = tmp_path / path
    module.parent.mkdir()
    module.write_text(f"{text}\n")
    assert check(tmp_path) == found
