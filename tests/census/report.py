"""What a census says: its points, what it does not compare, and its figures."""

import argparse
import shlex
from pathlib import Path

import click
import msgspec

from tests.census import points, world
from tests.census.census import Census, Rehearsal, percentile


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """The figures for the reliability card. Durations are seconds. `points`: names, each killed before and after.

    `first_commit` and `recovery` count from a restart, to its first durable commit and to the end of the last life.
    """

    points_total: int
    points_covered: int
    runs: int
    kills: int
    differences: int
    duplicates: int
    losses: int
    false_kills: int
    calls_per_task: float
    first_commit_p50: float
    first_commit_p90: float
    first_commit_p99: float
    recovery_p50: float
    recovery_p90: float
    recovery_p99: float
    undisturbed: float
    took: float
    seed: int


def listing(rehearsal: Rehearsal) -> None:
    """Print every point, the classes of volatile ones, and what is not compared."""
    for point in sorted(rehearsal.points):
        click.echo(point)
    click.echo(f"\n{len(rehearsal.names)} points, each before and after")
    click.echo(
        "\nclasses of points that are passed a varying number of times (the first pass of a name counts):"
    )
    for name, why in points.VOLATILE.items():
        click.echo(f"  {name}: {why}")
    for point in rehearsal.sometimes:
        click.echo(f"  passed by some runs only, and not counted: {point}")
    click.echo("\nnot compared:")
    for name, why in world.VOLATILE.items():
        click.echo(f"  {name}: {why}")


def summary(census: Census, took: float, given: argparse.Namespace) -> None:
    """Print the figures, and how to repeat each difference."""
    figures, rehearsal = census.figures, census.rehearsal
    names = set(rehearsal.names)
    # A call that the end of the sprint cuts off is passed before only.
    covered = names - {point.rpartition("@")[0] for point in set(rehearsal.points) - figures.killed}
    click.echo(
        f"points covered {len(covered)}/{len(names)} (kills before and after: "
        f"{len(figures.killed)}/{len(rehearsal.points)}); {figures.runs} runs, {figures.lives} lives, "
        f"second kills {dict(figures.second)}"
    )
    for point in sorted(figures.missed - figures.killed):
        click.echo(f"  not passed this time: {point}")
    click.echo(
        f"differences {len(figures.wrong)}; duplicates {figures.duplicates}, losses {figures.losses}, "
        f"false kills {figures.false_kills}"
    )
    for name, values in (("first commit", figures.first), ("whole recovery", figures.whole)):
        told = "  ".join(f"p{share:.0%} {percentile(values, share):.2f} s" for share in (0.5, 0.9, 0.99))
        click.echo(f"from restart to the {name}: {told.replace('%', '')} of {len(values)}")
    click.echo(
        f"of each restart {rehearsal.imports:.2f} s are imports, measured once and added: lives are forked"
    )
    click.echo(f"an undisturbed run {rehearsal.seconds:.2f} s; all of this {took:.0f} s")
    for played in figures.wrong:
        mutant = f" --mutant {given.mutant}" if given.mutant else ""
        click.echo(f"repeat with: scripts/census --plan {shlex.quote(str(played.script))}{mutant}")
    write(given.json, card(census, took, len(covered)))


def write(path: Path | None, figures: msgspec.Struct) -> None:
    """Write figures as JSON where they are wanted."""
    if path is not None:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(figures)))


def card(census: Census, took: float, covered: int) -> Card:
    """The figures as data."""
    figures, rehearsal = census.figures, census.rehearsal
    return Card(
        points_total=len(rehearsal.names),
        points_covered=covered,
        runs=figures.runs,
        kills=figures.lives - figures.runs,
        differences=len(figures.wrong),
        duplicates=figures.duplicates,
        losses=figures.losses,
        false_kills=figures.false_kills,
        calls_per_task=rehearsal.calls / 2,
        first_commit_p50=percentile(figures.first, 0.5),
        first_commit_p90=percentile(figures.first, 0.9),
        first_commit_p99=percentile(figures.first, 0.99),
        recovery_p50=percentile(figures.whole, 0.5),
        recovery_p90=percentile(figures.whole, 0.9),
        recovery_p99=percentile(figures.whole, 0.99),
        undisturbed=rehearsal.seconds,
        took=took,
        seed=census.seed,
    )
