"""Running a sprint from a terminal or a script: progress on stderr, the result on stdout, the exit code."""

import signal
from typing import TYPE_CHECKING

import anyio
import click
import msgspec

from caloron_actors.cli.exits import Exit
from caloron_actors.cli.logs import configure_logs
from caloron_actors.cli.progress import progress
from caloron_actors.cli.signals import interruptible
from caloron_actors.domain.marker import one_line
from caloron_actors.views.result import RunResult

if TYPE_CHECKING:
    from caloron_actors.app.run import RunOptions

REASON_LIMIT = 2000
"""Characters of a reason on the terminal; the report and the JSON have all of it."""


def execute(options: "RunOptions", *, as_json: bool) -> int:
    """Run, show, print, and give the exit code."""
    from caloron_actors.app.run import run  # noqa: PLC0415 - a fast --help

    configure_logs("warning", "auto")

    async def main() -> tuple[RunResult, signal.Signals | None]:
        # Signals are taken before the first line is shown: whoever reads it may interrupt at once.
        async with interruptible() as told:
            with progress(options.dag) as shown:
                result = await run(options, shown, told.event)
                return result, told.number

    result, interruption = anyio.run(main)
    if as_json:
        click.echo(msgspec.json.encode(result))
    else:
        click.echo(summary(result))
    return exit_code(result, interruption)


def exit_code(result: RunResult, interruption: signal.Signals | None) -> int:
    """0 succeeded, 1 ended or paused otherwise, 130 or 143 when a signal ended the run before its sprint."""
    if result.outcome == "succeeded":
        return Exit.OK
    if result.outcome == "interrupted" and interruption is not None:
        return 128 + interruption
    return Exit.NOT_SUCCEEDED


def summary(result: RunResult) -> str:
    """The result for people."""
    lines = [f"sprint {result.sprint}: {result.outcome}"]
    for task, told in result.tasks.items():
        merged = f" as {told.merge_commit[:12]}" if told.merge_commit is not None else ""
        pull = f" (pull request #{told.pull_request}{merged})" if told.pull_request is not None else ""
        why = f": {one_line(told.reason, REASON_LIMIT)}" if told.reason else ""
        lines.append(f"  {task}: {told.status}{pull}{why}")
    lines.append(f"report: {result.report}")
    lines.append(f"repository: {result.repository}")
    return "\n".join(lines)
