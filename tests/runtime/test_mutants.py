"""The mistakes planted in the kernel stay up to date. That each is caught: `scripts/test --mutants`."""

import shutil
from pathlib import Path

from tests.runtime.mutants.planting import mutants, plant

KERNEL = Path(__file__).parents[2] / "caloron_actors/runtime"


def test_every_mistake_can_be_planted(tmp_path: Path) -> None:
    """Each in a copy of its own: the lines it is made of are still in the kernel, and the tests it names are there."""
    missing: list[str] = []
    for number, mutant in enumerate(mutants()):
        copy = tmp_path / str(number)
        shutil.copytree(KERNEL, copy, ignore=shutil.ignore_patterns("__pycache__"))
        where = plant(mutant, copy)
        absent = [name for name in mutant.tests if not (Path(__file__).parent / name).exists()]
        if where or absent:
            missing.append(f"{mutant.name}: {where} {absent}")
    assert missing == []
