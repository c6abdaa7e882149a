"""`serve`: the service itself. It resumes every sprint of its state directory and runs until it is told to stop."""

from collections.abc import Callable
from pathlib import Path

import anyio
import structlog

from caloron_actors.adapters.http import bind_tcp
from caloron_actors.adapters.sqlite import SqliteJournal, StateDirectory
from caloron_actors.adapters.system import SystemClock
from caloron_actors.app.commands import commands_for, resolve
from caloron_actors.app.host import open_real_host
from caloron_actors.app.mistakes import Mistakes
from caloron_actors.app.options import HostOptions
from caloron_actors.app.real import DATABASE
from caloron_actors.app.run import find_git
from caloron_actors.domain.events import Event, SprintEvent
from caloron_actors.domain.sprint.state import Sprint
from caloron_actors.ports.commands import Commands
from caloron_actors.settings import Settings, SettingsError

COMMAND_SETTINGS = ("agents.command", "agents.reviewer_command")
"""The settings that give an agent a command where its framework has none."""


class LoggedSteps:
    """Implements `ports.watching.Watcher` with one log line for each step."""

    def __init__(self) -> None:
        self._log = structlog.get_logger("sprint")

    def moved(self, sprint: Sprint, event: Event) -> None:
        """Log what happened and, for a task, where it stands now."""
        task = None if isinstance(event, SprintEvent) else event.task
        status = sprint.tasks[task].status if task is not None and task in sprint.tasks else None
        name = type(event).__name__
        self._log.info(
            "event", sprint=sprint.head.id, kind=name, task=task, status=status, seq=sprint.head.seq
        )


async def serve(settings: Settings, environ: dict[str, str], stop: anyio.Event) -> None:
    """Serve until `stop` is set; agents live on.

    Raises `Mistakes`, `SettingsError` and `StateUnusable` before anything is started.
    """
    git = await find_git()
    agents = settings.agents
    author = resolve("agents.command", agents.command, environ) if agents.command else None
    reviewer = (
        resolve("agents.reviewer_command", agents.reviewer_command, environ)
        if agents.reviewer_command
        else None
    )

    def commands_of(sprint: Sprint) -> Commands:
        return commands_for(
            sprint.plan.dag, author=author, reviewer=reviewer, environ=environ, options=COMMAND_SETTINGS
        )

    http_token = _token(settings)
    bind_tcp(settings.http.host, 0).close()
    with StateDirectory.hold(settings.state.directory):
        # A port in use would end the listener again and again: better said once, before anything is started.
        bind_tcp(settings.http.host, settings.http.port).close()
        await _check_stored(settings.state.directory.absolute() / DATABASE, commands_of)
        options = HostOptions(
            state=settings.state.directory.absolute(),
            limits=agents.limits(),
            commands_of=commands_of,
            watcher=LoggedSteps(),
            http_host=settings.http.host,
            http_port=settings.http.port,
            http_token=http_token,
            wall_time=agents.wall_time,
            orphan_limit=agents.orphan_limit,
            poll_active=settings.forge.poll_interval,
            poll_idle=settings.forge.poll_idle,
        )
        async with open_real_host(options, git) as host:
            await host.listens.wait()
            http = None if host.addresses is None else host.addresses.http
            structlog.get_logger("serve").info("ready", state=str(options.state), http=http)
            await stop.wait()


async def _check_stored(database: Path, commands_of: Callable[[Sprint], Commands]) -> None:
    """Open the journal, or make it, before anything else is begun.

    Raises `Mistakes` when a stored sprint cannot be gone on with, and `StateUnusable` when none can be read.
    """
    wrong: list[str] = []
    async with SqliteJournal.open(database, wall=SystemClock()) as journal:
        for head in await journal.sprints():
            sprint = await journal.load(head.id)
            if sprint is None or (head.outcome is not None and not await journal.open_intents(head.id)):
                continue
            try:
                commands_of(sprint)
            except Mistakes as mistakes:
                wrong += [f"sprint {head.id}: {line}" for line in mistakes.lines]
    if wrong:
        raise Mistakes(wrong)


def _token(settings: Settings) -> str | None:
    path = settings.http.token_file
    if path is None:
        return None
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise SettingsError(
            f"http.token_file: {path} cannot be read ({why}): name a file that exists"
        ) from error
    if not token:
        raise SettingsError(f"http.token_file: {path} is empty: put a token into it")
    return token
