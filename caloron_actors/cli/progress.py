"""Progress while a sprint runs: a live table on a terminal, a line for each change elsewhere. Always on stderr."""

import sys
from collections.abc import Generator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from caloron_actors.domain.dag import Dag
from caloron_actors.domain.events import Event
from caloron_actors.domain.ids import TaskId
from caloron_actors.domain.marker import one_line
from caloron_actors.domain.sprint.state import Sprint
from caloron_actors.domain.task import Status
from caloron_actors.ports.watching import Watcher
from caloron_actors.views.result import reason

SANDBOX_NOTE = "sandbox=none: agents run with your own rights"

COLOURS = {
    Status.DONE: "green",
    Status.IN_PROGRESS: "cyan",
    Status.IN_REVIEW: "blue",
    Status.MERGING: "blue",
    Status.BLOCKED: "yellow",
    Status.FAILED: "red",
    Status.CANCELLED: "red",
}


@contextmanager
def progress(dag: Dag) -> Generator[Watcher, None, None]:
    """Show a sprint for as long as this lasts. Nothing is shown of one that is refused."""
    if not sys.stderr.isatty():
        yield Headed(dag, Lines())
        return
    with Live(console=Console(stderr=True), refresh_per_second=4) as live:
        yield Headed(dag, LiveTable(live))


class Headed:
    """Implements `ports.watching.Watcher` with a line before the first step that another one shows."""

    def __init__(self, dag: Dag, below: Watcher) -> None:
        self._line: str | None = f"sprint {dag.id}: {len(dag.tasks)} tasks; {SANDBOX_NOTE}"
        self._below = below

    def moved(self, sprint: Sprint, event: Event) -> None:
        """Say once what is run and how, then pass everything on."""
        if self._line is not None:
            click.echo(self._line, err=True)
            self._line = None
        self._below.moved(sprint, event)


class Lines:
    """Implements `ports.watching.Watcher` with a line for each task whose status has changed."""

    def __init__(self) -> None:
        self._last: dict[TaskId, Status] = {}

    def moved(self, sprint: Sprint, event: Event) -> None:
        """Print what changed."""
        for task in sprint.tasks.values():
            if self._last.get(task.id, Status.PENDING) is not task.status:
                why = f" ({one_line(task.reason)})" if task.reason else ""
                click.echo(f"{sprint.head.id}/{task.id}: {task.status}{why}", err=True)
            self._last[task.id] = task.status


class LiveTable:
    """Implements `ports.watching.Watcher` with one table that is drawn anew."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def moved(self, sprint: Sprint, event: Event) -> None:
        """Draw the table of the present state."""
        table = Table(title=f"sprint {sprint.head.id}")
        for column in ("task", "status", "issue", "pull request", "attempts", "reviews", ""):
            table.add_column(column)
        for task in sprint.tasks.values():
            table.add_row(
                task.id,
                Text(task.status, style=COLOURS.get(task.status, "")),
                "" if task.issue is None else f"#{task.issue}",
                "" if task.pull_request is None else f"#{task.pull_request}",
                str(task.attempts),
                str(task.review_cycles),
                Text(one_line(reason(sprint, task) or "", 80)),
            )
        self._live.update(table)
