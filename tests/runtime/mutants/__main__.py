"""Plants each mistake in a copy of the kernel and runs the tests that must notice it; fails when one survives.

`python -m tests.runtime.mutants [part of a name]`, from the root of the checkout. Nothing in the checkout is changed.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from .planting import Mutant, mutants, plant

ROOT = Path(__file__).parents[3]
KERNEL = Path("caloron_actors/runtime")
HANGS_AFTER = 10
"""Seconds for one test; a mutant that makes it hang is noticed as well."""
LIMIT = 120.0
"""Seconds for all tests of one mutant, should even that limit be lost."""
AT_ONCE = 2
HISTORIES = "320"
_PLACE = "import caloron_actors.runtime as kernel; print(kernel.__file__)"
CAUGHT, HANGS, SURVIVED, STALE = "caught", "caught: hangs", "SURVIVED", "DOES NOT APPLY"


def copy(to: Path) -> None:
    """What the tests need: the package, the tests of the kernel, and the settings of pytest."""
    shutil.copytree(ROOT / "caloron_actors", to / "caloron_actors")
    shutil.copytree(ROOT / "tests/runtime", to / "tests/runtime")
    shutil.copy(ROOT / "tests/conftest.py", to / "tests/conftest.py")
    shutil.copy(ROOT / "pyproject.toml", to / "pyproject.toml")


def run(root: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Run Python on the copy."""
    env = os.environ | {
        "PYTHONPATH": str(root),
        "PYTHONDONTWRITEBYTECODE": "1",
        "CALORON_PROOF_HISTORIES": HISTORIES,
        "CALORON_PROOF_SHRINK": "0",
    }
    return subprocess.run(
        [sys.executable, *args], cwd=root, env=env, capture_output=True, text=True, timeout=LIMIT, check=False
    )


def run_tests(root: Path, names: Iterable[str]) -> subprocess.CompletedProcess[str]:
    files = [f"tests/runtime/{name}" for name in names]
    quiet = (
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        "--tb=no",
        "-W",
        "ignore::pytest.PytestUnraisableExceptionWarning",
    )
    return run(root, "-m", "pytest", *quiet, f"--timeout={HANGS_AFTER}", *files)


def judge(mutant: Mutant) -> tuple[str, str]:
    """What became of it, and the test that noticed or the lines that were not found."""
    with TemporaryDirectory() as made:
        root = Path(made)
        copy(root)
        if missing := plant(mutant, root / KERNEL):
            return STALE, missing
        try:
            result = run_tests(root, mutant.tests)
        except subprocess.TimeoutExpired:
            return HANGS, ""
    if result.returncode == 0:
        return SURVIVED, ""
    failed = [line for line in result.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    if failed:
        return CAUGHT, failed[0].split(" ")[1].removeprefix("tests/runtime/")
    if "Timeout" in result.stdout + result.stderr:
        return HANGS, " ".join(mutant.tests)
    return SURVIVED, f"pytest did not run:\n{result.stdout}{result.stderr}"


def sound(names: Iterable[str]) -> str:
    """Empty when the tests pass on an unchanged copy and it is the copy that they import; else what went wrong."""
    with TemporaryDirectory() as made:
        root = Path(made)
        copy(root)
        place = run(root, "-c", _PLACE).stdout.strip()
        if not place.startswith(str(root)):
            return f"the copy is not what is imported, but {place}"
        result = run_tests(root, sorted(set(names)))
        return "" if result.returncode == 0 else f"the tests fail without any mutant:\n{result.stdout}"


def main(part: str = "") -> int:
    chosen = [mutant for mutant in mutants() if part in mutant.name]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        control = pool.submit(sound, [name for mutant in chosen for name in mutant.tests])
        bad = 0
        for mutant, (verdict, noticed) in zip(chosen, pool.map(judge, chosen), strict=True):
            print(f"{verdict:<15} {mutant.name:<72} {noticed}", flush=True)  # noqa: T201
            bad += verdict in {SURVIVED, STALE}
        problem = control.result()
    print(problem or f"{len(chosen)} mutants: {len(chosen) - bad} caught, {bad} not")  # noqa: T201
    return 1 if bad or problem else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
