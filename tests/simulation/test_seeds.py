"""500 seeds, one in eight through the real client: every promise holds, and the same seed does the same again."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.runner import MODES, run_block, run_plain, run_seed

BLOCKS, SIZE = 25, 20
"""500 seeds in blocks, so that the processes that run the tests share them."""
ROOT = Path(__file__).parents[2]
DIGEST = "from tests.simulation.runner import run_seed; print(run_seed({seed}).digest)"


@pytest.mark.parametrize("block", range(BLOCKS))
def test_no_seed_breaks_a_promise(block: int) -> None:
    first = block * SIZE + 1
    outcomes = run_block(range(first, first + SIZE), "both")
    broken = [
        f"scripts/simulate --first {o.seed} --seeds 1 --mode {o.mode}: {o.broken}"
        for o in outcomes
        if o.broken
    ]
    assert broken == []


def test_a_seed_does_the_same_whatever_the_hash_seed() -> None:
    """In another process, with other addresses and another order of sets of words."""
    seed = 11
    here = run_seed(seed).digest
    for hash_seed in ("1", "2"):
        told = subprocess.run(
            [sys.executable, "-c", DIGEST.format(seed=seed)],
            cwd=ROOT,
            env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert int(told.stdout) == here


@pytest.mark.parametrize("mode", MODES)
def test_without_trouble_nothing_goes_wrong(mode: str) -> None:
    outcome = run_plain(mode=mode)
    assert outcome.broken == []
    assert outcome.crashes == []
    assert outcome.lives == 1
    assert outcome.faults == {}
