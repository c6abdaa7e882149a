"""Reads the planted mistakes and makes them in a copy of the kernel."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

PLANTED = Path(__file__).with_name("planted.txt")


class Edit(msgspec.Struct, frozen=True):
    """Whole lines that become others."""

    old: str
    new: str


class Mutant(msgspec.Struct, frozen=True):
    """One mistake. `tests` are files below tests/runtime, or whatever else its second line names."""

    name: str
    tests: tuple[str, ...]
    edits: tuple[Edit, ...]


def mutants(planted: Path = PLANTED, second: str = "tests: ") -> list[Mutant]:
    """All of them, in the order of the file; `second` begins their second lines. Raises ValueError for text that is none."""
    blocks = planted.read_text().strip().split("\n\n")[1:]
    return [_mutant(block.splitlines(), second) for block in blocks]


def plant(mutant: Mutant, kernel: Path) -> str:
    """Make its edits in the files below `kernel`; empty, or the lines that are not there exactly once."""
    for edit in mutant.edits:
        holding = [path for path in kernel.rglob("*.py") if edit.old in _lined(path)]
        if len(holding) != 1 or _lined(holding[0]).count(edit.old) != 1:
            return edit.old.strip("\n")
        holding[0].write_text(_lined(holding[0]).replace(edit.old, edit.new)[1:])
    return ""


def _lined(path: Path) -> str:
    return f"\n{path.read_text()}"


def _mutant(lines: list[str], second: str) -> Mutant:
    name, tests = lines[0], lines[1]
    if not name.startswith("mutant: ") or not tests.startswith(second):
        raise ValueError(f"a mutant begins with its name and with {second!r}: {lines[:2]}")
    edits = tuple(_edits(lines[2:]))
    return Mutant(name.removeprefix("mutant: "), tuple(tests.removeprefix(second).split()), edits)


def _edits(lines: list[str]) -> Iterator[Edit]:
    old, new = "\n", "\n"
    for line in [*lines, "&"]:
        mark, text = line[0], line[1:] + "\n"
        if mark not in "-+ &":
            raise ValueError(f"neither goes nor comes nor stays: {line!r}")
        if mark == "&":
            yield Edit(old, new)
            old, new = "\n", "\n"
        old += text if mark in "- " else ""
        new += text if mark in "+ " else ""
