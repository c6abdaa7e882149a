"""The page of the kernel's semantics says what is so: its examples run, in one namespace and in the page's order."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import caloron_actors.runtime as kernel

ROOT = Path(__file__).parents[2]
PAGE = Path(kernel.__file__).with_name("SEMANTICS.md")
EXAMPLE = ROOT / "config/examples/actors.py"
FENCED = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


async def test_the_examples_of_the_page_run() -> None:
    text = PAGE.read_text()
    names: dict[str, object] = {"__name__": "semantics"}
    found = list(FENCED.finditer(text))
    assert len(found) >= 10
    for block in found:
        before = text.count("\n", 0, block.start(1))
        code = compile(
            "\n" * before + block[1],
            str(PAGE),
            "exec",
            flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
            dont_inherit=True,
        )
        awaitable = eval(code, names)  # noqa: S307  the page is part of the package
        if inspect.isawaitable(awaitable):
            await awaitable


def test_every_name_of_the_page_is_one_of_the_kernel() -> None:
    """A class that the prose names in code marks exists."""
    prose = FENCED.sub("", PAGE.read_text())
    named = set(re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)*)\b", prose))
    assert named - {"True", "False", "None", "Pid"} <= set(kernel.__all__)


def test_the_example_runs() -> None:
    result = subprocess.run(
        [sys.executable, str(EXAMPLE)], capture_output=True, text=True, timeout=60, check=True, cwd=ROOT
    )
    assert result.stderr == ""
    assert sorted(result.stdout.splitlines()) == [
        "Ada serves bread, number 2",
        "Ada serves soup, number 1",
        "inspector: life 1 of root/kitchen is over",
        "no soufflé: root/kitchen is gone: ValueError: burnt",
        "report: root/kitchen crashed: ValueError: burnt",
    ]
