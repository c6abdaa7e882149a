"""What a plan may say is more than a forge takes: it is shortened there, and whole for the agents."""

from msgspec.structs import replace

from caloron_actors.adapters.memory.launcher import Finished
from tests.actors.cast import Cast, Stage, diligent
from tests.actors.conftest import MakeService
from tests.domain.sprint.plans import dag, task

TITLE, BODY = "t" * 300, "b" * 200_000


async def test_a_long_title_and_a_long_body_fit_into_the_forge(service: MakeService) -> None:
    prompts: list[str] = []

    async def author(stage: Stage) -> Finished:
        prompts.append(stage.order.prompt)
        return await diligent(stage)

    world = await service(dag(replace(task("a", body=BODY), title=TITLE)), cast=Cast(author=author))
    assert (await world.finish()).head.outcome == "succeeded"
    [issue] = await world.forge.issues()
    [pull] = await world.forge.pull_requests()
    assert len(issue.title) <= 256
    assert len(pull.title) <= 256
    assert len(issue.body) <= 65_536
    assert "140000 more characters" in issue.body
    assert TITLE in prompts[0]
    assert BODY in prompts[0]
