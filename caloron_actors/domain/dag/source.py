"""From a file's bytes to a tree of plain values. Knows TOML and JSON, nothing of plans."""

import json
import re
import tomllib
from collections import Counter
from pathlib import PurePosixPath
from typing import cast

from caloron_actors.domain.dag.findings import Findings, join, shown

FILE_LIMIT = 8 * 1024 * 1024
"""Bytes; a longer file is not parsed."""

_KEY_PARTS = 200  # tomllib's memory grows with the square of a dotted key's parts; a plan's keys have two
_TOML_PLACE = re.compile(r"(?P<what>.*?)\s*\(at (?P<where>[^()]*)\)", re.DOTALL)
_TWICE = ("overwrite", "twice", "mutate", "Duplicate")
_REASON_SHOWN = 200


class _Table(dict[str, object]):
    """A JSON object that remembers which of its keys were written more than once."""

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        super().__init__(pairs)
        self.repeated: tuple[str, ...] = ()
        if len(self) != len(pairs):
            times = Counter(key for key, _ in pairs)
            self.repeated = tuple(key for key, count in times.items() if count > 1)


class _NotJsonError(ValueError):
    """A word that Python's parser would take and JSON does not have."""


def parse_source(text: bytes, name: str, findings: Findings) -> object:
    """Give the tree of values of a file, None where it could not be parsed; what is wrong goes to `findings`.

    `name` decides: `.toml` or `.json`. Keys given twice are mistakes in both.
    """
    if _suffix(name) not in {".toml", ".json"}:
        findings.add("", f"{shown(name)} ends neither in .toml nor in .json, so its format is not known")
        return None
    if len(text) > FILE_LIMIT:
        findings.add(
            "", f"the file has {len(text):,} bytes, at most {FILE_LIMIT:,} are read; split the sprint"
        )
        return None
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        findings.add(f"line {line}", "the file is not UTF-8 text; save it as UTF-8")
        return None
    try:
        return _toml(decoded, findings) if is_toml(name) else _json(decoded, findings)
    except RecursionError:
        findings.add("", "the file nests tables and arrays too deeply; a plan needs four levels")
        return None


def is_toml(name: str) -> bool:
    """Whether a file of that name is read as TOML."""
    return _suffix(name) == ".toml"


def as_table(value: object) -> dict[str, object] | None:
    """The value where it is a table of a parsed file, whose keys are always text; else None."""
    return cast("dict[str, object]", value) if isinstance(value, dict) else None


def as_array(value: object) -> list[object] | None:
    """The value where it is an array of a parsed file, else None."""
    return cast("list[object]", value) if isinstance(value, list) else None


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def _toml(text: str, findings: Findings) -> object:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.count(".") >= _KEY_PARTS and _longest_key(line) >= _KEY_PARTS:
            findings.add(
                f"line {number}", "a key with so many parts nests too deeply; a plan's keys have two at most"
            )
            return None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = _TOML_PLACE.fullmatch(str(error))
        what, where = (match["what"], match["where"]) if match else (str(error), "")
        twice = any(word in what for word in _TWICE)
        hint = "; a key or table is given twice here, keep one of them" if twice else ""
        findings.add(where, f"not valid TOML: {what[:_REASON_SHOWN]}{hint}")
    except ValueError as error:  # such as the 31st of February, or a number of too many digits
        findings.add("", f"not valid TOML: {error}")
    return None


def _longest_key(line: str) -> int:
    longest = run = 0
    for part in line.split("."):
        run = run + 1 if _may_be_key(part.strip()) else 0
        longest = max(longest, run)
    return longest


def _may_be_key(part: str) -> bool:
    quoted = part[:1] in {'"', "'"} or part[-1:] in {'"', "'"}
    return part != "" and (quoted or not any(char.isspace() or char == "=" for char in part))


def _json(text: str, findings: Findings) -> object:
    try:
        tree = json.loads(text, object_pairs_hook=_Table, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        findings.add(f"line {error.lineno}, column {error.colno}", f"not valid JSON: {error.msg}")
        return None
    except ValueError as error:
        findings.add("", f"not valid JSON: {error}")
        return None
    _find_repeated(tree, findings)
    return tree


def _refuse_constant(word: str) -> object:
    raise _NotJsonError(f"{word} is not a value JSON has")


def _find_repeated(tree: object, findings: Findings) -> None:
    waiting: list[tuple[object, str]] = [(tree, "")]
    while waiting:
        value, place = waiting.pop()
        if isinstance(value, _Table):
            for key in value.repeated:
                findings.add(
                    join(place, key), "the key is given more than once in its table; keep one of them"
                )
            waiting += [(inner, join(place, key)) for key, inner in value.items()]
        for index, inner in enumerate(as_array(value) or ()):
            waiting.append((inner, f"{place}[{index}]"))
