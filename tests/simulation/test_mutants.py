"""The simulation is not blind: mistakes planted in the service are found. All of them: `scripts/simulate --mutants`."""

import shutil
from pathlib import Path

import pytest

from tests.runtime.mutants.planting import plant
from tests.simulation.mutants.finding import ROOT, find, planted

CHEAP = (
    "split commit: promises are written in a second transaction",
    "no probe of what an earlier life may have begun",
    "an agent works on two tasks at once",
    "a task starts before its needs are done",
)
"""Those that a few seeds find."""


@pytest.mark.parametrize("name", CHEAP)
def test_a_planted_mistake_is_found(name: str) -> None:
    (mutant,) = planted(name)
    found, how = find(mutant)
    assert found, how


def test_every_mistake_can_be_planted(tmp_path: Path) -> None:
    """Each in a copy of its own: the lines it is made of are still in the service."""
    missing: list[str] = []
    for number, mutant in enumerate(planted()):
        copy = tmp_path / str(number)
        shutil.copytree(
            ROOT / "caloron_actors", copy, ignore=shutil.ignore_patterns("__pycache__", "localforge")
        )
        if where := plant(mutant, copy):
            missing.append(f"{mutant.name}: {where}")
    assert missing == []
