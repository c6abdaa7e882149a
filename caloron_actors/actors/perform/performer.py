"""One entry for every kind of effect."""

from dataclasses import replace
from datetime import timedelta
from typing import assert_never

import structlog

from caloron_actors.actors.perform import on_forge, on_host
from caloron_actors.actors.perform.world import World
from caloron_actors.domain import effects as fx
from caloron_actors.domain.events import Event
from caloron_actors.domain.sprint.state import Sprint
from caloron_actors.ports.errors import PortError, Unavailable


class Performer:
    """Does effects through the ports of one sprint. Holds no state of its own."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._untried = replace(world, settling=timedelta(0))

    async def pause(self, duration: timedelta) -> None:
        """Wait on the service's clock."""
        await self._world.pause(duration)

    async def perform(self, sprint: Sprint, intent: fx.Intent, *, probe: bool, tried: bool = True) -> Event:
        """Do an effect and give its outcome. With `probe` it may have been done before: look first.

        Without `tried` this state directory knows of no try (only one that a backup has forgotten could have been), so
        that the forge's lists have settled long since. Raises `Unavailable` when it should be tried again later and
        `Rejected` when the answer is a final no.
        """
        world = self._world if tried else self._untried
        try:
            return await self._perform(world, sprint, intent, probe=probe)
        except PortError:
            raise
        except Exception as bug:
            # Nobody knows how far it came. A crash would take the effects of all other tasks along, again and again.
            structlog.get_logger("perform").exception("effect_failed", effect=intent.key)
            raise Unavailable(f"a bug: {bug!r}", ambiguous=True) from bug

    async def _perform(  # noqa: C901, PLR0911, PLR0912 - one line a kind
        self, world: World, sprint: Sprint, intent: fx.Intent, *, probe: bool
    ) -> Event:
        effect, key = intent.effect, intent.key
        match effect:
            case fx.CreateIssue():
                return await on_forge.create_issue(world, sprint, effect, key, probe=probe)
            case fx.PostComment():
                return await on_forge.post_comment(world, effect, key, probe=probe)
            case fx.AddLabel() | fx.RemoveLabel() | fx.CloseIssue():
                return await on_forge.write_note(world, effect)
            case fx.OpenPullRequest():
                return await on_forge.open_pull_request(world, sprint, effect, key, probe=probe)
            case fx.SubmitReview():
                return await on_forge.submit_review(world, sprint, effect, key, probe=probe)
            case fx.MergePullRequest():
                return await on_forge.merge(world, sprint, effect)
            case fx.PrepareWork():
                return await on_host.prepare(world, sprint, effect)
            case fx.LaunchAuthor():
                return await on_host.launch_author(world, sprint, effect)
            case fx.LaunchReviewer():
                return await on_host.launch_reviewer(world, sprint, effect)
            case fx.CollectWork():
                return await on_host.collect(world, sprint, effect)
            case fx.SaveWork():
                return await on_host.save(world, sprint, effect)
            case fx.PushBranch():
                return await on_host.push(world, sprint, effect)
            case fx.StopRun():
                return await on_host.stop(world, sprint, effect)
            case _:
                assert_never(effect)
