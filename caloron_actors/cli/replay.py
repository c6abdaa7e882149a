"""`replay`: does the journal explain the stored state?"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from caloron_actors.cli.exits import Exit, failures_of_a_run
from caloron_actors.cli.values import state_option
from caloron_actors.domain.ids import SprintId
from caloron_actors.domain.marker import one_line

if TYPE_CHECKING:
    from caloron_actors.app.replaying import Event, ReplayReport, SegmentReport, SprintReport

TEXT_LIMIT = 4000
SEGMENTS = {
    "replayed": "replayed",
    "compacted": "compacted; explained from its results alone (--explain)",
    "other_version": "not of this version; explained from its results alone (--explain)",
}


@click.command()
@state_option
@click.option("--sprint", metavar="ID", help="Only this sprint.")
@click.option(
    "--explain", is_flag=True, help="List every event and what came of it, whichever version wrote it."
)
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def replay(state: Path | None, sprint: str | None, explain: bool, as_json: bool) -> None:  # noqa: FBT001 - click passes options by name
    """Fold the journal with this version's rules and compare the result with the stored state.

    Works beside a running service and changes nothing. Exit codes: 0 equal, 1 they differ, 2 bad input or a state
    that cannot be read.
    """
    with failures_of_a_run():
        from caloron_actors.app.replaying import replay_state  # noqa: PLC0415 - a fast --help
        from caloron_actors.app.state import database_of  # noqa: PLC0415
        from caloron_actors.app.version import step_version  # noqa: PLC0415

        only = None if sprint is None else SprintId(sprint)
        database = database_of(state, os.environ)
        report = replay_state(database, step_version(), only, explain=explain)
    if as_json:
        click.echo(msgspec.json.encode(report))
    else:
        for line in _lines(report):
            click.echo(
                one_line(line, TEXT_LIMIT) if not line.startswith(" ") else f"  {one_line(line, TEXT_LIMIT)}"
            )
    raise SystemExit(Exit.OK if report.equal else Exit.NOT_SUCCEEDED)


def _lines(report: "ReplayReport") -> list[str]:
    lines = [f"version {report.version}, sprints: {len(report.sprints)}"]
    for sprint in report.sprints:
        lines += [f"sprint {sprint.sprint}: {_verdict(sprint)}", *map(_segment, sprint.segments)]
        lines += [f" {event}" for event in map(_event, sprint.events or ())]
        lines += [f" differs: {difference}" for difference in sprint.differences]
    return lines


def _verdict(sprint: "SprintReport") -> str:
    if sprint.differences:
        return f"{len(sprint.differences)} differences, {sprint.replayed} events replayed"
    return f"as stored, {sprint.replayed} events replayed"


def _segment(segment: "SegmentReport") -> str:
    version = segment.version or "unknown"
    where = f"events {segment.first_seq} to {segment.last_seq}"
    return f" segment {segment.ordinal}, version {version}, {where}: {SEGMENTS[segment.state]}"


def _event(event: "Event") -> str:
    result = event.result
    parts = [f"{event.seq} {event.at} {event.kind}"]
    parts += [f"of {result.task}"] if result.task is not None else []
    parts += [f"(outcome of {event.settled})"] if event.settled is not None else []
    parts += [f"REFUSED: {event.refusal}"] if event.refusal is not None else []
    parts += [f"| {m.task} is {m.status}" + (f" ({m.reason})" if m.reason else "") for m in result.moved]
    parts += [f"| promises {key}" for key in result.promised]
    parts += [f"| takes back {key}" for key in result.withdrawn]
    parts += [f"| the sprint is over: {result.outcome}"] if result.outcome is not None else []
    return " ".join(parts)
