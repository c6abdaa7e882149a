"""The page on effects names every effect, the times that are set, and proofs that exist."""

import re
import typing
from pathlib import Path

from caloron_actors import actors
from caloron_actors.actors.perform.world import SETTLING
from caloron_actors.adapters.process import HarnessLimits
from caloron_actors.domain.effects import Effect

ROOT = Path(__file__).parents[2]
PAGE = (Path(actors.__file__).parent / "EFFECTS.md").read_text()


def test_every_effect_has_its_row() -> None:
    rows = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| ")][1:]
    named = [name for row in rows for name in re.findall(r"[A-Z]\w+", row)]
    assert sorted(named) == sorted(kind.__name__ for kind in typing.get_args(Effect))


def test_the_times_are_those_that_are_set() -> None:
    assert f"{SETTLING.seconds} s;" in PAGE
    assert f"({HarnessLimits().orphan_limit.seconds // 60} min)" in PAGE


def test_the_proofs_are_there() -> None:
    paths = re.findall(r"`(tests/[\w/*.]+)`", PAGE)
    assert len(paths) == 3
    assert all(list(ROOT.glob(path)) for path in paths)
    assert all((ROOT / "tests/actors" / name).exists() for name in re.findall(r"`(test_\w+\.py)`", PAGE))


def test_it_is_one_page() -> None:
    assert len(PAGE.splitlines()) <= 90
