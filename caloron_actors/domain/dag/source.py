"""From a file's bytes to a tree of plain values. Knows TOML and JSON, nothing of plans."""

import json
import re
import tomllib
from collections import Counter
from pathlib import PurePosixPath

from caloron_actors.domain.dag.findings import Findings, join, shown

FILE_LIMIT = 8 * 1024 * 1024
"""Bytes; a longer file is not parsed."""

_TOML_PLACE = re.compile(r"(?P<what>.*?)\s*\(at (?P<where>[^()]*)\)", re.DOTALL)
_TWICE = ("overwrite", "twice", "mutate")


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


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def _toml(text: str, findings: Findings) -> object:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = _TOML_PLACE.fullmatch(str(error))
        what, where = (match["what"], match["where"]) if match else (str(error), "")
        twice = any(word in what for word in _TWICE)
        hint = "; a key or table is given twice here, keep one of them" if twice else ""
        findings.add(where, f"not valid TOML: {what}{hint}")
    except (
        ValueError
    ) as error:  # such as a number of more digits than Python converts, or the 31st of February
        findings.add("", f"not valid TOML: {error}")
    return None


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
        elif isinstance(value, list):
            waiting += [(inner, f"{place}[{index}]") for index, inner in enumerate(value)]
