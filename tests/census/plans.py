"""Plans of kills: where the first life of a run ends, where the next one, and how such a plan is written in a file."""

import re
from dataclasses import dataclass

_POINT = re.compile(r"(?P<name>\S+)@(?:before|after)")
_NTH = re.compile(r"\+(?P<nth>[1-9][0-9]{0,5})")


@dataclass(frozen=True)
class Kill:
    """The end of one life: at a named point, or at the `nth` that it passes, whatever that is (each call has two)."""

    point: str | None = None
    nth: int | None = None

    def meant(self, point: str, passed: int) -> bool:
        """Whether this is the place."""
        return point == self.point if self.nth is None else passed == self.nth

    def __str__(self) -> str:
        return f"+{self.nth}" if self.point is None else self.point


@dataclass(frozen=True)
class Script:
    """One run: its kills in order, one for each life; the life after the last one goes on to its end."""

    kills: tuple[Kill, ...]

    def __str__(self) -> str:
        return " then ".join(map(str, self.kills))


class BadPlan(Exception):
    """A plan of kills has mistakes; the message has a line for each."""


def read_kill(text: str) -> Kill:
    """Read `NAME@before`, `NAME@after` or `+NTH`. Raises `BadPlan`."""
    if (found := _NTH.fullmatch(text)) is not None:
        return Kill(nth=int(found["nth"]))
    if _POINT.fullmatch(text) is None:
        raise BadPlan(f"{text!r} is no point: write NAME@before, NAME@after or +NTH")
    return Kill(point=text)


def read_script(text: str) -> Script:
    """Read `KILL [then KILL ...]`. Raises `BadPlan`."""
    words = text.split()
    if not words or len(words) % 2 == 0 or any(word != "then" for word in words[1::2]):
        raise BadPlan(f"{text.strip()!r}: write KILL [then KILL ...]")
    return Script(tuple(map(read_kill, words[::2])))


def read_plan(text: str, known: frozenset[str] | None = None) -> list[Script]:
    """Read a plan, a run in each line; what follows a ` #` or a `#` at a line's start is for people.

    `known`: the points of an undisturbed run, one of which each line's first kill has to name. Raises `BadPlan` with
    every mistake and its line.
    """
    scripts: list[Script] = []
    wrong: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip()
        if not words:
            continue
        try:
            script = read_script(words)
        except BadPlan as mistake:
            wrong.append(f"line {number}: {mistake}")
            continue
        first = script.kills[0].point
        if known is not None and first is not None and first not in known:
            wrong.append(f"line {number}: an undisturbed run does not pass {first}")
        scripts.append(script)
    if not scripts and not wrong:
        wrong.append("it names no kill")
    if wrong:
        raise BadPlan("\n".join(wrong))
    return scripts
