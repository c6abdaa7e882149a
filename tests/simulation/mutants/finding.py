"""Plants each mistake in a copy of the package and simulates until it is found, or until its number of seeds is over."""

import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from tests.runtime.mutants.planting import Mutant, mutants, plant

ROOT = Path(__file__).parents[3]
PLANTED = Path(__file__).with_name("planted.txt")
LIMIT = 300.0
"""Seconds for the seeds of one mutant."""
_BROKEN = re.compile(r"^seed (\d+) \(\w+\): (.*)$", re.MULTILINE)


def planted(part: str = "") -> list[Mutant]:
    """The mutants whose name holds `part`."""
    return [mutant for mutant in mutants(PLANTED, "seeds: ") if part in mutant.name]


def find(mutant: Mutant) -> tuple[bool, str]:
    """Whether it was found, and by which seed and what, or why not."""
    with TemporaryDirectory() as made:
        root = Path(made)
        for part in ("caloron_actors", "tests/simulation", "tests/actors"):
            shutil.copytree(ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__"))
        if missing := plant(mutant, root / "caloron_actors"):
            return False, f"does not apply: {missing}"
        command = [
            sys.executable,
            "-m",
            "tests.simulation",
            "--stop",
            "--mode",
            "port",
            "--seeds",
            *mutant.tests,
        ]
        env = os.environ | {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            told = subprocess.run(
                command, cwd=root, env=env, capture_output=True, text=True, timeout=LIMIT, check=False
            )
        except subprocess.TimeoutExpired:
            return False, f"not found in {LIMIT} s"
    found = _BROKEN.search(told.stdout)
    if told.returncode != 1 or found is None:
        return False, f"SURVIVED {mutant.tests[0]} seeds {told.stderr[-500:]}"
    return True, f"seed {found[1]:>3} of {mutant.tests[0]:>3}: {found[2][:90]}"


class Found(msgspec.Struct, frozen=True):
    """How many were planted, and how many of them found."""

    planted: int
    found: int


def find_all(part: str, jobs: int) -> Found:
    """Print what became of each."""
    chosen = planted(part)
    missed = 0
    with ThreadPoolExecutor(jobs) as pool:
        for mutant, (found, how) in zip(chosen, pool.map(find, chosen), strict=True):
            print(f"{mutant.name:<62} {how}", flush=True)  # noqa: T201 - it is what the program is for
            missed += not found
    print(f"{len(chosen)} mutants: {len(chosen) - missed} found, {missed} not")  # noqa: T201 - the same
    return Found(len(chosen), len(chosen) - missed)
