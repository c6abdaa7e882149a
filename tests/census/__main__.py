"""`scripts/census`: kill a sprint at every point it passes, and see that it ends as if nothing had happened."""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

import click

from caloron_actors.adapters.system import SystemClock
from tests.census import report
from tests.census.census import Census, Unsteady, rehearse, remove, sample
from tests.census.mutants import MUTANTS
from tests.census.pairs import all_pairs
from tests.census.plans import BadPlan, Script, read_plan
from tests.census.playing import Played, Theatre, together
from tests.census.storm import storm, summary, tally

CLOCK = SystemClock()
TOLD_EVERY = 50
"""Runs between two lines that say how far it is."""


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="scripts/census", description=__doc__)
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="runs at once (2)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="what is drawn by it (0)")
    parser.add_argument(
        "--share", type=float, default=1.0, metavar="P", help="share of the points, 0 to 1 (1)"
    )
    parser.add_argument(
        "--points", type=Path, metavar="FILE", help="a plan: NAME@before [then NAME@after ...] a line"
    )
    parser.add_argument("--plan", action="append", metavar="LINE", help="a line of a plan")
    parser.add_argument(
        "--list", action="store_true", help="print the points and what is not compared, kill nobody"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    parser.add_argument(
        "--storm", type=int, metavar="N", help="instead: N kills at random times of a run of six tasks"
    )
    parser.add_argument(
        "--pairs", action="store_true", help="instead: every two kills, in memory (or a share of them)"
    )
    parser.add_argument("--mutant", choices=sorted(MUTANTS), help="plant a mistake, which has to be found")
    parser.add_argument(
        "--within", type=Path, metavar="DIR", help="where to work (memory, where there is /dev/shm)"
    )
    return parser.parse_args()


def main() -> int:
    """Do as told. 0: no difference, 1: differences, 2: bad input."""
    given = arguments()
    if given.pairs:
        return _pairs(given)
    shm = Path("/dev/shm")
    within = given.within or (shm if os.access(shm, os.W_OK) else None)
    root = Path(tempfile.mkdtemp(prefix="caloron-census-", dir=within))
    return _storm(given, root) if given.storm is not None else _census(given, root)


def _pairs(given: argparse.Namespace) -> int:
    began = CLOCK.monotonic()
    played = all_pairs(given.jobs, given.share, given.seed, click.echo)
    click.echo(f"all of this {CLOCK.monotonic() - began:.0f} s")
    report.write(given.json, played)
    return 1 if played.differences else 0


def _storm(given: argparse.Namespace, root: Path) -> int:
    seen = storm(root, given.storm, given.seed, CLOCK.monotonic)
    for line in summary(seen):
        click.echo(line)
    report.write(given.json, tally(seen))
    if seen.wrong:
        click.echo(f"left in {root}; repeat with: scripts/census --storm {given.storm} --seed {given.seed}")
        return 1
    shutil.rmtree(root)
    return 0


def _census(given: argparse.Namespace, root: Path) -> int:
    began = CLOCK.monotonic()
    theatre = Theatre(root, CLOCK.monotonic, given.mutant)
    try:
        plan = _plan(given)
        rehearsal = rehearse(Theatre(root, CLOCK.monotonic), given.jobs)
        if given.list:
            report.listing(rehearsal)
            return 0
        if plan is not None:
            plan = _plan(given, frozenset(rehearsal.points))
    except BadPlan as mistakes:
        for line in str(mistakes).splitlines():
            click.echo(f"error: {given.points or '--plan'}: {line}", err=True)
        return 2
    except Unsteady as error:
        click.echo(f"error: undisturbed runs differ:\n{error}", err=True)
        return 1
    finally:
        remove(theatre)
    root.mkdir(exist_ok=True)
    census = Census(theatre, rehearsal, given.seed, click.echo)
    if plan is None:
        runs = [census.at(point) for point in sample(rehearsal.points, given.share, given.seed)]
    else:
        runs = [theatre.play(script) for script in plan]

    def played(one: Played) -> None:
        census.played(one)
        if census.figures.runs % TOLD_EVERY == 0:
            click.echo(f"{census.figures.runs} of {len(runs)} runs", err=True)

    together(runs, given.jobs, played)
    remove(theatre)
    report.summary(census, CLOCK.monotonic() - began, given)
    return 1 if census.figures.wrong else 0


def _plan(given: argparse.Namespace, known: frozenset[str] | None = None) -> list[Script] | None:
    if given.plan is not None:
        return read_plan("\n".join(given.plan), known)
    if given.points is None:
        return None
    try:
        return read_plan(given.points.read_text(), known)
    except OSError as error:
        raise BadPlan(f"cannot be read: {error.strerror}") from error


if __name__ == "__main__":
    sys.exit(main())
