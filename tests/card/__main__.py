"""`scripts/card`: measures everything that the reliability card tells of, and writes the card into the README."""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TypeVar

import click
import msgspec

from tests.card.card import render, replaced
from tests.card.figures import Counted, Figures, Found, Simulated, Stormed

ROOT = Path(__file__).parent.parent.parent
README = ROOT / "README.md"

F = TypeVar("F")


def measured(kind: type[F], module: str, *arguments: str) -> F:
    """Run a measuring command and read what it wrote. Raises SystemExit when it fails: a bad figure is no card."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "figures.json"
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments, "--json", str(path)],
            cwd=ROOT,
            check=False,
            stdout=sys.stderr,
        )
        if done.returncode != 0:
            raise SystemExit(
                f"card: {module} {' '.join(arguments)} gave exit code {done.returncode}: see above"
            )
        return msgspec.json.decode(path.read_bytes(), type=kind)


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="scripts/card", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10_000, help="simulated seeds (default: %(default)s)")
    parser.add_argument("--share", type=float, default=1.0, help="share of the crash points (default: all)")
    parser.add_argument("--storm", type=int, default=50, help="random kills (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="runs at once (default: %(default)s)")
    parser.add_argument("--print", action="store_true", help="leave the README alone")
    given = parser.parse_args()
    jobs = ("--jobs", str(given.jobs))
    card = render(
        Figures(
            simulated=measured(Simulated, "tests.simulation", "--seeds", str(given.seeds), *jobs),
            mutants=measured(Found, "tests.simulation", "--mutants", *jobs),
            counted=measured(Counted, "tests.census", "--share", str(given.share), *jobs),
            stormed=measured(Stormed, "tests.census", "--storm", str(given.storm)),
        )
    )
    click.echo(card)
    if not given.print:
        README.write_text(replaced(README.read_text(encoding="utf-8"), card), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
