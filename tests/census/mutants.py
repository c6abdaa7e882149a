"""Mistakes that can be planted into a census's service, each of which the census has to find."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from caloron_actors.actors.perform import Performer
from caloron_actors.adapters.github import GitHubForge
from caloron_actors.adapters.process import ProcessLauncher
from caloron_actors.domain.effects import Intent
from caloron_actors.domain.events import Event
from caloron_actors.domain.sprint.state import Sprint
from caloron_actors.ports.forge import PullRequestSeen
from caloron_actors.ports.launcher import LaunchOrder, RunState


@dataclass(frozen=True)
class Mutant:
    """A mistake: how it is planted into this process, and a kill at which it shows."""

    plant: Callable[[], None]
    shows: str


def _no_probe() -> None:
    perform = Performer.perform

    async def hasty(self: Performer, sprint: Sprint, intent: Intent, *, probe: bool) -> Event:
        return await perform(self, sprint, intent, probe=False)

    _put(Performer, "perform", hasty)


def _blind_merge() -> None:
    read = GitHubForge.pull_request

    async def late(self: GitHubForge, number: int) -> PullRequestSeen:
        return msgspec.structs.replace(await read(self, number), merged=False, merge_commit=None)

    _put(GitHubForge, "pull_request", late)


def _forgetful_launcher() -> None:
    launch = ProcessLauncher.launch

    async def again(self: ProcessLauncher, order: LaunchOrder) -> RunState:
        run = order.run
        shutil.rmtree(self._runs / run.sprint / run.task / run.agent / str(run.ordinal), ignore_errors=True)
        return await launch(self, order)

    _put(ProcessLauncher, "launch", again)


def _put(owner: type, name: str, mistake: object) -> None:
    setattr(owner, name, mistake)


MUTANTS = {
    "no-probe": Mutant(_no_probe, "forge.create_issue:s/b/CreateIssue/1:caloron:task#1@after"),
    "blind-merge": Mutant(_blind_merge, "forge.merge:b.pull#1@after"),
    "double-launch": Mutant(_forgetful_launcher, "launcher.launch:s/a/ada/1#1@after"),
}
