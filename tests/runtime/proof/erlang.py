"""Plays histories on a real Erlang, when there is one: one `escript` process, a history a line."""

import shutil
import subprocess
from pathlib import Path
from typing import Any, assert_never

from .trees import (
    Branch,
    Call,
    Ends,
    Grow,
    History,
    Leaf,
    Nursery,
    Passes,
    Record,
    Spec,
    StartKey,
    Step,
    StopKey,
)

SCRIPT = Path(__file__).with_name("otp.escript")
TICK = 0.5
"""Seconds in one tick of the Erlang side's clock; every time in a history is a multiple of it."""


class Erlang:
    """A running player; closed by leaving the block."""

    def __init__(self) -> None:
        escript = shutil.which("escript")
        if escript is None:
            raise FileNotFoundError("escript")
        self._process = subprocess.Popen(
            [escript, str(SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> "Erlang":
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:
            if self._process.stdin is not None:
                self._process.stdin.close()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()

    def play(self, history: History) -> Record:
        """The record of the history on OTP; ConnectionError when the player has ended."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(term(history) + ".\n")
        stdin.flush()
        record = Record()
        while True:
            line = stdout.readline()
            if not line:
                raise ConnectionError("the Erlang player has ended")
            word, _, rest = line.rstrip("\n").partition(" ")
            match word:
                case "done":
                    return record
                case "exit":
                    record.exit = rest
                case "picture":
                    words = rest.split()
                    record.pictures.append(
                        [f"{path} {state}" for path, state in zip(words[::2], words[1::2], strict=True)]
                    )
                case "report":
                    record.reports.append(rest)
                case _:
                    record.lines.append(f"{word} {rest}")


def term(history: History) -> str:
    """The history as an Erlang term."""
    return _term((_spec(history.root, history.root.id), [_step(step) for step in history.steps]))


def _spec(spec: Spec, path: str) -> tuple[Any, ...]:
    match spec:
        case Leaf(id_, restart, significant, brutal, sore, fails, budget):
            assert budget is None, "OTP's children have no budgets of their own"
            return (Atom("leaf"), path, id_, Atom(restart), significant, brutal, sore, list(fails))
        case Nursery(id_, restart, rule, intensity, period, limit, significant):
            assert limit is None, "OTP's factories have no max_children"
            rules = (Atom(restart), Atom(rule))
            return (Atom("nursery"), path, id_, *rules, intensity, _ticks(period) - 1, significant)
        case Branch(id_, children, strategy, intensity, period, restart, auto, significant):
            inner = [_spec(child, f"{path}/{child.id}") for child in children]
            # OTP's window is closed: one tick less makes it hold the same restarts as the half-open one.
            flags = (Atom(strategy), intensity, _ticks(period) - 1, Atom(restart), Atom(auto), significant)
            return (Atom("branch"), path, id_, *flags, inner)
        case _:
            assert_never(spec)


def _step(step: Step) -> tuple[Any, ...]:
    match step:
        case Passes(seconds):
            return (Atom("passes"), _ticks(seconds))
        case Ends(ends):
            owner = ends[0][0].rpartition("/")[0]
            return (Atom("ends"), owner, [(path, Atom(how)) for path, how in ends])
        case StartKey(path, key, fails):
            leaf = _spec(Leaf(key, fails=fails), f"{path}/{key}")
            return (Atom("start_key"), path, f"{path}/{key}", leaf)
        case StopKey(path, key):
            return (Atom("stop_key"), path, f"{path}/{key}")
        case Grow(path, leaf):
            return (Atom("grow"), path, _spec(leaf, f"{path}/{leaf.id}"))
        case Call(path, name, id_):
            return (Atom("call"), path, Atom(name), id_)
        case _:
            assert_never(step)


class Atom(str):
    """An Erlang atom; a plain str is a string."""

    __slots__ = ()


def _term(value: object) -> str:
    match value:
        case Atom():
            return str(value)
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case str():
            return f'"{value}"'
        case tuple():
            return "{" + ",".join(map(_term, value)) + "}"
        case list():
            return "[" + ",".join(map(_term, value)) + "]"
        case _:
            raise TypeError(f"no term for {value!r}")


def _ticks(seconds: float) -> int:
    ticks = round(seconds / TICK)
    assert ticks * TICK == seconds, "times are whole ticks"
    return ticks
